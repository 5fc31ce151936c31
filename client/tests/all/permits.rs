//! Permits: what they say, when they are refused, and how long they last.

use crate::house::*;
use consentry_client::{
    AsOf, Ask, AskError, Circumstances, DataId, Intent, Obligation, Permit, PermitError, ProcessorId, PurposeId,
    QuestionDoc, Reason, RequireError, Time,
};
use consentry_core::Stance;
use serde_json::json;

enum WriteWithOpenAi {}

impl Intent for WriteWithOpenAi {
    const PURPOSE: PurposeId = PurposeId::named("downstream-ai");
    const PROCESSOR: Option<ProcessorId> = Some(ProcessorId::named("openai"));
    const DATA: Option<DataId> = Some(DataId::named("text-prompts"));
}

enum FilmWithKling {}

impl Intent for FilmWithKling {
    const PURPOSE: PurposeId = PurposeId::named("downstream-ai");
    const PROCESSOR: Option<ProcessorId> = Some(ProcessorId::named("kling"));
    const DATA: Option<DataId> = Some(DataId::named("product-images"));
}

#[tokio::test]
async fn a_permit_says_what_it_permits_and_under_which_obligations() {
    let house = House::of(&["icecone"], |_| {}).await;
    let remote = house.remote_of("icecone", house.config());
    house.choose_on("icecone", device(1), Stance::Grant).await;
    let permit: Permit<WriteWithOpenAi> = remote.require_for(device(1), Circumstances::default()).await.unwrap();
    assert_eq!((permit.subject(), permit.purpose()), (device(1), &PurposeId::named("downstream-ai")));
    assert_eq!(permit.processor(), Some(&ProcessorId::named("openai")));
    assert_eq!(permit.data(), Some(&DataId::named("text-prompts")));
    assert_eq!(permit.request_flags().collect::<Vec<_>>(), [("store", "false")]);
    assert!(permit.obligations().contains(&Obligation::NoTraining), "{:?}", permit.obligations());
    assert_eq!(permit.decision().reason, Reason::Given);
    assert_eq!(permit.decision(), &remote.decide(permit.question()).await.unwrap());
    // Whom it is about is for whoever demands it, and not for a log.
    assert!(!format!("{permit:?}").contains("7f9c0c52"), "{permit:?}");
}

#[tokio::test]
async fn a_denial_says_why_and_not_whom() {
    let house = House::new().await;
    let remote = house.remote();
    let never_asked = remote.require_for::<FilmWithKling>(device(1), Circumstances::default()).await.unwrap_err();
    assert_eq!(never_asked.denied().unwrap().reason(), Reason::NotGiven);
    house.choose(device(2), Stance::Grant).await;
    house.say(device(2), json!({ "downstream-ai/kling": "refuse" })).await;
    let denied = remote.require_for::<FilmWithKling>(device(2), Circumstances::default()).await.unwrap_err();
    let decision = denied.denied().unwrap().decision();
    assert_eq!(decision.reason, Reason::Withdrawn);
    assert_eq!(decision.features_lost.iter().map(|f| f.as_str()).collect::<Vec<_>>(), ["advanced-animation"]);
    assert_eq!(denied.to_string(), "denied by `downstream-ai/kling`: withdrawn (regime opt-in)");
    let nothing = remote.require(QuestionDoc::new(device(2), PurposeId::named("no-such-purpose"))).await.unwrap_err();
    assert_eq!(nothing.denied().unwrap().reason(), Reason::UnknownPurpose);
}

#[tokio::test]
async fn r35_a_permit_expires_when_its_decision_does() {
    let house = House::new().await;
    house.choose(device(1), Stance::Grant).await;
    let permit = house.remote().require_for::<FilmWithKling>(device(1), Circumstances::default()).await.unwrap();
    let expired = Time::from_ms(START_MS + RECHECK_MS);
    assert_eq!(permit.expires(), expired);
    assert!(permit.check(house.now()).is_ok());
    house.move_clock(RECHECK_MS - 1);
    assert!(permit.check(house.now()).is_ok());
    house.move_clock(1);
    assert_eq!(permit.check(house.now()).map(drop), Err(PermitError::Expired { expired, now: expired }));
    house.move_clock(7);
    let error = permit.check(house.now()).map(drop).unwrap_err();
    assert_eq!(error.to_string(), "the permit expired 7 ms ago: ask again, since what is permitted may have changed");
}

#[tokio::test]
async fn what_was_allowed_once_permits_nothing_now() {
    let house = House::new().await;
    house.choose(device(1), Stance::Grant).await;
    house.move_clock(10_000);
    let remote = house.remote();
    for as_of in [AsOf::Recorded(house.now()), AsOf::Happened(Time::from_ms(u64::MAX))] {
        let circumstances = Circumstances { as_of: Some(as_of), ..Circumstances::default() };
        let question = circumstances.clone().question(device(1), FilmWithKling::question());
        assert!(remote.decide(&question).await.unwrap().allows());
        let refused = remote.require_for::<FilmWithKling>(device(1), circumstances).await;
        assert_eq!(refused.map(drop), Err(RequireError::Past));
        assert_eq!(remote.require(question).await.map(drop), Err(RequireError::Past));
    }
}

#[tokio::test]
async fn without_an_answer_there_is_no_permit() {
    let house = House::new().await;
    house.choose(device(1), Stance::Grant).await;
    let key = format!("ck_{}", "A".repeat(43));
    let remote = consentry_client::Consentry::remote_with(&house.url, "adforge", &key, house.config()).unwrap();
    let refused = remote.require_for::<FilmWithKling>(device(1), Circumstances::default()).await.unwrap_err();
    assert_eq!(refused, RequireError::Unanswered(AskError::WrongKey { status: 403 }));
    assert!(refused.denied().is_none());
    let text = refused.to_string();
    assert!(text.starts_with("nobody could say whether it is allowed, so it is not: "), "{text}");
}
