//! How a whole site stands at a time: for every subject and every target, whether it was allowed, and why.
//!
//! Derived anew from the record by [`decide`] whenever it is asked for, and never kept. Subjects are read in pages, so that memory does
//! not grow with the site. Who has been erased is not in it, whatever time it is of: nothing is left to derive anything from.

mod encode;
mod parquet;

pub(crate) use encode::{Encoder, Format};

use crate::records::{Counts, Records};
use crate::store::{ReadError, Store};
use consentry_core::source::Published;
use consentry_core::{
    AsOf, Context, Event, PolicyHash, Question, Reason, Record, SiteId, Subject, Target, Time, decide,
};
use std::sync::Arc;

/// How many subjects are read at once.
const SUBJECTS_READ_MAX: usize = 128;

/// Whether one target is allowed for one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) subject: Subject,
    pub(crate) target: Target,
    pub(crate) reason: Reason,
    pub(crate) policy: PolicyHash,
}

/// Subjects of a site and what they had said by a time, page by page, in the order of their keys.
#[derive(Debug)]
pub(crate) struct Subjects {
    store: Store,
    published: Arc<Published>,
    as_of: Time,
    last: Option<Subject>,
    is_done: bool,
}

impl Subjects {
    /// From the first subject on, by what had been recorded at `as_of`.
    pub(crate) const fn new(store: Store, published: Arc<Published>, as_of: Time) -> Self {
        Self { store, published, as_of, last: None, is_done: false }
    }

    pub(crate) fn site(&self) -> &SiteId {
        &self.published.policy.parts().site
    }

    pub(crate) const fn as_of(&self) -> Time {
        self.as_of
    }

    /// The next page, which may be empty; none after the last.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<(Subject, Record)>>, ReadError> {
        if self.is_done {
            return Ok(None);
        }
        let subjects = self.store.subjects_after(self.site(), self.last, SUBJECTS_READ_MAX).await?;
        self.is_done = subjects.len() < SUBJECTS_READ_MAX;
        self.last = subjects.last().copied().or(self.last);
        let records = Records::read(&self.store, &self.published, subjects.clone()).await?;
        let as_of = AsOf::Recorded(self.as_of);
        let counts: Counts<'_> = &|event: &Event| as_of.counts(event);
        // Whoever came later was not there yet.
        let known = subjects.into_iter().filter(|subject| records.events(*subject).iter().any(counts));
        Ok(Some(known.map(|subject| (subject, records.record(subject, None, Some(counts)))).collect()))
    }

    /// The rows of the next page; none after the last.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) async fn next_rows(&mut self) -> Result<Option<Vec<Row>>, ReadError> {
        let Some(page) = self.next().await? else { return Ok(None) };
        let history = &self.published.history;
        let policy = history.in_force(self.as_of).unwrap_or_else(|| history.newest());
        let context = Context::at(self.as_of);
        let mut rows = Vec::new();
        for (subject, record) in page {
            for target in policy.targets() {
                let decision = decide(history, &record, &Question::about(target.clone()), &context);
                rows.push(Row { subject, target, reason: decision.reason, policy: decision.policy });
            }
        }
        Ok(Some(rows))
    }
}
