//! A replica follows the server, says what the server says, and nothing where it may have missed something.

use crate::house::*;
use crate::proxy::Proxy;
use consentry_client::bulk::IdMap;
use consentry_client::{
    Ask, AskError, Consentry, QuestionDoc, Reason, Replica, ReplicaConfig, ReplicaError, RequireError, Subject,
};
use consentry_core::Stance;
use consentry_core::source::Published;
use std::num::NonZeroUsize;
use std::time::Duration;

/// A day longer than the policy's consents are valid.
const AFTER_VALIDITY_MS: u64 = 366 * 86_400_000;

fn marketing(number: u32) -> QuestionDoc {
    QuestionDoc::new(device(number), "marketing".parse().unwrap())
}

async fn reason(replica: &Replica, number: u32) -> Result<Reason, AskError> {
    let decision = replica.decide(&marketing(number)).await?;
    assert_eq!(replica.decide_here(&marketing(number)).as_ref(), Ok(&decision));
    Ok(decision.reason)
}

/// Lets the others go on until it is so.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn r34_a_withdrawal_counts_as_soon_as_the_feed_has_brought_it() {
    let house = House::new().await;
    house.choose(device(1), Stance::Grant).await;
    let replica = house.replica_at(&house.url, None).await;
    assert_eq!(replica.entries(), 1);
    assert_eq!(reason(&replica, 1).await, Ok(Reason::Given));
    assert_eq!(reason(&replica, 2).await, Ok(Reason::NotGiven));
    let permit = replica.require(marketing(1)).await.unwrap();
    assert_eq!(permit.purpose().as_str(), "marketing");
    for entry in 1..4 {
        house.choose(device(1), if entry % 2 == 1 { Stance::Refuse } else { Stance::Grant }).await;
        replica.heard(entry).await;
        let expected = if entry % 2 == 1 { Reason::Withdrawn } else { Reason::Given };
        assert_eq!(reason(&replica, 1).await, Ok(expected));
        let remote = house.remote().decide(&marketing(1)).await.unwrap();
        assert_eq!(remote.reason, expected);
    }
    house.choose(device(1), Stance::Refuse).await;
    replica.heard(4).await;
    assert!(matches!(replica.require(marketing(1)).await, Err(RequireError::Denied(_))));
}

#[tokio::test]
async fn r34_a_replica_that_is_cut_off_denies_after_the_bound_and_misses_nothing() {
    let house = House::new().await;
    let proxy = Proxy::to(&house.url).await;
    house.choose(device(1), Stance::Grant).await;
    let replica = house.replica_at(&proxy.url, None).await;
    assert_eq!(reason(&replica, 1).await, Ok(Reason::Given));
    proxy.cut();
    house.move_clock(60_000);
    assert_eq!(reason(&replica, 1).await, Ok(Reason::Given));
    house.choose(device(1), Stance::Refuse).await;
    house.choose(device(2), Stance::Grant).await;
    house.move_clock(1);
    let age = Duration::from_millis(60_001);
    assert_eq!((replica.age(), reason(&replica, 1).await), (age, Err(AskError::Stale { age })));
    assert!(matches!(replica.require(marketing(1)).await, Err(RequireError::Unanswered(AskError::Stale { .. }))));
    assert_eq!(replica.decide_all(&[marketing(1)]).await, [Err(AskError::Stale { age })]);
    assert_eq!(replica.allowed(&marketing(1), &[device(1)][..]), Err(AskError::Stale { age }));
    proxy.lead_to(&house.url);
    replica.heard(2).await;
    assert_eq!(reason(&replica, 1).await, Ok(Reason::Withdrawn));
    assert_eq!(reason(&replica, 2).await, Ok(Reason::Given));
}

