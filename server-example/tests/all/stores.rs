//! What every database must do. One suite, run on each.

use crate::database::{Cluster, Database, Kind};
use crate::house::{Browser, START_MS, adforge, choice, new_id};
use consentry_core::ledger::Leaf;
use consentry_core::wire::{ChoiceDoc, DemandDoc};
use consentry_core::{EventKind, SiteId, Subject, Time};
use consentry_server::{
    AppendError, Appended, Backlog, Case, CaseRefusal, CaseRight, CaseState, Confirmed, DeadLetter, Lease, LedgerEntry,
    NewEntry, NewWebhook, OpenedCase, Position, Progress, SecretHash, Store, WebhookId, WebhookState,
};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tlog_tiles::{Hash, HashReader, stored_hash_index, stored_hashes, tree_hash};

macro_rules! suite {
    ($( $name:ident )+) => {
        mod on_sqlite {
            $( #[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $name() { super::$name(super::Kind::Sqlite).await } )+
        }
        mod on_postgres {
            $( #[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $name() { super::$name(super::Kind::Postgres).await } )+
        }
    };
}

suite! {
    what_is_kept_can_be_had_back_and_is_kept_once
    a_secret_speaks_for_its_subject_alone
    the_tree_is_over_all_entries_and_goes_on_where_it_was_left
    r19_an_erasure_leaves_every_proof_and_nothing_of_the_subject
    who_was_erased_may_come_back_as_somebody_new
    no_entry_is_older_than_the_one_before_it
    every_site_has_a_ledger_of_its_own
    two_servers_keep_each_entry_once_and_in_one_order
    a_server_hears_of_what_another_has_kept
    servers_may_start_at_once
    keys_have_scopes_until_they_are_revoked
    r14_every_notice_that_was_published_can_be_had_back
    a_webhook_is_one_servers_at_a_time
    how_far_a_webhook_has_come_is_kept_with_what_it_could_not_be_told
    subjects_come_in_pages_each_once_and_without_those_who_are_erased
    a_case_is_kept_once_changed_from_what_it_was_and_goes_with_its_subject
    cases_that_are_due_first_come_first_and_a_subject_has_only_so_many
}

fn site() -> SiteId {
    "adforge".parse().unwrap()
}

fn kind(outcome: &str) -> EventKind {
    let published = adforge_once();
    let doc: ChoiceDoc = serde_json::from_value(choice(published, json!({ "outcome": outcome }))).unwrap();
    let (draft, id) = doc.into_draft(&published.policy).unwrap();
    EventKind::Chosen(draft.commit(&published.history, id).unwrap())
}

fn adforge_once() -> &'static consentry_core::source::Published {
    static PUBLISHED: std::sync::OnceLock<consentry_core::source::Published> = std::sync::OnceLock::new();
    PUBLISHED.get_or_init(adforge)
}

fn subject() -> Subject {
    Browser::new().subject().parse().unwrap()
}

fn entry(subject: Subject, kind: EventKind) -> NewEntry {
    let secret = Some(SecretHash::of(&[7; 32]));
    NewEntry { site: site(), subject, secret, kind, at: Time::from_ms(START_MS) }
}

fn erasure() -> EventKind {
    let doc: DemandDoc = serde_json::from_value(json!({ "v": 1, "id": new_id(), "demand": "erasure" })).unwrap();
    doc.try_into().unwrap()
}

fn new(outcome: Result<Appended, AppendError>) -> Position {
    match outcome {
        Ok(Appended::New(position)) => position,
        other => panic!("{other:?}"),
    }
}

/// The whole ledger, and whether tree, tiles and head are what its entries make.
pub(crate) async fn audited(store: &Store) -> Vec<LedgerEntry> {
    #[derive(Default)]
    struct All(Vec<Hash>);
    impl HashReader for All {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
            Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
        }
    }
    let head = store.ledger_head(&site()).await.unwrap();
    let (mut entries, mut all): (Vec<LedgerEntry>, _) = (Vec::new(), All::default());
    while (entries.len() as u64) < head.size {
        let more = store.ledger_entries(&site(), entries.len() as u64, 700).await.unwrap();
        assert!(!more.is_empty(), "entries are missing");
        entries.extend(more);
    }
    let mut last = Time::from_ms(0);
    for (place, entry) in entries.iter().enumerate() {
        assert_eq!(entry.seq, place as u64);
        assert!(entry.leaf.at() >= last);
        last = entry.leaf.at();
        if let Some(sealed) = &entry.sealed {
            assert!(entry.leaf.proves(&sealed.salt, &sealed.payload), "entry {place}");
        }
        let more = stored_hashes(entry.seq, &entry.leaf.to_bytes(), &all).unwrap();
        all.0.extend(more);
    }
    assert_eq!(tree_hash(head.size, &all).unwrap(), Hash(head.root));
    for level in 0..8_u8 {
        let hashes = head.size >> (8 * u32::from(level));
        for tile in 0..hashes.div_ceil(256) {
            let bytes = store.ledger_tile(&site(), level, tile).await.unwrap().unwrap();
            let width = (hashes - tile * 256).min(256);
            let expected: Vec<u8> = (tile * 256..tile * 256 + width)
                .flat_map(|n| all.0[usize::try_from(stored_hash_index(8 * level, n)).unwrap()].0)
                .collect();
            assert_eq!(bytes, expected, "tile {level}/{tile}");
        }
        assert_eq!(store.ledger_tile(&site(), level, hashes.div_ceil(256)).await.unwrap(), None);
    }
    entries
}

