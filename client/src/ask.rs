//! Whoever can be asked: the one trait of those that answer from afar and those that answer in process.

use crate::circumstances::Circumstances;
use crate::clock::Clock;
use crate::error::AskError;
use crate::intent::Intent;
use crate::permit::{Permit, RequireError};
use consentry_core::wire::QuestionDoc;
use consentry_core::{Decision, Subject};

/// Keeps others from answering: what answers can make permits.
pub(crate) mod sealed {
    use crate::error::AskError;
    use consentry_core::Decision;
    use consentry_core::wire::QuestionDoc;

    /// Is answered for by this crate.
    pub trait Sealed {
        /// The answer, where it takes no waiting.
        fn at_once(&self, _: &QuestionDoc) -> Option<Result<Decision, AskError>> {
            None
        }
    }
}

/// Can be asked what may be done with somebody's data. Implemented here alone, since whoever answers makes [`Permit`]s.
///
/// The same question gets the same decision from every implementation, but for how fresh it is; each says how fresh that is.
pub trait Ask: sealed::Sealed + Send + Sync {
    /// By which clock it is told whether an answer may still be relied on.
    fn clock(&self) -> &Clock;

    /// Asks one question.
    ///
    /// # Errors
    /// [`AskError`] where there is no answer. Then nobody has said yes: process nothing.
    fn decide(&self, question: &QuestionDoc) -> impl Future<Output = Result<Decision, AskError>> + Send;

    /// Asks any number of questions: as many answers, in the same order. Each stands for itself, so that one that cannot be read denies one
    /// subject and not a thousand.
    fn decide_all(&self, questions: &[QuestionDoc]) -> impl Future<Output = Vec<Result<Decision, AskError>>> + Send;

    /// Asks, and hands out a permit if the answer is yes. Who can say at compile time what for uses [`Ask::require_for`].
    ///
    /// # Errors
    /// [`RequireError::Denied`] with the decision where the answer is no, and others where there is none that counts now.
    fn require(&self, question: QuestionDoc) -> impl Future<Output = Result<Permit, RequireError>> + Send {
        async move { permit(self, question).await }
    }

    /// Asks for what `I` says, about this subject in these circumstances, and hands out a permit for that alone.
    ///
    /// # Errors
    /// As of [`Ask::require`].
    fn require_for<I: Intent>(
        &self,
        subject: impl Into<Subject> + Send,
        circumstances: Circumstances,
    ) -> impl Future<Output = Result<Permit<I>, RequireError>> + Send {
        let question = circumstances.question(subject.into(), I::question());
        async move { permit(self, question).await }
    }
}

async fn permit<A: Ask + ?Sized, I>(asks: &A, question: QuestionDoc) -> Result<Permit<I>, RequireError> {
    if question.as_of_ms.is_some() || question.happened_by_ms.is_some() {
        return Err(RequireError::Past);
    }
    let decision = asks.decide(&question).await?;
    Permit::of(question, decision, asks.clock().now())
}