#[tokio::test]
async fn a_ledger_that_was_put_back_is_not_gone_on_with() {
    let (before, after) = (House::new().await, House::new().await);
    let proxy = Proxy::to(&before.url).await;
    before.choose(device(1), Stance::Grant).await;
    before.choose(device(2), Stance::Grant).await;
    let key = consentry_server::ApiKey::generate().unwrap();
    [&before, &after].iter().for_each(|house| house.know_key("adforge", &key));
    let config = ReplicaConfig { remote: before.config(), ..ReplicaConfig::default() };
    let replica = Consentry::replica_with(&proxy.url, "adforge", &key.reveal(), config).await.unwrap();
    assert_eq!(reason(&replica, 2).await, Ok(Reason::Given));
    // An earlier state: what the second said is not in it.
    after.choose(device(1), Stance::Grant).await;
    proxy.lead_to(&after.url);
    until(|| replica.entries() == 1).await;
    assert_eq!(reason(&replica, 1).await, Ok(Reason::Given));
    assert_eq!(reason(&replica, 2).await, Ok(Reason::NotGiven));
}

#[tokio::test]
async fn when_other_policies_are_served_it_is_fetched_anew() {
    let house = House::new().await;
    house.choose(device(1), Stance::Grant).await;
    let replica = house.replica_at(&house.url, None).await;
    let before = replica.policy();
    assert_eq!(reason(&replica, 1).await, Ok(Reason::Given));
    let other: Published = published_with("adforge", "validity = \"365 days\"", "validity = \"180 days\"");
    let hash = other.policy.hash();
    house.app.replace_sites(vec![other]).unwrap();
    until(|| replica.policy() == hash).await;
    assert_ne!(before, hash);
    assert_eq!(reason(&replica, 1).await, Ok(house.remote().decide(&marketing(1)).await.unwrap().reason));
}

#[tokio::test]
async fn a_restart_begins_with_the_file_and_a_file_that_was_damaged_is_fetched_anew() {
    let house = House::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("adforge.replica");
    house.choose(device(1), Stance::Grant).await;
    drop(house.replica_at(&house.url, Some(file.clone())).await);
    let kept = std::fs::read(&file).unwrap();
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions()) & 0o777,
        0o600
    );
    house.choose(device(1), Stance::Refuse).await;
    let replica = house.replica_at(&house.url, Some(file.clone())).await;
    assert_eq!((replica.entries(), reason(&replica, 1).await), (2, Ok(Reason::Withdrawn)));
    // It was not fetched: the file is what it was.
    assert!(std::fs::read(&file).unwrap() == kept, "it was fetched");
    std::fs::write(&file, &kept[..kept.len() / 2]).unwrap();
    let replica = house.replica_at(&house.url, Some(file.clone())).await;
    assert_eq!(reason(&replica, 1).await, Ok(Reason::Withdrawn));
    assert!(std::fs::read(&file).unwrap() == kept, "it was not fetched");
}

#[tokio::test]
async fn many_are_answered_about_at_once_now_and_as_of_a_time() {
    let house = House::new().await;
    let then = house.now();
    for number in 0..40 {
        house.choose(device(number), if number % 3 == 0 { Stance::Grant } else { Stance::Refuse }).await;
    }
    let replica = house.replica_at(&house.url, None).await;
    house.move_clock(1_000);
    for number in 0..40 {
        house.choose(device(number), if number % 5 == 0 { Stance::Grant } else { Stance::Refuse }).await;
    }
    replica.heard(79).await;
    let subjects: Vec<_> = (0..50).map(device).collect();
    let earlier = QuestionDoc { as_of_ms: Some(then), ..marketing(0) };
    for (question, every) in [(marketing(0), 5), (earlier, 3)] {
        let allowed = replica.allowed(&question, &subjects).unwrap();
        assert!(allowed.unanswered.is_empty());
        for (place, number) in (0..50).enumerate() {
            assert_eq!(allowed.is_allowed(place), number % every == 0 && number < 40, "{number}");
            let question = QuestionDoc { subject: device(number), ..question.clone() };
            assert_eq!(replica.decide(&question).await.unwrap().allows(), allowed.is_allowed(place));
        }
    }
    let of_one = QuestionDoc { device: Some("7f9c0c52-7a41-4f5e-9d0e-000000000001".parse().unwrap()), ..marketing(0) };
    assert_eq!(replica.allowed(&of_one, &subjects), Err(AskError::NotOfAList { field: "device" }));
}