async fn what_is_kept_can_be_had_back_and_is_kept_once(on: Kind) {
    let database = Database::new(on);
    let store = database.open();
    let first = entry(subject(), kind("all-granted"));
    let position = new(store.append(first.clone()).await);
    assert_eq!(position, Position { seq: 0, at: Time::from_ms(START_MS) });
    let later = NewEntry { at: Time::from_ms(START_MS + 5), ..first.clone() };
    assert_eq!(store.append(later.clone()).await, Ok(Appended::Known(position)));
    let other = NewEntry { subject: subject(), ..first.clone() };
    assert_eq!(store.append(other).await, Err(AppendError::IdReused));
    let second = NewEntry { kind: kind("all-refused"), ..later };
    assert_eq!(new(store.append(second.clone()).await).seq, 1);
    let record = store.record(&site(), first.subject, SecretHash::of(&[7; 32])).await.unwrap();
    let kinds: Vec<&EventKind> = record.iter().map(|entry| &entry.event.kind).collect();
    assert_eq!(kinds, [&first.kind, &second.kind]);
    let asked = vec![first.subject, subject(), first.subject];
    let events = store.events(&site(), asked).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(
        events[&first.subject].iter().map(|event| event.at.as_ms()).collect::<Vec<_>>(),
        [START_MS, START_MS + 5]
    );
    assert_eq!(store.ledger_position(&site(), second.kind.id()).await.unwrap(), Some(1));
    assert_eq!(store.ledger_position(&site(), kind("all-refused").id()).await.unwrap(), None);
    assert_eq!(audited(&store).await.len(), 2);
}

async fn a_secret_speaks_for_its_subject_alone(on: Kind) {
    let database = Database::new(on);
    let store = database.open();
    let first = entry(subject(), kind("all-granted"));
    new(store.append(first.clone()).await);
    let stranger = Some(SecretHash::of(&[8; 32]));
    let forged = NewEntry { secret: stranger, kind: kind("all-refused"), ..first.clone() };
    assert_eq!(store.append(forged).await, Err(AppendError::WrongSecret));
    store.record(&site(), first.subject, SecretHash::of(&[8; 32])).await.unwrap_err();
    assert!(store.record(&site(), subject(), SecretHash::of(&[8; 32])).await.unwrap().is_empty());
    // Whom the site vouches for needs none, and registers none.
    let vouched = NewEntry { secret: None, kind: kind("all-refused"), ..first };
    new(store.append(vouched).await);
    assert_eq!(audited(&store).await.len(), 2);
}

