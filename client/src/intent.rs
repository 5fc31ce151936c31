//! What code intends to do with somebody's data, as a type, so that the compiler knows which permit is for what.

use consentry_core::{Activity, DataId, ProcessorId, PurposeId, Question};

/// What code intends to do with somebody's data. An empty enum that implements it stands for it in [`crate::Permit`]:
///
/// ```
/// use consentry_client::{Activity, Intent, PurposeId};
///
/// /// Trains our own model.
/// enum Train {}
///
/// impl Intent for Train {
///     const PURPOSE: PurposeId = PurposeId::named("ai-training");
///     const ACTIVITY: Activity = Activity::Train;
/// }
/// ```
///
/// Names are checked when the code is compiled; that the policy has them, when it is asked.
pub trait Intent {
    /// What for.
    const PURPOSE: PurposeId;
    /// By whom; by the site itself if nothing is said.
    const PROCESSOR: Option<ProcessorId> = None;
    /// With which data; with all that the purpose uses if nothing is said.
    const DATA: Option<DataId> = None;
    /// What is done with it.
    const ACTIVITY: Activity = Activity::Process;

    /// The question that this is.
    #[must_use]
    fn question() -> Question {
        Question { purpose: Self::PURPOSE, processor: Self::PROCESSOR, data: Self::DATA, activity: Self::ACTIVITY }
    }
}

/// The intent of a permit for something that only its question says, such as a processor that was picked from a list.
#[derive(Debug)]
pub enum AsAsked {}