/// Of the first ten people on a list every third has agreed, then two change their mind, and two are erased: one known to the snapshot, one since.
#[tokio::test]
async fn r19_lists_are_answered_as_everybody_on_them_through_withdrawals_erasures_and_other_policies() {
    let house = House::new().await;
    for number in (0..10).step_by(3) {
        house.choose(device(number), Stance::Grant).await;
    }
    house.erase(device(9)).await;
    let replica = house.replica_at(&house.url, None).await;
    let subjects: Vec<Subject> = (0..12).map(device).collect();
    let mut filter = replica.filter(&marketing(0), NonZeroUsize::new(2).unwrap()).unwrap();
    let map = IdMap::new(&replica, (0_u64..).zip(subjects.iter().copied())).unwrap();
    let mut asked = map.ask(&replica, &mut filter).unwrap();
    let ids: Vec<u64> = (0..12).collect();
    for round in 0..4 {
        match round {
            0 => {}
            1 => house.choose(device(0), Stance::Refuse).await,
            2 => {
                house.erase(device(3)).await;
                house.choose(device(1), Stance::Grant).await;
                house.erase(device(1)).await;
            }
            _ => {
                let other: Published = published_with("adforge", "validity = \"365 days\"", "validity = \"180 days\"");
                let hash = other.policy.hash();
                house.app.replace_sites(vec![other]).unwrap();
                until(|| replica.policy() == hash).await;
            }
        }
        if let Some(last) = [4, 5, 8].get(round) {
            replica.heard(*last).await;
        }
        let mut expected = Vec::new();
        for subject in &subjects {
            let question = QuestionDoc { subject: *subject, ..marketing(0) };
            expected.push(replica.decide(&question).await.unwrap().reason);
        }
        let allowed: Vec<usize> = (0..12).filter(|place| expected[*place].allows()).collect();
        assert_eq!(allowed, [&[0, 3, 6][..], &[3, 6], &[6], &[]][round]);
        let filtered = filter.filter(&replica, &subjects).unwrap();
        assert_eq!(filtered.allowed().collect::<Vec<_>>(), allowed);
        for (reason, count) in filtered.counts.by_reason() {
            assert_eq!(expected.iter().filter(|one| **one == reason).count() as u64, count, "{reason}");
        }
        assert_eq!(filtered, replica.allowed(&marketing(0), &subjects).unwrap());
        let left: Vec<Subject> = filter.only(&replica, subjects.iter().copied()).collect::<Result<_, _>>().unwrap();
        assert_eq!(left, allowed.iter().map(|place| subjects[*place]).collect::<Vec<_>>());
        if round < 3 {
            asked.keep_up(&replica, &mut filter).unwrap();
            assert_eq!(asked.filter(&ids, &filter), filtered);
        } else {
            // The replica is another by now, under another key: the map is made anew.
            assert_eq!(asked.keep_up(&replica, &mut filter), Err(AskError::NotHeld));
            assert_eq!(asked.allowed(&ids, &filter), [0, 0]);
        }
    }
    let map = IdMap::new(&replica, (0_u64..).zip(subjects.iter().copied())).unwrap();
    let asked = map.ask(&replica, &mut filter).unwrap();
    assert_eq!(asked.filter(&ids, &filter), filter.filter(&replica, &subjects).unwrap());
}

#[tokio::test]
async fn r34_a_list_that_was_answered_is_not_gone_on_with_once_the_replica_is_stale() {
    let house = House::new().await;
    let proxy = Proxy::to(&house.url).await;
    house.choose(device(1), Stance::Grant).await;
    let replica = house.replica_at(&proxy.url, None).await;
    let mut filter = replica.filter(&marketing(1), NonZeroUsize::MIN).unwrap();
    let map = IdMap::new(&replica, [(7_u64, device(1))]).unwrap();
    let mut asked = map.ask(&replica, &mut filter).unwrap();
    assert_eq!(asked.allowed(&[7], &filter), [1]);
    proxy.cut();
    house.move_clock(60_001);
    let age = Duration::from_millis(60_001);
    assert_eq!(asked.keep_up(&replica, &mut filter), Err(AskError::Stale { age }));
    assert_eq!(asked.allowed(&[7], &filter), [0]);
    assert_eq!(filter.filter(&replica, &[device(1)][..]), Err(AskError::Stale { age }));
    proxy.lead_to(&house.url);
    until(|| replica.age() < age).await;
    assert_eq!((asked.keep_up(&replica, &mut filter), asked.allowed(&[7], &filter)), (Ok(()), vec![1]));
}

