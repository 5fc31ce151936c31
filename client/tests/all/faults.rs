//! Servers that misbehave. Whatever they do, nobody is told yes who was not.

use crate::house::{START_MS, device};
use crate::rogue::*;
use consentry_client::{
    Ask, AskError, Circumstances, Intent, PurposeId, QuestionDoc, Reason, RemoteConfig, RequireError,
};
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::time::Duration;

enum Train {}

impl Intent for Train {
    const PURPOSE: PurposeId = PurposeId::named("ai-training");
}

fn question(number: u32) -> QuestionDoc {
    QuestionDoc::new(device(number), Train::PURPOSE)
}

fn allow() -> Value {
    json!({
        "v": 1, "allow": true, "reason": "given", "decided_by": "ai-training", "basis": "consent", "regime": "opt-in",
        "policy": "0123456789abcdef".repeat(4), "events": [], "obligations": [], "features_lost": [],
        "valid_until_ms": START_MS + 300_000,
    })
}

/// An allow with this in place of what it says there.
fn allow_but(field: &str, value: Value) -> Value {
    let mut doc = allow();
    doc[field] = value;
    doc
}

fn says(status: u16, headers: &'static str) -> Answer {
    Answer::Says(status, headers, allow().to_string())
}

async fn decided(answers: Vec<Answer>) -> (Result<Reason, AskError>, usize) {
    let rogue = Rogue::new(answers).await;
    let answer = rogue.patient().decide(&question(1)).await;
    (answer.map(|decision| decision.reason), rogue.requests().len())
}

