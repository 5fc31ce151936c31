//! Questions to the real server.

use crate::house::*;
use consentry_client::{
    Activity, Ask, AskError, Circumstances, Consentry, Intent, Obligation, ProcessorId, PurposeId, QuestionDoc, Reason,
    Remote, RemoteConfig, SetUpError, Subject,
};
use consentry_core::Stance;
use consentry_server::{IdentityConfig, KeyConfig, Pepper};
use serde_json::json;
use std::time::Duration;

const TRAINING: PurposeId = PurposeId::named("ai-training");

async fn reason(remote: &Remote, question: &QuestionDoc) -> Reason {
    remote.decide(question).await.unwrap().reason
}

#[tokio::test]
async fn a_question_is_answered_as_the_core_decides() {
    let house = House::new().await;
    let remote = house.remote();
    let film = QuestionDoc {
        processor: Some(ProcessorId::named("kling")),
        ..QuestionDoc::new(device(1), PurposeId::named("downstream-ai"))
    };
    assert_eq!(reason(&remote, &film).await, Reason::NotGiven);
    house.choose(device(1), Stance::Grant).await;
    house.move_clock(5_000);
    let decision = remote.decide(&film).await.unwrap();
    assert!(decision.allows());
    assert!(decision.obligations.contains(&Obligation::NoTraining), "{:?}", decision.obligations);
    assert_eq!(decision.valid_until.as_ms(), START_MS + 5_000 + RECHECK_MS);
    let train = QuestionDoc { activity: Some(Activity::Train), ..film };
    assert_eq!(reason(&remote, &train).await, Reason::TrainingExcluded);
}

#[tokio::test]
async fn a_withdrawal_counts_once_what_is_remembered_is_five_seconds_old() {
    let house = House::new().await;
    let (remembers, asks) =
        (house.remote(), house.remote_of("adforge", RemoteConfig { remembered_for: Duration::ZERO, ..house.config() }));
    let question = QuestionDoc::new(device(1), TRAINING);
    house.choose(device(1), Stance::Grant).await;
    for remote in [&remembers, &asks] {
        assert_eq!(reason(remote, &question).await, Reason::Given);
    }
    house.choose(device(1), Stance::Refuse).await;
    assert_eq!(reason(&asks, &question).await, Reason::Withdrawn);
    house.move_clock(4_999);
    assert_eq!(reason(&remembers, &question).await, Reason::Given);
    // Clones share what is remembered, and many questions share it with one.
    assert_eq!(reason(&remembers.clone(), &question).await, Reason::Given);
    assert_eq!(remembers.decide_all(std::slice::from_ref(&question)).await[0].as_ref().unwrap().reason, Reason::Given);
    house.move_clock(1);
    assert_eq!(reason(&remembers, &question).await, Reason::Withdrawn);
}

#[tokio::test]
async fn what_is_remembered_counts_no_longer_than_it_says_itself() {
    let house = House::new().await;
    let day = Duration::from_secs(24 * 60 * 60);
    let remote = house.remote_of("adforge", RemoteConfig { remembered_for: day, ..house.config() });
    let question = QuestionDoc::new(device(1), TRAINING);
    house.choose(device(1), Stance::Grant).await;
    assert_eq!(reason(&remote, &question).await, Reason::Given);
    house.choose(device(1), Stance::Refuse).await;
    house.move_clock(RECHECK_MS - 1);
    assert_eq!(reason(&remote, &question).await, Reason::Given);
    house.move_clock(1);
    assert_eq!(reason(&remote, &question).await, Reason::Withdrawn);
}

#[tokio::test]
async fn any_number_of_questions_is_answered_in_their_order() {
    let house = House::new().await;
    let remote = house.remote();
    for number in (0..2_500).step_by(7) {
        house.choose(device(number), Stance::Grant).await;
    }
    let questions: Vec<QuestionDoc> = (0..2_500).map(|number| QuestionDoc::new(device(number), TRAINING)).collect();
    // Some of them from memory.
    for question in questions.iter().step_by(100) {
        remote.decide(question).await.unwrap();
    }
    for _ in 0..2 {
        let answers = remote.decide_all(&questions).await;
        assert_eq!(answers.len(), 2_500);
        for (number, answer) in answers.iter().enumerate() {
            let expected = if number % 7 == 0 { Reason::Given } else { Reason::NotGiven };
            assert_eq!(answer.as_ref().unwrap().reason, expected, "{number}");
        }
    }
    assert!(remote.decide_all(&[]).await.is_empty());
}

/// A thousand of the longest would be more than the server reads.
#[tokio::test]
async fn questions_of_whatever_length_fit_into_the_requests() {
    let house = House::new().await;
    let long = "a".repeat(64);
    let account = Subject::Account(consentry_client::AccountId::from_bytes([7; 32]));
    let question = QuestionDoc {
        processor: long.parse().ok(),
        data: long.parse().ok(),
        mode: long.parse().ok(),
        plan: long.parse().ok(),
        device: device(1).to_string().strip_prefix("device:").unwrap().parse().ok(),
        jurisdiction: "US-CA".parse().ok(),
        as_of_ms: Some(house.now()),
        happened_by_ms: Some(house.now()),
        ..QuestionDoc::new(account, long.parse().unwrap())
    };
    assert!(serde_json::to_vec(&question).unwrap().len() > 524);
    let answers = house.remote().decide_all(&vec![question; 2_001]).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().reason == Reason::UnknownPurpose));
    assert_eq!(answers.len(), 2_001);
}

