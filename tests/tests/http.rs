//! The corpus, run by the server over HTTP: what happened is posted as choices, what is asked is asked as a back end would.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on should say so at once")]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use consentry_core::source::Published;
use consentry_core::wire::{ChoiceDoc, DecisionDoc, QuestionDoc, V1};
use consentry_core::{Surface, Time};
use consentry_server::{ApiKey, App, Clock, Config, DatabaseUrl, Store};
use consentry_tests::corpus::{Case, CaseDecision, CaseEvent, Policies, on_disk, pretty};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tower::ServiceExt;

const DEVICE: &str = "7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f";
const SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// A server of one's own: a database, a clock, a key.
struct House {
    store: Store,
    clock: Arc<AtomicU64>,
    key: String,
    _folder: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("consentry.db");
        let url: DatabaseUrl = format!("sqlite:{}", path.display()).parse().expect("a database");
        let store = Store::open(&url).expect("a store");
        let key = ApiKey::generate().expect("random bytes");
        let site = "adforge".parse().expect("a site");
        store.add_key(key.hash(), &site, "corpus", Time::from_ms(0)).expect("a key");
        Self { store, clock: Arc::default(), key: key.reveal(), _folder: folder }
    }

    /// The server with this policy in force, on the same database as before.
    fn under(&self, published: &Published) -> Router {
        let config = Config { sites: vec![published.clone()], ..Config::default() };
        let clock = Clock::Held(Arc::clone(&self.clock));
        App::new(config, self.store.clone(), clock).expect("an app").router()
    }

    async fn post(&self, published: &Published, event: &CaseEvent) {
        self.clock.store(event.at_ms.as_ms(), Ordering::SeqCst);
        let notice = published.notices.first().expect("a notice");
        let doc = ChoiceDoc {
            v: V1,
            id: event.id,
            policy: published.policy.hash(),
            notice: notice.hash,
            language: notice.language.clone(),
            surface: Surface::Centre,
            outcome: event.outcome,
            stances: event.stances.clone(),
        };
        let request = Request::post("/v1/sites/adforge/choices")
            .header(header::ORIGIN, "https://adforge.example")
            .header(header::AUTHORIZATION, format!("Bearer {DEVICE}.{SECRET}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(serde_json::to_vec(&doc).expect("JSON")))
            .expect("a request");
        let (status, body) = send(self.under(published), request).await;
        assert_eq!(status, StatusCode::CREATED, "{}", String::from_utf8_lossy(&body));
    }

    async fn ask(&self, published: &Published, case: &Case) -> CaseDecision {
        self.clock.store(case.context.now_ms.as_ms(), Ordering::SeqCst);
        let question = case.question.clone();
        let doc = QuestionDoc {
            subject: format!("device:{DEVICE}").parse().expect("a subject"),
            purpose: question.purpose,
            processor: question.processor,
            data: question.data,
            jurisdiction: case.context.jurisdiction.clone(),
        };
        let request = Request::post("/v1/sites/adforge/decisions")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(serde_json::to_vec(&doc).expect("JSON")))
            .expect("a request");
        let (status, body) = send(self.under(published), request).await;
        assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
        serde_json::from_slice::<DecisionDoc>(&body).expect("a decision").into()
    }
}

async fn send(router: Router, request: Request<Body>) -> (StatusCode, Vec<u8>) {
    let response = router.oneshot(request).await.expect("an answer");
    let status = response.status();
    (status, to_bytes(response.into_body(), BODY_BYTES_MAX).await.expect("a body").to_vec())
}

async fn run(case: &Case, policies: &Policies) -> CaseDecision {
    let house = House::new().await;
    for event in &case.events {
        house.post(case.answered(event, policies), event).await;
    }
    house.ask(policies.get(&case.policy), case).await
}

#[tokio::test]
async fn every_case_is_answered_as_written() {
    let policies = on_disk::policies();
    let mut count = 0;
    let mut failures = Vec::new();
    for case in on_disk::corpus().into_iter().flat_map(|file| file.cases) {
        let decision = run(&case, &policies).await;
        count += 1;
        if decision != case.decision {
            let (expected, got) = (pretty(&case.decision), pretty(&decision));
            failures.push(format!("{}\nexpected {expected}\ngot {got}", case.name));
        }
    }
    assert!(failures.is_empty(), "{} of {count} cases:\n\n{}", failures.len(), failures.join("\n\n"));
    assert!(count >= 70, "only {count} cases: has a file been lost?");
}
