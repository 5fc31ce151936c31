//! What a browser posts beside choices: that it sends a signal, and that somebody uses a right.

use super::choice::{WireError, is_false};
use super::word::{V1, said};
use crate::{Demand, DemandKind, EventId, EventKind, PurposeId, Signal};
use serde::{Deserialize, Serialize};

/// A signal as it is posted, when a browser is first seen to send it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalDoc {
    /// The version.
    pub v: V1,
    /// The event's name.
    pub id: EventId,
    /// The signal.
    pub signal: Signal,
}

/// A demand as it is posted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemandDoc {
    /// The version.
    pub v: V1,
    /// The event's name.
    pub id: EventId,
    /// Which right.
    pub demand: DemandKind,
    /// The purpose that it is about, where it is not about all that the right is about.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    pub purpose: Option<PurposeId>,
    /// Whether it is taken back.
    #[serde(default, skip_serializing_if = "is_false")]
    pub lifted: bool,
}

impl From<SignalDoc> for EventKind {
    fn from(doc: SignalDoc) -> Self {
        Self::Signalled(doc.id, doc.signal)
    }
}

impl TryFrom<DemandDoc> for EventKind {
    type Error = WireError;

    fn try_from(doc: DemandDoc) -> Result<Self, WireError> {
        let DemandDoc { v: V1, id, demand, purpose, lifted } = doc;
        if demand == DemandKind::Erasure && (purpose.is_some() || lifted) {
            return Err(WireError::Erasure);
        }
        Ok(Self::Demanded(id, Demand { kind: demand, purpose, stands: !lifted }))
    }
}
