//! Questions that are asked again and again, each prepared once: by several threads at once each has its own.

use super::prepared::Prepared;
use crate::context::Context;
use crate::decision::Question;
use crate::history::PolicyHistory;
use crate::time::Time;
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many are kept, the last ones: what was said of each state is remembered with them.
const KEPT_MAX: usize = 32;

/// The questions, and what was said of them so far.
#[derive(Debug, Default)]
pub struct Questions(Mutex<Vec<(Key, Prepared)>>);

/// What tells questions apart. The time in it does not matter.
type Key = (Question, Context);

impl Questions {
    /// Asks with a question that is prepared, or becomes so.
    pub fn ask<T>(
        &self,
        history: &Arc<PolicyHistory>,
        question: Question,
        context: Context,
        ask: impl FnOnce(&mut Prepared) -> T,
    ) -> T {
        let key = (question, Context { now: Time::from_ms(0), ..context });
        let is_it = |(known, prepared): &(Key, Prepared)| *known == key && prepared.is_under(history);
        let mut kept = self.kept();
        let known = kept.iter().position(is_it).map(|place| kept.remove(place).1);
        // Nobody waits while this one asks.
        drop(kept);
        let mut prepared = known.unwrap_or_else(|| {
            let (question, context) = key.clone();
            Prepared::new(Arc::clone(history), question, context)
        });
        let answer = ask(&mut prepared);
        let mut kept = self.kept();
        if kept.len() >= KEPT_MAX {
            // Whoever is asked often is put back behind the others.
            drop(kept.remove(0));
        }
        kept.push((key, prepared));
        answer
    }

    fn kept(&self) -> MutexGuard<'_, Vec<(Key, Prepared)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
