//! What is answered about many at once comes from memory and is what the record says, whoever has written since; and a back end that has
//! the same in a file answers the same.

use crate::database::{Database, Kind};
use crate::house::*;
use crate::identity;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use consentry_core::packed::{Behind, Follower, Heard, Prepared};
use consentry_core::wire::{DecisionDoc, EventDoc, QuestionDoc};
use consentry_core::{Event, Subject, Time};
use consentry_server::{App, Clock, Config};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

type Replicated = Follower<Behind<Vec<u8>>>;

const QUESTIONS: [&str; 4] = [
    r#"{"purpose":"marketing"}"#,
    r#"{"purpose":"downstream-ai","processor":"kling","jurisdiction":"DE"}"#,
    r#"{"purpose":"analytics","jurisdiction":"US-CA","age":"adult"}"#,
    r#"{"purpose":"ai-training"}"#,
];

fn with(question: &str, more: Value) -> Value {
    let mut question: Value = serde_json::from_str(question).unwrap();
    question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    question
}

/// What the full rule says of each, without what a replica does not know.
async fn decided(router: &Router, key: &str, question: &str, more: &Value, subjects: &[String]) -> Vec<Value> {
    let of = |subject: &String| with(&with(question, more.clone()).to_string(), json!({ "subject": subject }));
    let questions: Vec<Value> = subjects.iter().map(of).collect();
    let answer = send(router, ask(key, &json!({ "questions": questions }))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let mut decisions = answer.json()["decisions"].as_array().unwrap().clone();
    decisions.iter_mut().for_each(|decision| decision["events"] = json!([]));
    decisions
}

/// The same from memory: each with how long its like may be relied on at least.
async fn answered(router: &Router, key: &str, question: &str, more: &Value, subjects: &[String]) -> Vec<Value> {
    let question = with(&with(question, more.clone()).to_string(), json!({ "subjects": subjects }));
    let answer = send(router, ask(key, &question)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let (decisions, answers) = (answer.json()["decisions"].clone(), answer.json()["answers"].clone());
    let of = |place: &Value| decisions[usize::try_from(place.as_u64().unwrap()).unwrap()].clone();
    answers.as_array().unwrap().iter().map(of).collect()
}

async fn filtered(router: &Router, key: &str, question: &str, more: &Value, subjects: &[String]) -> Vec<String> {
    let query = with(question, more.clone());
    let query: Vec<String> = query
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), Into::into)))
        .collect();
    let request = Request::post(format!("/v1/sites/adforge/filter?{}", query.join("&")))
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .header(header::CONTENT_TYPE, "text/plain")
        .body(Body::from(subjects.join("\n")))
        .unwrap();
    let answer = send(router, request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.text().lines().map(Into::into).collect()
}

async fn replica(router: &Router, key: &str) -> Vec<u8> {
    let request = Request::get("/v1/sites/adforge/replica").header(header::AUTHORIZATION, format!("Bearer {key}"));
    let answer = send(router, request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/vnd.consentry.replica");
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    answer.body.to_vec()
}

/// Takes everything that the feed has.
async fn follow(router: &Router, key: &str, follower: &mut Replicated) {
    loop {
        let after = follower.entries().checked_sub(1).map_or_else(String::new, |last| format!("?after={last}"));
        let request = Request::get(format!("/v1/sites/adforge/changes{after}"));
        let request = request.header(header::AUTHORIZATION, format!("Bearer {key}")).body(Body::empty()).unwrap();
        let page = send(router, request).await.json();
        for change in page["changes"].as_array().unwrap() {
            let (seq, at) = (change["seq"].as_u64().unwrap(), Time::from_ms(change["at_ms"].as_u64().unwrap()));
            if change["type"] == "erased" {
                let hex = change["subject_hash"].as_str().unwrap();
                let byte = |place: usize| u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).unwrap();
                follower.take(seq, Heard::Erased(at, std::array::from_fn(byte))).unwrap();
            } else if change["type"] == "gone" {
                follower.take(seq, Heard::Gone).unwrap();
            } else {
                let mut event = change.clone();
                let subject: Subject = event["subject"].as_str().unwrap().parse().unwrap();
                event.as_object_mut().unwrap().retain(|name, _| name != "subject" && name != "seq");
                let event: Event = serde_json::from_value::<EventDoc>(event).unwrap().try_into().unwrap();
                follower.take(seq, Heard::Event(subject, &event)).unwrap();
            }
        }
        if page["more"] == json!(false) {
            return;
        }
    }
}

fn followed(follower: &Replicated, question: &str, more: &Value, subjects: &[String], now: Time) -> Vec<Value> {
    let of = |subject: &String| -> QuestionDoc {
        serde_json::from_value(with(&with(question, more.clone()).to_string(), json!({ "subject": subject }))).unwrap()
    };
    let decide = |subject: &String| {
        let question = of(subject);
        let mut prepared =
            Prepared::new(Arc::clone(follower.history()), question.question(), question.context(Time::from_ms(0)));
        let decision = match question.as_of_ms {
            None => follower.decide(&mut prepared, question.subject, now),
            Some(then) => follower.decide_as_of(&mut prepared, question.subject, then.min(now)),
        };
        serde_json::to_value(DecisionDoc::from(decision.unwrap())).unwrap()
    };
    subjects.iter().map(decide).collect()
}

