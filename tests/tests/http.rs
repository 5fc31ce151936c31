//! The corpus, run by the server over HTTP: what happened is posted as choices, what is asked is asked as a back end would.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on should say so at once")]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use consentry_core::source::Published;
use consentry_core::wire::{ChoiceDoc, DecisionDoc, V1};
use consentry_core::{Surface, Time};
use consentry_server::{ApiKey, App, Appended, Clock, Config, DatabaseUrl, NewEntry, Store};
use consentry_tests::corpus::{Case, CaseDecision, CaseEvent, DEVICE, Policies, on_disk};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tower::ServiceExt;

const SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// A server of one's own: a database, a clock, a key.
struct House {
    store: Store,
    clock: Arc<AtomicU64>,
    key: ApiKey,
    _folder: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("consentry.db");
        let url: DatabaseUrl = format!("sqlite:{}", path.display()).parse().expect("a database");
        let store = Store::open(&url).expect("a store");
        let key = ApiKey::generate().expect("random bytes");
        Self { store, clock: Arc::default(), key, _folder: folder }
    }

    /// The server with this policy in force, on the same database as before.
    fn under(&self, published: &Published) -> Router {
        let config = Config { sites: vec![published.clone()], ..Config::default() };
        let clock = Clock::Held(Arc::clone(&self.clock));
        App::new(config, self.store.clone(), clock).expect("an app").router()
    }

    /// A device's choice is posted, as a browser would. What there is no address for yet is put into the store.
    async fn happen(&self, published: &Published, event: &CaseEvent) {
        self.clock.store(event.at_ms.as_ms(), Ordering::SeqCst);
        if event.by_account || event.draft(published).is_none() {
            let site = published.policy.parts().site.clone();
            let kind = event.kind(published);
            let entry = NewEntry { site, subject: event.subject(), secret: None, kind, at: event.at_ms };
            assert!(matches!(self.store.append(entry).await, Ok(Appended::New(_))), "{}", event.id);
            return;
        }
        let notice = published.notices.first().expect("a notice");
        let doc = ChoiceDoc {
            v: V1,
            id: event.id,
            policy: published.policy.hash(),
            notice: notice.hash,
            language: notice.language.clone(),
            surface: event.surface.unwrap_or(Surface::Centre),
            confirmed: event.confirmed,
            outcome: event.outcome,
            stances: event.stances.clone(),
        };
        let site = &published.policy.parts().site;
        let origin = published.origins.first().expect("an origin");
        let device = DEVICE.strip_prefix("device:").expect("a device");
        let request = Request::post(format!("/v1/sites/{site}/choices"))
            .header(header::ORIGIN, origin.as_str())
            .header(header::AUTHORIZATION, format!("Bearer {device}.{SECRET}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(serde_json::to_vec(&doc).expect("JSON")))
            .expect("a request");
        let (status, body) = send(self.under(published), request).await;
        assert_eq!(status, StatusCode::CREATED, "{}", String::from_utf8_lossy(&body));
    }

    async fn ask(&self, published: &Published, case: &Case) -> CaseDecision {
        self.clock.store(case.context.now_ms.as_ms(), Ordering::SeqCst);
        let site = &published.policy.parts().site;
        self.store
            .add_key(self.key.hash(), site, "corpus", &"ask".parse().expect("a scope"), Time::from_ms(0))
            .expect("a key");
        let request = Request::post(format!("/v1/sites/{site}/decisions"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key.reveal()))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(serde_json::to_vec(&case.asked()).expect("JSON")))
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
        house.happen(&case.answered(event, policies), event).await;
    }
    house.ask(policies.get(&case.policy), case).await
}

#[tokio::test]
async fn every_case_is_answered_as_written() {
    on_disk::every_case_is_answered_as_written(run).await;
}
