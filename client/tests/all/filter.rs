//! Lists, against the real server.

use crate::house::*;
use consentry_client::{AsOf, AskError, Circumstances, Intent, PurposeId, Subject};
use consentry_core::Stance;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

enum Train {}

impl Intent for Train {
    const PURPOSE: PurposeId = PurposeId::named("ai-training");
}

async fn allowed(house: &House, list: impl Stream<Item = Subject> + Send) -> Vec<Subject> {
    let allowed = house.remote().filter(Train::question(), Circumstances::default(), list).unwrap();
    allowed.try_collect().await.unwrap()
}

#[tokio::test]
async fn of_a_long_list_those_who_allow_it_come_back_in_its_order() {
    let house = House::new().await;
    let account = |number: u8| Subject::Account(consentry_client::AccountId::from_bytes([number; 32]));
    for subject in [device(3), device(9_999), device(10_000), device(24_999), account(1)] {
        house.choose(subject, Stance::Grant).await;
    }
    house.choose(device(5), Stance::Refuse).await;
    let list = stream::iter((0..25_000).map(device));
    assert_eq!(allowed(&house, list).await, [3, 9_999, 10_000, 24_999].map(device));
    // Accounts among them, and somebody twice.
    let list = [account(2), device(3), account(1), device(5), device(3)];
    assert_eq!(allowed(&house, stream::iter(list)).await, [device(3), account(1), device(3)]);
    assert!(allowed(&house, stream::empty()).await.is_empty());
}

#[tokio::test]
async fn the_circumstances_are_those_of_all_of_them() {
    let house = House::new().await;
    house.choose(device(1), Stance::Grant).await;
    house.move_clock(1_000);
    house.choose(device(2), Stance::Grant).await;
    let remote = house.remote();
    let as_of = Circumstances {
        as_of: Some(AsOf::Recorded(consentry_client::Time::from_ms(START_MS))),
        ..Circumstances::default()
    };
    let list = stream::iter([device(1), device(2)]);
    let then: Vec<Subject> = remote.filter(Train::question(), as_of, list).unwrap().try_collect().await.unwrap();
    assert_eq!(then, [device(1)]);
}

#[tokio::test]
async fn no_more_of_a_list_is_taken_than_is_under_way() {
    let house = House::new().await;
    house.choose(device(0), Stance::Grant).await;
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let endless = stream::repeat(device(0)).inspect(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let remote = house.remote();
    let mut allowed = Box::pin(remote.filter(Train::question(), Circumstances::default(), endless).unwrap());
    for _ in 0..15_000 {
        assert_eq!(allowed.next().await, Some(Ok(device(0))));
    }
    // The piece that is handed out, and two that are under way.
    let taken = taken.load(Ordering::SeqCst);
    assert!((20_000..=50_000).contains(&taken), "{taken}");
}

#[tokio::test]
async fn a_list_ends_with_what_went_wrong() {
    let house = House::new().await;
    let key = house.key("adforge", "export");
    let remote = consentry_client::Consentry::remote_with(&house.url, "adforge", &key, house.config()).unwrap();
    let list = stream::iter((0..45_000).map(device));
    let answers: Vec<_> = remote.filter(Train::question(), Circumstances::default(), list).unwrap().collect().await;
    assert_eq!(answers, [Err(AskError::WrongKey { status: 403 })]);
}
