//! What was read lately of a site's subjects, for as long as nothing has happened to them.
//!
//! Before anything is taken from here, the store is asked whether it has heard of anything new, so that an answer is never older than
//! the question, whichever process wrote. A store that cannot say that at once (PostgreSQL, to which it is a way) is read each time.

use crate::records::{Known, Records};
use crate::store::{Mark, Moment, News, ReadError, Store};
use consentry_core::source::Published;
use consentry_core::{SiteId, Subject};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many subjects are remembered for certain, and at most twice as many: some 50 MB, were all of them asked about.
const SUBJECTS_MAX: usize = 32_768;
/// Most subjects of whom it is remembered when something last happened to them.
const TOUCHED_MAX: usize = 4_096;

/// The memory of one site.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    /// How far the ledger was heard of.
    mark: Option<Mark>,
    /// Those that were asked about last, and before them.
    young: HashMap<Subject, Arc<Known>>,
    old: HashMap<Subject, Arc<Known>>,
    /// To whom something has happened lately, and by which entry.
    touched: HashMap<Subject, u64>,
    order: VecDeque<(u64, Subject)>,
    /// Before this entry it is not known to whom something has happened.
    floor: u64,
}

impl Recent {
    /// What is known of `subjects`, and of the devices that the accounts among them are linked to.
    pub(crate) async fn read<'a>(
        &self,
        store: &Store,
        published: &'a Published,
        subjects: Vec<Subject>,
    ) -> Result<Records<'a>, ReadError> {
        self.read_since(None, store, published, subjects).await
    }

    /// The same, for whoever has looked at the database after the question had come: it need not be looked at again then.
    pub(crate) async fn read_since<'a>(
        &self,
        looked: Option<Moment>,
        store: &Store,
        published: &'a Published,
        subjects: Vec<Subject>,
    ) -> Result<Records<'a>, ReadError> {
        let site = &published.policy.parts().site;
        let Some(size) = self.catch_up(looked, store, site)? else {
            return Records::read(store, published, subjects).await;
        };
        let mut records = Records::none(published);
        let mut wanted = subjects;
        while !wanted.is_empty() {
            let missing = self.take(&wanted, &mut records);
            if !missing.is_empty() {
                let events = store.events(site, missing.clone()).await?;
                let found = records.put(missing, events);
                self.keep(size, found);
            }
            // The devices of the accounts, which have none of their own.
            wanted = records.missing_devices();
        }
        Ok(records)
    }

    /// Forgets what has changed. The size of the ledger that was heard of; none where the store cannot say.
    fn catch_up(&self, looked: Option<Moment>, store: &Store, site: &SiteId) -> Result<Option<u64>, ReadError> {
        let mut memory = self.memory();
        if let (Some(looked), Some((known, size))) = (looked, memory.mark)
            && looked == known
        {
            return Ok(Some(size));
        }
        let Some(news) = store.news(site, memory.mark)? else { return Ok(None) };
        match news {
            News::None => {}
            News::Of { mark, subjects } => {
                memory.mark = Some(mark);
                for (seq, subject) in subjects {
                    memory.touch(seq, subject);
                }
            }
            News::Whole { mark } => *memory = Memory { mark: Some(mark), floor: mark.1, ..Memory::default() },
        }
        Ok(memory.mark.map(|(_, size)| size))
    }

    /// Takes those that are remembered, and says who is not.
    fn take(&self, wanted: &[Subject], records: &mut Records<'_>) -> Vec<Subject> {
        let mut memory = self.memory();
        let mut missing = Vec::new();
        for subject in wanted {
            if records.has(*subject) {
                continue;
            }
            match memory.known(*subject) {
                Some(known) => records.know(*subject, known),
                None => missing.push(*subject),
            }
        }
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// Remembers what was read after the ledger had that size, unless something has happened to them since.
    fn keep(&self, size: u64, found: Vec<(Subject, Arc<Known>)>) {
        let mut memory = self.memory();
        if size < memory.floor {
            return;
        }
        for (subject, known) in found {
            if memory.touched.get(&subject).is_none_or(|seq| *seq < size) {
                memory.put(subject, known);
            }
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn known(&mut self, subject: Subject) -> Option<Arc<Known>> {
        if let Some(known) = self.young.get(&subject) {
            return Some(Arc::clone(known));
        }
        let known = self.old.remove(&subject)?;
        self.put(subject, Arc::clone(&known));
        Some(known)
    }

    fn put(&mut self, subject: Subject, known: Arc<Known>) {
        if self.young.len() >= SUBJECTS_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(subject, known);
    }

    fn touch(&mut self, seq: u64, subject: Subject) {
        self.young.remove(&subject);
        self.old.remove(&subject);
        self.touched.insert(subject, seq);
        self.order.push_back((seq, subject));
        if self.order.len() > TOUCHED_MAX
            && let Some((seq, subject)) = self.order.pop_front()
        {
            self.floor = seq + 1;
            // It may have been touched again since.
            if self.touched.get(&subject) == Some(&seq) {
                self.touched.remove(&subject);
            }
        }
    }
}