#[tokio::test(start_paused = true)]
async fn what_breaks_off_is_asked_again() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"v\":1,\"allow\":true".to_vec();
    for fault in [Answer::Closes, Answer::Bytes(cut), Answer::Bytes(b"HTTP/1.1 2".to_vec())] {
        let (answer, requests) = decided(vec![fault.clone(), fault.clone(), ok(&allow().to_string())]).await;
        assert_eq!((answer, requests), (Ok(Reason::Given), 3), "{fault:?}");
        let (answer, requests) = decided(vec![fault.clone(); 10]).await;
        assert!(matches!(answer, Err(AskError::Unreachable { tries: 4, .. })), "{fault:?}: {answer:?}");
        // A connection that was kept may be tried once more before it counts.
        assert!((4..=8).contains(&requests), "{fault:?}: {requests}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_busy_is_asked_again_when_they_say() {
    for status in [429, 503] {
        let began = tokio::time::Instant::now();
        let (answer, requests) = decided(vec![says(status, "retry-after: 2\r\n"), ok(&allow().to_string())]).await;
        assert_eq!((answer, requests), (Ok(Reason::Given), 2));
        assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
        let (answer, requests) = decided(vec![says(status, "retry-after: 60\r\n")]).await;
        assert_eq!((answer, requests), (Err(AskError::Busy { status, tries: 1 }), 1));
    }
    for status in [502, 503, 504] {
        let (answer, requests) = decided(vec![says(status, ""), ok(&allow().to_string())]).await;
        assert_eq!((answer, requests), (Ok(Reason::Given), 2));
    }
}

/// With an allow in the body of each, which must not count.
#[tokio::test(start_paused = true)]
async fn what_is_refused_is_asked_once_and_is_no_yes() {
    for status in [201, 204, 301, 302, 307, 400, 401, 403, 404, 408, 413, 415, 500, 501] {
        let rogue = Rogue::new([says(status, "location: /elsewhere\r\n")]).await;
        let answer = rogue.patient().decide(&question(1)).await;
        assert!(answer.is_err(), "{status}");
        assert_eq!(rogue.requests().len(), 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_never_answers_is_waited_for_no_longer_than_was_said() {
    let rogue = Rogue::new([]).await;
    let within = Duration::from_millis(700);
    let remote = rogue.remote(RemoteConfig { answer_within: within, clock: held(), ..RemoteConfig::default() });
    let began = tokio::time::Instant::now();
    let denied = remote.require_for::<Train>(device(1), Circumstances::default()).await;
    assert_eq!(denied.map(drop), Err(RequireError::Unanswered(AskError::TooSlow { within })));
    assert!((within..within * 2).contains(&began.elapsed()), "{:?}", began.elapsed());
    // Nor is the rest of an answer that has begun.
    let half = Answer::Says(200, "transfer-encoding: chunked\r\nx-", "5\r\n{\"v\":".into());
    let rogue = Rogue::new([half]).await;
    let remote = rogue.remote(RemoteConfig { answer_within: within, clock: held(), ..RemoteConfig::default() });
    assert_eq!(remote.decide(&question(1)).await, Err(AskError::TooSlow { within }));
}

#[tokio::test(start_paused = true)]
async fn nonsense_is_no_yes() {
    let mut answers = vec![
        String::new(),
        "yes".into(),
        "true".into(),
        "null".into(),
        "{}".into(),
        r#"{"allow":true}"#.into(),
        format!("[{}]", allow()),
        json!({ "v": 1, "decisions": [allow()] }).to_string(),
        allow().to_string().replace("}", ""),
    ];
    for (field, value) in [
        ("v", json!(2)),
        ("allow", json!(false)),
        ("allow", json!("true")),
        ("reason", json!("withdrawn")),
        // What a later server may say.
        ("reason", json!("enthusiasm")),
        ("obligations", json!([{ "type": "sing-first" }])),
        ("obligations", json!([{ "type": "erase" }])),
        ("valid_until_ms", json!("tomorrow")),
    ] {
        answers.push(allow_but(field, value).to_string());
    }
    for answer in answers {
        let (decided, requests) = decided(vec![ok(&answer)]).await;
        assert!(matches!(decided, Err(AskError::Unreadable { .. })), "{answer}: {decided:?}");
        // What is wrong is wrong the second time, too.
        assert_eq!(requests, 1);
        let rogue = Rogue::new([ok(&answer)]).await;
        assert!(rogue.patient().require_for::<Train>(device(1), Circumstances::default()).await.is_err(), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_longer_than_any_is_not_read_to_its_end() {
    let mut endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..18 {
        endless.extend_from_slice(b"100000\r\n");
        endless.extend_from_slice(&vec![b' '; 1024 * 1024]);
        endless.extend_from_slice(b"\r\n");
    }
    let (decided, _) = decided(vec![Answer::Bytes(endless)]).await;
    assert!(matches!(decided, Err(AskError::Unreadable { .. })), "{decided:?}");
}

#[tokio::test(start_paused = true)]
async fn another_number_of_answers_than_questions_is_none() {
    let questions = [question(1), question(2), question(3)];
    for count in [0, 1, 2, 4, 1_000] {
        let rogue = Rogue::new([ok(&json!({ "v": 1, "decisions": vec![allow(); count] }).to_string())]).await;
        let answers = rogue.patient().decide_all(&questions).await;
        assert_eq!(answers, vec![Err(AskError::Miscounted { asked: 3, answered: count }); 3]);
    }
    let rogue = Rogue::new([ok(&allow().to_string())]).await;
    let answers = rogue.patient().decide_all(&questions).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(AskError::Unreadable { .. }))), "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn of_many_answers_one_that_is_not_understood_denies_one() {
    let strange = allow_but("reason", json!("enthusiasm"));
    let rogue = Rogue::new([ok(&json!({ "v": 1, "decisions": [allow(), strange, allow()] }).to_string())]).await;
    let answers = rogue.patient().decide_all(&[question(1), question(2), question(3)]).await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert!(matches!(answers[1], Err(AskError::Unreadable { .. })), "{:?}", answers[1]);
}

#[tokio::test(start_paused = true)]
async fn after_a_server_is_lost_the_rest_of_a_long_list_does_not_wait_for_it() {
    let rogue = Rogue::new([]).await;
    let began = tokio::time::Instant::now();
    let questions: Vec<QuestionDoc> = (0..5_000).map(question).collect();
    let answers = rogue.patient().decide_all(&questions).await;
    assert_eq!(answers.len(), 5_000);
    assert!(answers.iter().all(|answer| matches!(answer, Err(AskError::TooSlow { .. }))));
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_had_expired_when_it_came_permits_nothing() {
    for valid_until_ms in [0, START_MS - 1, START_MS] {
        let rogue = Rogue::new([ok(&allow_but("valid_until_ms", json!(valid_until_ms)).to_string())]).await;
        let permit = rogue.patient().require(question(1)).await;
        assert!(matches!(permit, Err(RequireError::Stale { .. })), "{permit:?}");
    }
    let rogue = Rogue::new([ok(&allow_but("valid_until_ms", json!(START_MS + 1)).to_string())]).await;
    assert!(rogue.patient().require(question(1)).await.is_ok());
}

/// Names somebody who is not on the list, breaks off, or answers a problem with a name in it.
#[tokio::test(start_paused = true)]
async fn a_list_that_is_answered_wrongly_is_nobodys() {
    let stranger = format!("{}\n", device(9));
    let listed = format!("{}\n", device(1));
    let account = consentry_client::Subject::Account(consentry_client::AccountId::from_bytes([7; 32]));
    for answer in [
        Answer::Says(200, "", stranger),
        Answer::Says(200, "", listed.trim_end().into()),
        Answer::Says(200, "", listed.repeat(2)),
        Answer::Says(200, "", "yes\n".into()),
        Answer::Says(400, "", listed.clone()),
        Answer::Says(206, "", listed.clone()),
    ] {
        let rogue = Rogue::new([answer.clone()]).await;
        let list = futures_util::stream::iter([device(1), account]);
        let allowed = rogue.patient().filter(Train::question(), Circumstances::default(), list).unwrap();
        let allowed: Vec<_> = allowed.collect().await;
        assert!(matches!(allowed.as_slice(), [Err(_)]), "{answer:?}: {allowed:?}");
    }
    let cut = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{listed}\r\n", listed.len());
    let rogue = Rogue::new([Answer::Bytes(cut.into_bytes()), Answer::Says(200, "", listed)]).await;
    let list = futures_util::stream::iter([device(1), account]);
    let allowed: Vec<_> =
        rogue.patient().filter(Train::question(), Circumstances::default(), list).unwrap().collect().await;
    // What broke off was asked for again.
    assert_eq!(allowed, [Ok(device(1))]);
    assert_eq!(rogue.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_error_says_whom_it_was_about_or_with_which_key() {
    let name = device(1).to_string();
    let uuid = name.strip_prefix("device:").unwrap();
    let quoting = allow_but("decided_by", json!(name)).to_string();
    let problem = json!({ "detail": "no" }).to_string();
    for answer in [ok(&quoting), Answer::Says(400, "", problem), Answer::Closes, Answer::Hangs] {
        let rogue = Rogue::new(vec![answer; 8]).await;
        let remote = rogue.patient();
        let error = remote.require(question(1)).await.unwrap_err();
        for text in [error.to_string(), format!("{error:?} {remote:?}")] {
            assert!(!text.contains(uuid) && !text.contains("ck_") && !text.contains("AAAA"), "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_has_the_key_and_the_question_and_nothing_about_us() {
    let rogue = Rogue::new([ok(&allow().to_string())]).await;
    rogue.patient().decide(&question(1)).await.unwrap();
    let request = rogue.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines.remove(0), "POST /v1/sites/adforge/decisions HTTP/1.1");
    let mut names: Vec<String> = lines.iter().map(|line| line.split(':').next().unwrap().to_lowercase()).collect();
    names.sort();
    assert_eq!(names, ["authorization", "content-length", "content-type", "host"]);
    let sent: Value = serde_json::from_str(body).unwrap();
    assert_eq!(sent, json!({ "subject": device(1), "purpose": "ai-training" }));
}
