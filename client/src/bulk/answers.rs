//! Whom a list is asked of: a follower that somebody holds, or a replica that follows the server by itself.

use consentry_core::packed::{Follower, Prepared, Unanswered, When};

/// Keeps others from answering.
pub(crate) mod sealed {
    /// Answers about lists.
    pub trait Sealed {}
}

/// Can be asked about lists: a [`Follower`], as it is while it is asked; and [`crate::Replica`], which goes on following meanwhile.
///
/// A replica that follows by itself is asked about some ten thousand ids at a time, and hears of what happens in between: each id is answered
/// as of when its part was asked, so that a withdrawal that is heard meanwhile counts. It never answers from what is too old.
pub trait Answers: sealed::Sealed + Sync {
    /// How a question is put.
    type Question: Clone + Send;
    /// Why nobody is answered about.
    type Error: Send;

    #[doc(hidden)]
    type Bytes: AsRef<[u8]>;

    /// Looks at what does not hang on how old it is.
    #[doc(hidden)]
    fn see<T>(&self, see: impl FnOnce(&Follower<Self::Bytes>) -> T) -> T;

    /// Asks something. What is asked holds up whoever follows.
    #[doc(hidden)]
    fn ask<T>(
        &self,
        question: &mut Self::Question,
        ask: impl FnOnce(&Follower<Self::Bytes>, &mut Prepared, When) -> Result<T, Unanswered>,
    ) -> Result<T, Self::Error>;

    /// Whether the question is still asked at that time.
    #[doc(hidden)]
    fn is_still(question: &Self::Question, when: When) -> bool;

    #[doc(hidden)]
    fn error(why: Unanswered) -> Self::Error;

    #[doc(hidden)]
    fn why(error: &Self::Error) -> Unanswered;
}

/// A question at a time that whoever asks names.
#[derive(Debug, Clone)]
pub struct Timed {
    pub(super) prepared: Prepared,
    pub(super) when: When,
}

impl<B> sealed::Sealed for Follower<B> {}

impl<B: AsRef<[u8]> + Sync> Answers for Follower<B> {
    type Question = Timed;
    type Error = Unanswered;
    type Bytes = B;

    fn see<T>(&self, see: impl FnOnce(&Follower<B>) -> T) -> T {
        see(self)
    }

    fn ask<T>(
        &self,
        question: &mut Timed,
        ask: impl FnOnce(&Follower<B>, &mut Prepared, When) -> Result<T, Unanswered>,
    ) -> Result<T, Unanswered> {
        ask(self, &mut question.prepared, question.when)
    }

    fn is_still(question: &Timed, when: When) -> bool {
        question.when == when
    }

    fn error(why: Unanswered) -> Unanswered {
        why
    }

    fn why(error: &Unanswered) -> Unanswered {
        *error
    }
}
