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
pub struct Questions(Mutex<Vec<Kept>>);

/// A question, once for each thread that has asked it at the same time as others.
#[derive(Debug)]
struct Kept {
    key: Key,
    prepared: Vec<Prepared>,
}

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
        // Nobody waits while this one asks.
        let known = self.kept().iter_mut().find(|kept| kept.key == key).and_then(|kept| kept.take(history));
        let mut prepared = known.unwrap_or_else(|| {
            let (question, context) = key.clone();
            Prepared::new(Arc::clone(history), question, context)
        });
        let answer = ask(&mut prepared);
        let mut all = self.kept();
        let mut kept = match all.iter().position(|kept| kept.key == key) {
            Some(place) => all.remove(place),
            None => Kept { key, prepared: Vec::new() },
        };
        kept.prepared.push(prepared);
        if all.len() >= KEPT_MAX {
            // Whoever is asked often is put back behind the others.
            drop(all.remove(0));
        }
        all.push(kept);
        answer
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// One under these policies. Nobody asks under others again.
    fn take(&mut self, history: &Arc<PolicyHistory>) -> Option<Prepared> {
        self.prepared.retain(|prepared| prepared.is_under(history));
        self.prepared.pop()
    }
}
