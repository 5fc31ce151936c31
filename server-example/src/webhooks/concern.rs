//! What an entry means to a processor: for which purposes it may now do what it might not before, or the other way round.
//!
//! The core decides before and after, as of when the entry was made, and nothing is known of the subject's circumstances. What changes
//! without an entry, since a choice expires or another policy comes into force, is told by nobody: a decision says for how long it may be
//! relied on.

use crate::records::Records;
use crate::site::Site;
use crate::store::{ReadError, Store};
use consentry_core::ledger::Payload;
use consentry_core::{Context, ProcessorId, PurposeId, Question, Reason, Target, decide};
use serde::Serialize;

/// Whether a processor may use somebody's data for a purpose, after something has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct PurposeAnswer {
    pub(super) purpose: PurposeId,
    pub(super) allow: bool,
    pub(super) reason: Reason,
}

/// The answers that have changed by this entry, in the policy's order.
pub(super) async fn changed(
    store: &Store,
    site: &Site,
    processor: &ProcessorId,
    payload: &Payload,
) -> Result<Vec<PurposeAnswer>, ReadError> {
    let (subject, event) = (payload.subject(), payload.event());
    let records = Records::read(store, site.published(), vec![subject]).await?;
    // Erased since: whoever tells that is the erasure's own entry.
    let Some((before, after)) = records.around(subject, event) else { return Ok(Vec::new()) };
    let (history, context) = (site.history(), Context::at(event.at));
    let purposes = history.in_force(event.at).into_iter().flat_map(|policy| &policy.parts().purposes);
    let answers = purposes.filter_map(|purpose| {
        let question = Question::about(Target::processor(purpose.id.clone(), processor.clone()));
        let (old, new) = (decide(history, &before, &question, &context), decide(history, &after, &question, &context));
        (old.allows() != new.allows()).then(|| PurposeAnswer {
            purpose: purpose.id.clone(),
            allow: new.allows(),
            reason: new.reason,
        })
    });
    Ok(answers.collect())
}
