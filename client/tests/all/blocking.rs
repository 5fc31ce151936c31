//! The same for those who wait.

use crate::house::*;
use crate::rogue::Rogue;
use consentry_client::blocking::{self, Blocking};
use consentry_client::{
    AskError, Circumstances, Intent, PurposeId, QuestionDoc, Reason, Remote, RemoteConfig, RequireError, Subject,
};
use consentry_core::Stance;
use std::time::Duration;

enum Train {}

impl Intent for Train {
    const PURPOSE: PurposeId = PurposeId::named("ai-training");
}

fn client(house: &House) -> Blocking<Remote> {
    blocking::remote_with(&house.url, "adforge", &house.key("adforge", "ask"), house.config()).unwrap()
}

/// From within a runtime, too, and dropped there.
#[tokio::test(flavor = "multi_thread")]
async fn it_answers_as_the_other_does() {
    let house = House::new().await;
    house.choose(device(1), Stance::Grant).await;
    let (waits, asks) = (client(&house), house.remote());
    let question = |number| QuestionDoc::new(device(number), Train::PURPOSE);
    for number in [1, 2] {
        let decision = consentry_client::Ask::decide(&asks, &question(number)).await;
        assert_eq!(waits.decide(&question(number)), decision);
        assert_eq!(waits.decide_all(&[question(number)]), [decision]);
    }
    let permit = waits.require_for::<Train>(device(1), Circumstances::default()).unwrap();
    assert!(permit.check(waits.clock().now()).is_ok());
    assert!(waits.require(question(1)).is_ok());
    let denied = waits.require(question(2)).unwrap_err();
    assert_eq!(denied.denied().unwrap().reason(), Reason::NotGiven);
    let explained = waits.explain(&question(1), "en".parse().unwrap()).unwrap();
    assert_eq!(explained.decision.reason, Reason::Given);
    assert!(matches!(waits.accounts(&["customer"]), Err(AskError::Refused { status: 401, .. })));
    let list = waits.filter(Train::question(), Circumstances::default(), (0..25_000).map(device)).unwrap();
    assert_eq!(list.collect::<Result<Vec<Subject>, _>>(), Ok(vec![device(1)]));
    drop((waits.clone(), waits));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_threads_can_ask_at_once() {
    let house = House::new().await;
    house.choose(device(1), Stance::Grant).await;
    let client = client(&house);
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let client = client.clone();
            std::thread::spawn(move || client.require_for::<Train>(device(1), Circumstances::default()).is_ok())
        })
        .collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_answers_is_not_waited_for_either() {
    let rogue = Rogue::new([]).await;
    let key = format!("ck_{}", "A".repeat(43));
    let within = Duration::from_millis(20);
    let config = RemoteConfig { answer_within: within, ..RemoteConfig::default() };
    let client = blocking::remote_with(&rogue.url, "adforge", &key, config).unwrap();
    let refused = client.require_for::<Train>(device(1), Circumstances::default()).map(drop);
    assert_eq!(refused, Err(RequireError::Unanswered(AskError::TooSlow { within })));
    let mut list = client.filter(Train::question(), Circumstances::default(), [device(1)]).unwrap();
    assert_eq!(list.next(), Some(Err(AskError::TooSlow { within })));
    assert_eq!(list.next(), None);
}
