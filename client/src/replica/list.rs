//! Lists, asked of a replica that goes on following meanwhile.

use super::{Following, Replica};
use crate::bulk::{Answers, Filter, Filtered, List, cores, sealed};
use crate::error::AskError;
use consentry_core::packed::{Behind, Follower, Prepared, Unanswered, When};
use consentry_core::wire::QuestionDoc;
use hyper::body::Bytes;
use std::num::NonZeroUsize;

impl Replica {
    /// For which of these it may be done, answered in this process: a bit for each, how many for which reason, and whom it cannot tell of and
    /// why. The question's own subject does not matter; it names no device, and no time by which something had happened. Long lists are asked
    /// about by a thread for each core.
    ///
    /// Each is answered as of when its part of the list was asked about, some ten thousand at a time: a withdrawal that is heard meanwhile
    /// counts for whoever is still to come, and nobody waits for the whole list.
    ///
    /// # Errors
    /// [`AskError::Stale`]; [`AskError::NotOfAList`] where the question says what is one person's alone.
    pub fn allowed<L: List + ?Sized>(&self, question: &QuestionDoc, subjects: &L) -> Result<Filtered, AskError> {
        self.filter(question, cores())?.filter(self, subjects)
    }

    /// A filter that asks this question, for whoever has several lists, or something else that [`bulk`](crate::bulk) goes through, with so many
    /// threads. By this replica's own clock: now, or by what had been recorded at [`QuestionDoc::as_of_ms`].
    ///
    /// # Errors
    /// [`AskError::NotOfAList`] where the question says what is one person's alone.
    pub fn filter(&self, question: &QuestionDoc, threads: NonZeroUsize) -> Result<Filter<QuestionDoc>, AskError> {
        let of_one = [("device", question.device.is_some()), ("happened_by_ms", question.happened_by_ms.is_some())];
        match of_one.into_iter().find(|(_, is_said)| *is_said) {
            Some((field, _)) => Err(AskError::NotOfAList { field }),
            None => Ok(Filter::asking(question.clone(), threads)),
        }
    }
}

impl sealed::Sealed for Replica {}

impl Answers for Replica {
    type Question = QuestionDoc;
    type Error = AskError;
    type Bytes = Behind<Bytes>;

    fn see<T>(&self, see: impl FnOnce(&Following) -> T) -> T {
        see(&self.0.shared.follower())
    }

    fn ask<T>(
        &self,
        question: &mut QuestionDoc,
        ask: impl FnOnce(&Follower<Behind<Bytes>>, &mut Prepared, When) -> Result<T, Unanswered>,
    ) -> Result<T, AskError> {
        let answer = self.0.shared.ask(question, |follower, prepared, now| {
            let when = question.as_of_ms.map_or(When::Now(now), |then| When::AsOf(then.min(now)));
            ask(follower, prepared, when)
        });
        answer?.map_err(Self::error)
    }

    fn is_still(question: &QuestionDoc, when: When) -> bool {
        match (question.as_of_ms, when) {
            (Some(then), When::AsOf(before)) => then == before,
            // Now is another time by now, and what was allowed may have run out since.
            (None, _) | (Some(_), When::Now(_)) => false,
        }
    }

    fn error(_: Unanswered) -> AskError {
        AskError::NotHeld
    }

    fn why(_: &AskError) -> Unanswered {
        Unanswered::NotHeld
    }
}