#[tokio::test]
async fn what_it_cannot_tell_the_server_is_asked() {
    let house = House::new().await;
    house.choose(device(1), Stance::Grant).await;
    let replica = house.replica_at(&house.url, None).await;
    let question = QuestionDoc { happened_by_ms: Some(house.now()), ..marketing(1) };
    assert_eq!(replica.decide_here(&question), Err(AskError::NotHeld));
    let expected = house.remote().decide(&question).await.unwrap();
    assert_eq!(replica.decide(&question).await, Ok(expected.clone()));
    let answers = replica.decide_all(&[marketing(2), question, marketing(1)]).await;
    let reasons: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().reason).collect();
    assert_eq!(reasons, [Reason::NotGiven, expected.reason, Reason::Given]);
}

#[tokio::test]
async fn without_the_right_to_what_it_needs_there_is_no_replica() {
    let house = House::new().await;
    let config = || ReplicaConfig { remote: house.config(), ..ReplicaConfig::default() };
    let asks = house.key("adforge", "ask");
    let refused = Consentry::replica_with(&house.url, "adforge", &asks, config()).await.map(drop);
    assert_eq!(refused, Err(ReplicaError::Ask(AskError::WrongKey { status: 403 })));
    let nobody = Consentry::replica_with("http://127.0.0.1:1", "adforge", &asks, config()).await.map(drop);
    assert!(matches!(nobody, Err(ReplicaError::Ask(AskError::Unreachable { .. }))), "{nobody:?}");
}

#[test]
fn the_same_for_programs_without_a_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let house = runtime.block_on(House::new());
    runtime.block_on(house.choose(device(1), Stance::Grant));
    let config = ReplicaConfig { remote: house.config(), ..ReplicaConfig::default() };
    let key = house.key("adforge", "ask export");
    let replica = consentry_client::blocking::replica_with(&house.url, "adforge", &key, config).unwrap();
    assert_eq!(replica.decide(&marketing(1)).unwrap().reason, Reason::Given);
    assert!(replica.require(marketing(2)).is_err());
    runtime.block_on(house.choose(device(1), Stance::Refuse));
    assert_eq!(replica.heard(1, Duration::from_secs(60)), Ok(true));
    assert_eq!(replica.decide(&marketing(1)).unwrap().reason, Reason::Withdrawn);
    assert_eq!(replica.heard(2, Duration::ZERO), Ok(false));
}

#[tokio::test]
async fn r35_what_has_run_out_is_allowed_by_no_map_that_is_kept_up() {
    let house = House::new().await;
    let proxy = Proxy::to(&house.url).await;
    house.choose(device(1), Stance::Grant).await;
    let replica = house.replica_at(&proxy.url, None).await;
    let mut filter = replica.filter(&marketing(1), NonZeroUsize::MIN).unwrap();
    let map = IdMap::new(&replica, [(7_u64, device(1))]).unwrap();
    let mut asked = map.ask(&replica, &mut filter).unwrap();
    assert_eq!(asked.allowed(&[7], &filter), [1]);
    proxy.cut();
    house.move_clock(AFTER_VALIDITY_MS);
    proxy.lead_to(&house.url);
    until(|| replica.age() < Duration::from_secs(60)).await;
    // Nobody has changed; only time has passed.
    asked.keep_up(&replica, &mut filter).unwrap();
    assert_eq!(replica.decide(&marketing(1)).await.unwrap().reason, Reason::Expired);
    assert_eq!(asked.allowed(&[7], &filter), [0]);
}