async fn the_tree_is_over_all_entries_and_goes_on_where_it_was_left(on: Kind) {
    let database = Database::new(on);
    let mut size = 0;
    // Around the edges of tiles, one after the other, and many at once.
    for more in [1, 2, 252, 1, 1, 1, 300, 77] {
        let store = database.open();
        let tasks: Vec<_> = (0..more)
            .map(|_| {
                let (store, entry) = (store.clone(), entry(subject(), kind("all-refused")));
                tokio::spawn(async move { store.append(entry).await })
            })
            .collect();
        let mut seqs = HashSet::new();
        for task in tasks {
            seqs.insert(new(task.await.unwrap()).seq);
        }
        assert_eq!(seqs, (size..size + more).collect());
        size += more;
        store.close().await;
    }
    assert_eq!(audited(&database.open()).await.len() as u64, size);
}

async fn r19_an_erasure_leaves_every_proof_and_nothing_of_the_subject(on: Kind) {
    let database = Database::new(on);
    let store = database.open();
    let (gone, stays) = (subject(), subject());
    for who in [gone, stays, gone] {
        new(store.append(entry(who, kind("all-granted"))).await);
    }
    let before = store.ledger_head(&site()).await.unwrap();
    let leaves: Vec<Leaf> = audited(&store).await.into_iter().map(|entry| entry.leaf).collect();
    let demand = entry(gone, erasure());
    let position = new(store.append(demand.clone()).await);
    let after = audited(&store).await;
    assert_eq!(after.iter().take(3).map(|entry| entry.leaf.clone()).collect::<Vec<_>>(), leaves);
    let left: Vec<bool> = after.iter().map(|entry| entry.sealed.is_some()).collect();
    assert_eq!(left, [false, true, false, false]);
    assert!(store.ledger_head(&site()).await.unwrap().size > before.size);
    // What is left says that there was an erasure, to those who know the name.
    let events = store.events(&site(), vec![gone, stays]).await.unwrap();
    assert_eq!(
        events[&gone].iter().map(|event| event.kind.clone()).collect::<Vec<_>>(),
        std::slice::from_ref(&demand.kind)
    );
    assert_eq!(events[&stays].len(), 1);
    assert_eq!(store.append(demand.clone()).await, Ok(Appended::Known(position)));
    assert_eq!(store.append(NewEntry { subject: stays, ..demand }).await, Err(AppendError::IdReused));
    if let Some(folder) = database.files() {
        assert!(!holds(folder, gone));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r19_whoever_reads_keeps_what_is_erased_no_longer_than_they_read() {
    let database = Database::new(Kind::Sqlite);
    let (store, folder, gone) = (database.open(), database.files().unwrap(), subject());
    new(store.append(entry(gone, kind("all-granted"))).await);
    let reader = rusqlite::Connection::open(crate::house::database_path(folder)).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM payloads").unwrap();
    new(store.append(entry(gone, erasure())).await);
    assert!(holds(folder, gone), "nobody was in the way, so that this shows nothing");
    reader.execute_batch("COMMIT").unwrap();
    new(store.append(entry(subject(), kind("all-refused"))).await);
    assert!(!holds(folder, gone));
}

/// Whether any file there has the subject's name, as bytes or as text.
fn holds(folder: &std::path::Path, subject: Subject) -> bool {
    let Subject::Device(device) = subject else { panic!("{subject}") };
    let (text, bytes) = (subject.to_string(), device.as_bytes());
    let has = |file: &[u8], name: &[u8]| file.windows(name.len()).any(|part| part == name);
    let mut files = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
    files.any(|file| has(&file, bytes) || has(&file, text.as_bytes()))
}

async fn who_was_erased_may_come_back_as_somebody_new(on: Kind) {
    let database = Database::new(on);
    let store = database.open();
    let who = subject();
    // In one batch or in several, whatever comes together.
    let steps = [kind("all-granted"), erasure(), kind("all-refused"), erasure(), kind("all-granted")];
    let pending: Vec<_> = steps.iter().map(|step| store.append(entry(who, step.clone()))).collect();
    for outcome in futures_in_order(pending).await {
        new(outcome);
    }
    let events = store.events(&site(), vec![who]).await.unwrap();
    let kinds: Vec<EventKind> = events[&who].iter().map(|event| event.kind.clone()).collect();
    assert_eq!(kinds, steps[3..]);
    assert_eq!(store.record(&site(), who, SecretHash::of(&[7; 32])).await.unwrap().len(), 2);
    assert_eq!(audited(&store).await.iter().filter(|entry| entry.sealed.is_some()).count(), 1);
}

/// Starts all of them in that order, then waits for each.
async fn futures_in_order<F: Future<Output = Result<Appended, AppendError>>>(
    pending: Vec<F>,
) -> Vec<Result<Appended, AppendError>> {
    let mut pending: Vec<_> = pending.into_iter().map(Box::pin).collect();
    let mut done = Vec::new();
    for append in &mut pending {
        done.push(match std::future::poll_fn(|context| std::task::Poll::Ready(append.as_mut().poll(context))).await {
            std::task::Poll::Ready(outcome) => Some(outcome),
            std::task::Poll::Pending => None,
        });
    }
    let mut outcomes = Vec::new();
    for (append, done) in pending.into_iter().zip(done) {
        outcomes.push(match done {
            Some(outcome) => outcome,
            None => append.await,
        });
    }
    outcomes
}

async fn no_entry_is_older_than_the_one_before_it(on: Kind) {
    let database = Database::new(on);
    let store = database.open();
    let at = |ms: u64| NewEntry { at: Time::from_ms(ms), ..entry(subject(), kind("all-refused")) };
    assert_eq!(new(store.append(at(START_MS)).await).at.as_ms(), START_MS);
    assert_eq!(new(store.append(at(START_MS - 10_000)).await).at.as_ms(), START_MS);
    store.close().await;
    // Another server's clock may go after ours.
    let other = database.open();
    assert_eq!(new(other.append(at(START_MS - 1)).await).at.as_ms(), START_MS);
    assert_eq!(new(other.append(at(START_MS + 1)).await).at.as_ms(), START_MS + 1);
    audited(&other).await;
}

async fn every_site_has_a_ledger_of_its_own(on: Kind) {
    let database = Database::new(on);
    let store = database.open();
    let who = subject();
    let granted = kind("all-granted");
    let elsewhere = NewEntry { site: "other".parse().unwrap(), ..entry(who, granted.clone()) };
    let pending =
        vec![store.append(entry(who, granted.clone())), store.append(elsewhere), store.append(entry(who, erasure()))];
    let seqs: Vec<u64> = futures_in_order(pending).await.into_iter().map(|outcome| new(outcome).seq).collect();
    assert_eq!(seqs, [0, 0, 1]);
    let events = store.events(&"other".parse().unwrap(), vec![who]).await.unwrap();
    assert_eq!(events[&who][0].kind, granted);
    let none: SiteId = "nobody".parse().unwrap();
    assert_eq!(store.ledger_head(&none).await.unwrap().size, 0);
    assert!(store.events(&none, vec![who]).await.unwrap().is_empty());
    assert!(store.ledger_entries(&none, 0, 10).await.unwrap().is_empty());
}

async fn two_servers_keep_each_entry_once_and_in_one_order(on: Kind) {
    const ENTRIES: usize = 600;
    let database = Database::new(on);
    let servers = [database.open(), database.open()];
    let entries: Vec<NewEntry> = (0..ENTRIES).map(|_| entry(subject(), kind("all-refused"))).collect();
    // Each entry is sent to both, as by somebody who did not wait for the first answer.
    let tasks: Vec<_> = entries
        .iter()
        .enumerate()
        .flat_map(|(place, entry)| [0, 1].map(|turn| (servers[(place + turn) % 2].clone(), entry.clone())))
        .map(|(store, entry)| (entry.kind.id(), tokio::spawn(async move { store.append(entry).await })))
        .collect();
    let mut acknowledged: HashMap<_, Vec<Appended>> = HashMap::new();
    for (id, task) in tasks {
        acknowledged.entry(id).or_default().push(task.await.unwrap().unwrap());
    }
    let mut seqs = HashSet::new();
    for (id, answers) in &acknowledged {
        let positions: HashSet<u64> = answers
            .iter()
            .map(|answer| match answer {
                Appended::New(position) | Appended::Known(position) => position.seq,
            })
            .collect();
        let news = answers.iter().filter(|answer| matches!(answer, Appended::New(_))).count();
        assert!(positions.len() == 1 && news <= 1, "{answers:?}");
        let seq = *positions.iter().next().unwrap();
        assert_eq!(servers[0].ledger_position(&site(), *id).await.unwrap(), Some(seq));
        assert!(seqs.insert(seq));
    }
    assert_eq!(seqs, (0..ENTRIES as u64).collect());
    assert_eq!(audited(&servers[1]).await.len(), ENTRIES);
}

async fn a_server_hears_of_what_another_has_kept(on: Kind) {
    let database = Database::new(on);
    let here = database.open();
    let mut grown = here.grown();
    grown.mark_unchanged();
    new(here.append(entry(subject(), kind("all-refused"))).await);
    grown.changed().await.unwrap();
    if on == Kind::Postgres {
        let there = database.open();
        new(there.append(entry(subject(), kind("all-refused"))).await);
        while here.ledger_head(&site()).await.unwrap().size < 2 {
            grown.changed().await.unwrap();
        }
    }
}

async fn servers_may_start_at_once(on: Kind) {
    let database = Arc::new(Database::new(on));
    let starts: Vec<_> = (0..4)
        .map(|_| {
            let database = Arc::clone(&database);
            tokio::task::spawn_blocking(move || database.open())
        })
        .collect();
    for start in starts {
        new(start.await.unwrap().append(entry(subject(), kind("all-refused"))).await);
    }
    assert_eq!(audited(&database.open()).await.len(), 4);
}

async fn keys_have_scopes_until_they_are_revoked(on: Kind) {
    let database = Database::new(on);
    let store = database.open();
    let key = consentry_server::ApiKey::generate().unwrap();
    let (hash, at) = (key.hash(), Time::from_ms(START_MS));
    store.add_key(hash, &site(), "back end", &"ask export".parse().unwrap(), at).unwrap();
    let scopes = store.scopes(hash, &site()).await.unwrap().unwrap();
    assert_eq!(scopes.to_string(), "ask export");
    assert_eq!(store.scopes(hash, &"other".parse().unwrap()).await.unwrap(), None);
    let keys = store.keys(&site()).unwrap();
    assert_eq!((keys.len(), keys[0].name.as_str(), keys[0].revoked_at), (1, "back end", None));
    assert_eq!(keys[0].id, hash.id());
    assert!(!store.revoke_key(&"other".parse().unwrap(), hash.id(), at).unwrap());
    assert!(store.revoke_key(&site(), hash.id(), at).unwrap());
    assert!(!store.revoke_key(&site(), hash.id(), at).unwrap());
    assert_eq!(store.scopes(hash, &site()).await.unwrap(), None);
    assert_eq!(store.keys(&site()).unwrap()[0].revoked_at, Some(at));
    assert!(store.add_key(hash, &site(), "again", &"ask".parse().unwrap(), at).is_err());
}

async fn r14_every_notice_that_was_published_can_be_had_back(on: Kind) {
    let database = Database::new(on);
    let (store, published) = (database.open(), adforge_once());
    let known = store.publish(published, Time::from_ms(START_MS)).unwrap();
    assert_eq!(store.publish(published, Time::from_ms(START_MS + 1)).unwrap().len(), known.len());
    assert_eq!(known.len(), published.notices.len());
    for notice in &published.notices {
        let canonical = store.notice(&site(), notice.hash).await.unwrap().unwrap();
        assert_eq!(canonical, &*notice.canonical);
    }
    let unknown = consentry_core::NoticeHash::from_bytes([0; 32]);
    assert_eq!(store.notice(&site(), unknown).await.unwrap(), None);
}

fn at(ms: u64) -> Time {
    Time::from_ms(START_MS + ms)
}

fn lease(holder: u8, now: u64) -> Lease {
    Lease { holder: [holder; 16], now: at(now), until: at(now + 100) }
}

async fn webhook(store: &Store, processor: Option<&str>) -> WebhookId {
    let (id, processor) = (WebhookId::generate().unwrap(), processor.map(|processor| processor.parse().unwrap()));
    let new = NewWebhook { id, site: site(), url: "https://hooks.example/".into(), processor, at: at(0) };
    assert!(store.add_webhook(new).await.unwrap());
    id
}

async fn a_webhook_is_one_servers_at_a_time(on: Kind) {
    let database = Database::new(on);
    let (here, there) = (database.open(), database.open());
    let id = webhook(&here, None).await;
    let due = here.due_webhooks(at(0)).await.unwrap();
    assert_eq!((due.now.len(), due.next, due.active), (0, None, 1));
    new(here.append(entry(subject(), kind("all-refused"))).await);
    assert_eq!(there.due_webhooks(at(0)).await.unwrap().now, [(site(), id)]);
    let held = here.lease_webhook(id, lease(1, 0)).await.unwrap().unwrap();
    assert_eq!((held.id, held.first, held.next, held.tries), (id, 0, 0, 0));
    // Nobody else's, and not the same server's once more, until it ends or is given back.
    for holder in [1, 2] {
        assert_eq!(there.lease_webhook(id, lease(holder, 99)).await.unwrap(), None);
    }
    let due = there.due_webhooks(at(99)).await.unwrap();
    assert_eq!((due.now.len(), due.next), (0, Some(at(100))));
    let told = Progress::Told { seq: 0, at: at(0) };
    assert!(!there.progress_webhook(id, lease(2, 99), told.clone()).await.unwrap());
    assert!(there.lease_webhook(id, lease(2, 100)).await.unwrap().is_some());
    assert!(!here.progress_webhook(id, lease(1, 100), told.clone()).await.unwrap());
    here.release_webhook(id, [1; 16]).await.unwrap();
    assert_eq!(here.lease_webhook(id, lease(1, 150)).await.unwrap(), None);
    // Whoever says how far it is keeps it for longer.
    assert!(there.progress_webhook(id, lease(2, 150), told).await.unwrap());
    assert_eq!(here.lease_webhook(id, lease(1, 249)).await.unwrap(), None);
    there.release_webhook(id, [2; 16]).await.unwrap();
    assert_eq!(here.lease_webhook(id, lease(1, 150)).await.unwrap().unwrap().next, 1);
    assert!(here.progress_webhook(id, lease(1, 150), Progress::Gone).await.unwrap());
    assert_eq!(there.lease_webhook(id, lease(1, 9_999)).await.unwrap(), None);
    let kept = there.webhook(&site(), id).await.unwrap().unwrap();
    assert_eq!((kept.state, there.due_webhooks(at(9_999)).await.unwrap().active), (WebhookState::Disabled, 0));
    assert_eq!(there.webhook(&"other".parse().unwrap(), id).await.unwrap(), None);
}

async fn how_far_a_webhook_has_come_is_kept_with_what_it_could_not_be_told(on: Kind) {
    let database = Database::new(on);
    let (store, other) = (database.open(), "other".parse().unwrap());
    for _ in 0..3 {
        new(store.append(entry(subject(), kind("all-refused"))).await);
    }
    let id = webhook(&store, Some("kling")).await;
    for _ in 0..4 {
        new(store.append(entry(subject(), kind("all-refused"))).await);
    }
    let telling = async || store.webhooks(&site()).await.unwrap().remove(0);
    let first = telling().await;
    assert_eq!((first.webhook.first, first.webhook.next), (3, 3));
    assert_eq!((first.untold, first.dead), (Backlog { count: 4, since: Some(at(0)) }, Backlog::default()));
    store.lease_webhook(id, lease(1, 0)).await.unwrap().unwrap();
    let progress = async |progress| assert!(store.progress_webhook(id, lease(1, 0), progress).await.unwrap());
    progress(Progress::Failed { tries: 3, next_try_at: at(500) }).await;
    assert_eq!((telling().await.webhook.tries, telling().await.webhook.next_try_at), (3, at(500)));
    let letter =
        DeadLetter { seq: 3, at: at(0), dead_at: at(600), cause: "no answer in time".into(), is_wanted: false };
    progress(Progress::GivenUp(letter.clone())).await;
    progress(Progress::Passed { next: 5 }).await;
    progress(Progress::Told { seq: 5, at: at(7) }).await;
    let kept = telling().await;
    assert_eq!((kept.webhook.next, kept.webhook.tries), (6, 0));
    assert_eq!(kept.untold, Backlog { count: 1, since: Some(at(0)) });
    assert_eq!(kept.dead, Backlog { count: 1, since: Some(at(0)) });
    assert_eq!(kept.unconfirmed, Backlog { count: 1, since: Some(at(7)) });
    assert_eq!(store.dead_letters(&site(), id).await.unwrap(), Some(vec![letter.clone()]));
    assert_eq!(store.dead_letters(&other, id).await.unwrap(), None);
    assert!(!store.want_dead_letter(&other, id, 3).await.unwrap());
    assert!(!store.want_dead_letter(&site(), id, 4).await.unwrap());
    assert!(store.want_dead_letter(&site(), id, 3).await.unwrap());
    assert!(store.dead_letters(&site(), id).await.unwrap().unwrap()[0].is_wanted);
    // Given up once more, it does not move what comes next.
    progress(Progress::GivenUp(DeadLetter { cause: "answered with status 500".into(), ..letter })).await;
    let again = store.dead_letters(&site(), id).await.unwrap().unwrap();
    assert_eq!((again.len(), again[0].is_wanted, again[0].cause.as_str()), (1, false, "answered with status 500"));
    assert_eq!(telling().await.webhook.next, 6);
    progress(Progress::ToldLate { seq: 3, at: at(0) }).await;
    assert_eq!((telling().await.dead.count, telling().await.unconfirmed.count), (0, 2));
    for (through, expected, left) in
        [(6, Confirmed::Untold, 2), (3, Confirmed::Kept, 1), (5, Confirmed::Kept, 0), (4, Confirmed::Kept, 0)]
    {
        assert_eq!(store.confirm_webhook(&site(), id, through).await.unwrap(), expected);
        assert_eq!(telling().await.unconfirmed.count, left);
    }
    assert_eq!(telling().await.webhook.confirmed, Some(5));
    assert_eq!(store.confirm_webhook(&other, id, 0).await.unwrap(), Confirmed::Unknown);
    let rotated = store.rotate_webhook(&site(), id, at(9)).await.unwrap().unwrap();
    assert_eq!((rotated.generation, rotated.rotated_at), (1, Some(at(9))));
    assert_eq!(store.rotate_webhook(&other, id, at(9)).await.unwrap(), None);
    assert!(!store.remove_webhook(&other, id).await.unwrap());
    assert!(store.remove_webhook(&site(), id).await.unwrap());
    assert!(!store.remove_webhook(&site(), id).await.unwrap());
    assert_eq!(store.webhooks(&site()).await.unwrap(), []);
}

async fn subjects_come_in_pages_each_once_and_without_those_who_are_erased(on: Kind) {
    let database = Database::new(on);
    let store = database.open();
    let account: Subject = format!("account:{}", "0a".repeat(32)).parse().unwrap();
    let mut expected: Vec<Subject> = (0..5).map(|_| subject()).collect();
    let gone = expected[0];
    for who in [&expected[..], &expected[..2], &[account]].concat() {
        let secret = Some(SecretHash::of(&[7; 32])).filter(|_| who != account);
        new(store.append(NewEntry { secret, ..entry(who, kind("all-refused")) }).await);
    }
    new(store.append(entry(gone, erasure())).await);
    expected.retain(|who| *who != gone);
    expected.sort_by_key(ToString::to_string);
    expected.push(account);
    let mut found: Vec<Subject> = Vec::new();
    loop {
        let page = store.subjects_after(&site(), found.last().copied(), 2).await.unwrap();
        assert!(page.len() <= 2);
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    assert_eq!(found, expected);
    assert!(store.subjects_after(&"other".parse().unwrap(), None, 2).await.unwrap().is_empty());
}

fn case(who: Subject, due_ms: u64) -> Case {
    Case {
        id: new_id().parse().unwrap(),
        subject: who,
        right: CaseRight::Access,
        note: Some("Wer hat meine Daten? — ü".into()),
        state: CaseState::Received,
        reason: None,
        place: "DE".into(),
        received: Time::from_ms(START_MS),
        due: Time::from_ms(START_MS + due_ms),
        latest: Some(Time::from_ms(START_MS + 2 * due_ms)),
        changed: Time::from_ms(START_MS),
    }
}

async fn a_case_is_kept_once_changed_from_what_it_was_and_goes_with_its_subject(on: Kind) {
    let database = Database::new(on);
    let store = database.open();
    let (who, secret, stranger) = (subject(), SecretHash::of(&[7; 32]), SecretHash::of(&[8; 32]));
    let first = case(who, 10);
    let open = async |case: &Case, secret| store.open_case(&site(), case.clone(), secret).await.unwrap();
    assert_eq!(open(&first, secret).await, Ok(OpenedCase::New(first.clone())));
    assert_eq!(open(&first, secret).await, Ok(OpenedCase::Known(first.clone())));
    let other = Case { right: CaseRight::Complaint, ..first.clone() };
    assert_eq!(open(&other, secret).await, Err(CaseRefusal::IdReused));
    // Its secret speaks for the subject before the subject has chosen anything.
    assert_eq!(open(&case(who, 10), stranger).await, Err(CaseRefusal::WrongSecret));
    store.cases_of(&site(), who, Some(stranger)).await.unwrap_err();
    assert_eq!(store.cases_of(&site(), who, Some(secret)).await.unwrap(), std::slice::from_ref(&first));
    assert_eq!(store.cases_of(&site(), who, None).await.unwrap(), std::slice::from_ref(&first));
    assert!(store.cases_of(&"other".parse().unwrap(), who, None).await.unwrap().is_empty());
    new(store.append(entry(who, kind("all-refused"))).await);

    let changed = Case {
        state: CaseState::Refused,
        reason: Some("it is not ours".into()),
        latest: None,
        changed: Time::from_ms(START_MS + 1),
        ..first.clone()
    };
    assert!(!store.change_case(&site(), changed.clone(), CaseState::InProgress).await.unwrap());
    assert_eq!(store.case(&site(), first.id).await.unwrap(), Some(first.clone()));
    assert!(store.change_case(&site(), changed.clone(), CaseState::Received).await.unwrap());
    assert_eq!(store.case(&site(), first.id).await.unwrap(), Some(changed.clone()));
    assert_eq!(open(&first, secret).await, Ok(OpenedCase::Known(changed)));

    let stays = case(subject(), 10);
    open(&stays, stranger).await.unwrap();
    new(store.append(entry(who, erasure())).await);
    assert_eq!(store.case(&site(), first.id).await.unwrap(), None);
    assert_eq!(store.case(&site(), stays.id).await.unwrap(), Some(stays));
}

async fn cases_that_are_due_first_come_first_and_a_subject_has_only_so_many(on: Kind) {
    let database = Database::new(on);
    let store = database.open();
    let (who, secret) = (subject(), SecretHash::of(&[7; 32]));
    let dues: Vec<u64> = (1..=20).map(|n| n * 7 % 20 + 1).collect();
    for due in &dues {
        store.open_case(&site(), case(who, *due), secret).await.unwrap().unwrap();
    }
    let more = store.open_case(&site(), case(who, 1), secret).await.unwrap();
    assert_eq!(more, Err(CaseRefusal::TooMany));
    let cases = store.cases(&site(), &[CaseState::Received, CaseState::Extended], 5).await.unwrap();
    let found: Vec<u64> = cases.iter().map(|case| case.due.as_ms() - START_MS).collect();
    assert_eq!(found, [1, 2, 3, 4, 5]);
    assert!(store.cases(&site(), &[CaseState::Done], 5).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_goes_away_and_comes_back_loses_nothing() {
    let mut cluster = Cluster::new();
    cluster.start("keep");
    let store = Store::open(&cluster.new_database().parse().unwrap()).unwrap();
    let (before, during) = (entry(subject(), kind("all-granted")), entry(subject(), kind("all-refused")));
    let position = new(store.append(before.clone()).await);
    cluster.stop();
    assert_eq!(store.append(during.clone()).await, Err(AppendError::Unavailable));
    store.events(&site(), vec![before.subject]).await.unwrap_err();
    store.ping().await.unwrap_err();
    cluster.start("keep");
    store.ping().await.unwrap();
    assert_eq!(store.append(before).await, Ok(Appended::Known(position)));
    assert_eq!(new(store.append(during).await).seq, 1);
    assert_eq!(audited(&store).await.len(), 2);
}