/// Holds every way to ask against the full rule, for everybody.
async fn all_agree(router: &Router, keys: &[String; 2], follower: &mut Replicated, subjects: &[String], now: Time) {
    let [key, export] = keys;
    follow(router, export, follower).await;
    let earlier = json!({ "as_of_ms": now.as_ms() - 90_000 });
    for (question, more) in QUESTIONS.iter().flat_map(|question| [(question, json!({})), (question, earlier.clone())]) {
        let decided = decided(router, key, question, &more, subjects).await;
        assert_eq!(followed(follower, question, &more, subjects, now), decided, "{question} {more}");
        let mut answered = answered(router, key, question, &more, subjects).await;
        for (answer, decision) in answered.iter_mut().zip(&decided) {
            assert!(answer["valid_until_ms"].as_u64() <= decision["valid_until_ms"].as_u64());
            answer["valid_until_ms"] = decision["valid_until_ms"].clone();
        }
        assert_eq!(answered, decided, "{question} {more}");
        let allowed = subjects.iter().zip(&decided).filter(|(_, decision)| decision["allow"] == json!(true));
        let allowed: Vec<String> = allowed.map(|(subject, _)| subject.clone()).collect();
        assert_eq!(filtered(router, key, question, &more, subjects).await, allowed, "{question} {more}");
    }
}

/// Lives a while with a replica that was made in the middle of it.
async fn a_life(here: &Router, there: &Router, keys: &[String; 2], clock: &AtomicU64) {
    let published = adforge();
    let tokens = ["u-1", "u-2"].map(|account| identity::token(account, json!({})));
    let people: Vec<Browser> = (0..6).map(|_| Browser::new()).collect();
    let mut subjects: Vec<String> = people.iter().map(Browser::subject).collect();
    let accounts = json!({ "v": 1, "ids": ["u-1", "u-2", "nobody"] });
    let request =
        Request::post("/v1/sites/adforge/accounts").header(header::AUTHORIZATION, format!("Bearer {}", keys[0]));
    let named = send(here, with_json(request, &accounts)).await.json();
    subjects.extend(named["accounts"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()));
    subjects.push(Browser::new().subject());
    let choose = async |router: &Router, person: usize, fields: Value, signed: Option<usize>| {
        let mut request = people[person].request(Method::POST, "/v1/sites/adforge/choices");
        if let Some(account) = signed {
            request = request.header("consentry-identity", &tokens[account]);
        }
        let answer = send(router, with_json(request, &choice(&published, fields))).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    };
    let sign_in = async |person: usize, account: usize| {
        let request = people[person].request(Method::POST, "/v1/sites/adforge/identity");
        let answer = send(here, with_json(request, &json!({ "v": 1, "token": tokens[account] }))).await;
        assert!(answer.status.is_success(), "{}", answer.text());
    };
    let demand = async |router: &Router, person: usize, what: &str, signed: Option<usize>| {
        let mut request = people[person].request(Method::POST, "/v1/sites/adforge/demands");
        if let Some(account) = signed {
            request = request.header("consentry-identity", &tokens[account]);
        }
        let answer = send(router, with_json(request, &json!({ "v": 1, "id": new_id(), "demand": what }))).await;
        assert!(answer.status.is_success(), "{}", answer.text());
    };
    let later = || clock.fetch_add(60_000, Ordering::SeqCst);
    let now = || Time::from_ms(clock.load(Ordering::SeqCst));

    choose(here, 0, json!({ "outcome": "all-granted" }), None).await;
    later();
    choose(here, 1, json!({ "outcome": "all-refused" }), None).await;
    sign_in(2, 0).await;
    choose(here, 2, json!({ "outcome": "all-granted" }), Some(0)).await;
    choose(here, 5, json!({ "outcome": "all-granted" }), None).await;
    demand(here, 5, "erasure", None).await;
    later();
    let mut follower = Follower::open(replica(here, &keys[1]).await).unwrap();
    all_agree(here, keys, &mut follower, &subjects, now()).await;

    // On another server, and by those who are linked.
    choose(there, 0, json!({ "outcome": "all-refused" }), None).await;
    all_agree(here, keys, &mut follower, &subjects, now()).await;
    later();
    sign_in(3, 0).await;
    choose(there, 3, json!({ "outcome": "all-refused" }), None).await;
    all_agree(here, keys, &mut follower, &subjects, now()).await;
    later();
    choose(here, 4, json!({ "outcome": "all-granted" }), Some(1)).await;
    demand(there, 1, "objection", None).await;
    demand(here, 2, "restriction", Some(0)).await;
    all_agree(here, keys, &mut follower, &subjects, now()).await;
    later();
    // Somebody whom the snapshot knows, somebody who was linked, and somebody who comes back.
    demand(there, 0, "erasure", None).await;
    demand(here, 3, "erasure", None).await;
    all_agree(here, keys, &mut follower, &subjects, now()).await;
    later();
    choose(here, 0, json!({ "outcome": "all-granted" }), None).await;
    choose(there, 5, json!({ "outcome": "all-refused" }), None).await;
    demand(here, 4, "erasure", Some(1)).await;
    all_agree(here, keys, &mut follower, &subjects, now()).await;
    all_agree(there, keys, &mut follower, &subjects, now()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r34_what_is_answered_from_memory_is_what_the_record_says_on_sqlite() {
    lived_on(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r34_what_is_answered_from_memory_is_what_the_record_says_on_postgres() {
    lived_on(Kind::Postgres).await;
}

async fn lived_on(kind: Kind) {
    let database = Database::new(kind);
    let clock = Arc::new(AtomicU64::new(START_MS));
    let server = || {
        let mut config = Config { sites: vec![adforge()], ..Config::default() };
        identity::knows_accounts(&mut config);
        let store = database.open();
        (App::new(config, store.clone(), Clock::Held(Arc::clone(&clock))).unwrap().router(), store)
    };
    let ((here, store), (there, _)) = (server(), server());
    let keys = ["ask", "export"].map(|scopes| key_to(&store, scopes));
    a_life(&here, &there, &keys, &clock).await;
}
