//! The corpus of decision cases, through [`Consentry::remote`](consentry_client::Consentry::remote) and a replica: what happened is put into the store, and
//! what is asked is asked over TCP.

use consentry_client::{Ask, Clock, Consentry, Decision, RemoteConfig, ReplicaConfig, Time};
use consentry_core::wire::DecisionDoc;
use consentry_server::{ApiKey, App, Appended, Config, DatabaseUrl, NewEntry, Store};
use consentry_tests::corpus::{Case, CaseDecision, Policies, on_disk};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::net::TcpListener;

async fn run(case: &Case, policies: &Policies) -> CaseDecision {
    let folder = tempfile::tempdir().unwrap();
    let url: DatabaseUrl = format!("sqlite:{}", folder.path().join("consentry.db").display()).parse().unwrap();
    let store = Store::open(&url).unwrap();
    let published = policies.get(&case.policy);
    let site = &published.policy.parts().site;
    for event in &case.events {
        let kind = event.kind(&case.answered(event, policies));
        let entry = NewEntry { site: site.clone(), subject: event.subject(), secret: None, kind, at: event.at_ms };
        assert!(matches!(store.append(entry).await, Ok(Appended::New(_))), "{}", event.id);
    }
    let key = ApiKey::generate().unwrap();
    store.add_key(key.hash(), site, "corpus", &"ask export".parse().unwrap(), Time::from_ms(0)).unwrap();
    let key = key.reveal();
    let clock = Arc::new(AtomicU64::new(case.context.now_ms.as_ms()));
    let config = Config { sites: vec![published.clone()], ..Config::default() };
    let app = App::new(config, store, consentry_server::Clock::Held(Arc::clone(&clock))).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(consentry_server::serve(listener, app.router(), std::future::pending()));
    let config = RemoteConfig { clock: Clock::Held(clock), ..RemoteConfig::default() };
    let remote = Consentry::remote_with(&url, site.as_str(), &key, config.clone()).unwrap();
    let question = case.asked();
    let decision = remote.decide(&question).await.unwrap();
    // From memory or not, and among others, it is the same; and a permit is there exactly if it allows, and is not about the past.
    assert_eq!(
        remote.decide_all(&[question.clone(), question.clone()]).await,
        [Ok(decision.clone()), Ok(decision.clone())]
    );
    let is_past = question.as_of_ms.is_some() || question.happened_by_ms.is_some();
    assert_eq!(remote.require(question.clone()).await.is_ok(), decision.allows() && !is_past, "{}", case.name);
    let config = ReplicaConfig { remote: config, ..ReplicaConfig::default() };
    let replica = Consentry::replica_with(&url, site.as_str(), &key, config).await.unwrap();
    // Which events it rests on, a replica does not know.
    let without_events = |decision: Decision| Decision { events: Vec::new(), ..decision };
    let from_replica = replica.decide(&question).await.map(without_events);
    assert_eq!(from_replica, Ok(without_events(decision.clone())), "{}", case.name);
    server.abort();
    DecisionDoc::from(decision).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_is_answered_as_written() {
    on_disk::every_case_is_answered_as_written(run).await;
}