#[tokio::test]
async fn a_decision_is_explained_in_words() {
    let house = House::new().await;
    let remote = house.remote();
    let question = QuestionDoc::new(device(1), TRAINING);
    let explained = remote.explain(&question, "de".parse().unwrap()).await.unwrap();
    assert_eq!(explained.decision, remote.decide(&question).await.unwrap());
    let explanation = explained.explanation.unwrap();
    assert_eq!(explanation.language.as_str(), "de");
    assert_eq!(explanation.line, explained.decision.to_string());
    let english = remote.explain(&question, "en".parse().unwrap()).await.unwrap().explanation.unwrap();
    assert_ne!(english.sentence, explanation.sentence);
    // What is remembered is the decision: words are asked for each time, and so is what goes with them.
    house.choose(device(1), Stance::Grant).await;
    let explained = remote.explain(&question, "de".parse().unwrap()).await.unwrap();
    assert_eq!(explained.decision.reason, Reason::Given);
}

#[tokio::test]
async fn accounts_are_asked_about_by_the_names_that_the_server_has_for_them() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), [7; 32]).unwrap();
    let key = KeyConfig::Hs256 { kid: "1".into(), secret_file: "secret".into() };
    let keys = IdentityConfig { issuer: None, keys: vec![key] }.load(folder.path()).unwrap();
    let house = House::of(&["adforge"], |config| {
        config.identity.insert("adforge".parse().unwrap(), keys);
        config.pepper = Some(Pepper::from_bytes([7; 32]));
    })
    .await;
    let remote = house.remote();
    let ids: Vec<String> = (0..1_001).map(|number| format!("customer {number}")).collect();
    let accounts = remote.accounts(&ids).await.unwrap();
    assert_eq!(accounts.len(), 1_001);
    for (number, account) in [(0, accounts[0]), (1_000, accounts[1_000])] {
        assert!(matches!(account, Subject::Account(_)));
        assert_eq!(remote.accounts(&ids[number..=number]).await.unwrap(), [account]);
    }
    house.choose(accounts[0], Stance::Grant).await;
    assert_eq!(reason(&remote, &QuestionDoc::new(accounts[0], TRAINING)).await, Reason::Given);
    assert!(matches!(remote.accounts(&[""]).await, Err(AskError::Refused { status: 400, .. })));
    // Where nobody can be signed in, that is what is wrong, and not the key.
    let without = House::new().await.remote().accounts(&["customer"]).await;
    assert!(matches!(without, Err(AskError::Refused { status: 401, .. })), "{without:?}");
}

#[tokio::test]
async fn who_may_not_ask_is_told_what_to_do() {
    let house = House::of(&["adforge", "icecone"], |_| {}).await;
    let question = QuestionDoc::new(device(1), TRAINING);
    let stranger = format!("ck_{}", "A".repeat(43));
    for (key, site, error) in [
        (stranger, "adforge", AskError::WrongKey { status: 403 }),
        (house.key("icecone", "ask"), "adforge", AskError::WrongKey { status: 403 }),
        (house.key("adforge", "export"), "adforge", AskError::WrongKey { status: 403 }),
        (house.key("adforge", "ask"), "icecone", AskError::WrongKey { status: 403 }),
        (house.key("adforge", "ask"), "nowhere", AskError::NotFound),
    ] {
        let remote = Consentry::remote_with(&house.url, site, &key, house.config()).unwrap();
        assert_eq!(remote.decide(&question).await, Err(error.clone()), "{site}");
        assert_eq!(remote.decide_all(&[question.clone(), question.clone()]).await, [Err(error.clone()), Err(error)]);
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_no_yes() {
    let key = format!("ck_{}", "A".repeat(43));
    // Nobody listens at port 0.
    let remote = Consentry::remote("http://127.0.0.1:0", "adforge", &key).unwrap();
    let answer = remote.decide(&QuestionDoc::new(device(1), TRAINING)).await;
    assert!(matches!(answer, Err(AskError::Unreachable { tries: 4, .. })), "{answer:?}");
}

#[test]
fn what_cannot_be_asked_is_refused_before_anything_is_sent() {
    let key = format!("ck_{}", "A".repeat(43));
    for (url, site, key, error) in [
        ("consent.example", "adforge", key.as_str(), "expected the server's address"),
        ("https://consent.example", "AdForge", &key, "the site: expected 1 to 64"),
        ("https://consent.example", "adforge", "secret", "expected an API key"),
    ] {
        let refused = Consentry::remote(url, site, key).map(drop).unwrap_err().to_string();
        assert!(refused.starts_with(error), "{refused}");
    }
    let roots = consentry_client::Roots::Pem("no certificate".into());
    let refused =
        Consentry::remote_with("https://x.example", "adforge", &key, RemoteConfig { roots, ..RemoteConfig::default() });
    assert!(matches!(refused.map(drop), Err(SetUpError::Certificates(_))));
}

#[tokio::test]
async fn what_is_known_besides_counts() {
    enum Train {}
    impl Intent for Train {
        const PURPOSE: PurposeId = TRAINING;
        const ACTIVITY: Activity = Activity::Train;
    }
    let house = House::new().await;
    let remote = house.remote();
    house.say(device(1), json!({ "ai-training": "grant" })).await;
    assert!(remote.require_for::<Train>(device(1), Circumstances::default()).await.is_ok());
    let child = Circumstances { age: Some(consentry_client::AgeBand::Under13), ..Circumstances::default() };
    let denied = remote.require_for::<Train>(device(1), child).await.unwrap_err();
    assert!(matches!(denied.denied().unwrap().reason(), Reason::Minor | Reason::UnderAge), "{denied}");
}
