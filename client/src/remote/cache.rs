//! What was asked last, and answered, for a moment.
//!
//! An answer counts until the earliest of: what it says itself, by the clock of the world; and a bound of our own since it was asked for, by
//! that clock and by one that nobody can set. So neither a clock that is set back nor a machine that slept makes an answer last.

use crate::clock::Clock;
use consentry_core::wire::QuestionDoc;
use consentry_core::{Decision, Time};
use lru::LruCache;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Answers by their questions, those that were wanted last.
pub(crate) struct Cache {
    /// None remembers nothing.
    kept: Option<Mutex<LruCache<QuestionDoc, Kept>>>,
    kept_for: Duration,
    clock: Clock,
}

struct Kept {
    decision: Decision,
    began: Began,
}

/// When a question was sent. Its answer is no fresher than that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Began {
    now: Time,
    elapsed: Duration,
}

impl Cache {
    pub(crate) fn new(kept_for: Duration, kept_max: usize, clock: Clock) -> Self {
        let kept_max = NonZeroUsize::new(kept_max).filter(|_| !kept_for.is_zero());
        // Grows as it is filled: a bound is no reservation.
        let kept = kept_max.map(|max| {
            let mut kept = LruCache::unbounded();
            kept.resize(max);
            Mutex::new(kept)
        });
        Self { kept, kept_for, clock }
    }

    pub(crate) fn begin(&self) -> Began {
        Began { now: self.clock.now(), elapsed: self.clock.elapsed() }
    }

    pub(crate) fn get(&self, question: &QuestionDoc) -> Option<Decision> {
        let mut kept = lock(self.kept.as_ref()?);
        let found = kept.get(question)?;
        if self.counts(found) {
            return Some(found.decision.clone());
        }
        kept.pop(question);
        None
    }

    /// Remembers an answer, in place of an earlier one.
    pub(crate) fn put(&self, began: Began, question: &QuestionDoc, decision: &Decision) {
        let Some(kept) = &self.kept else { return };
        let new = Kept { decision: decision.clone(), began };
        // Of two that were asked at once, the one that was sent first may come last.
        let mut kept = lock(kept);
        let is_older = kept.peek(question).is_some_and(|other| began.elapsed < other.began.elapsed);
        if self.counts(&new) && !is_older {
            kept.put(question.clone(), new);
        }
    }

    fn counts(&self, Kept { decision, began }: &Kept) -> bool {
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        let until = Duration::from_millis(began.now.as_ms()).saturating_add(self.kept_for);
        now < decision.valid_until
            && began.now <= now
            && Duration::from_millis(now.as_ms()) < until
            && elapsed.saturating_sub(began.elapsed) < self.kept_for
    }
}

fn lock(kept: &Mutex<LruCache<QuestionDoc, Kept>>) -> MutexGuard<'_, LruCache<QuestionDoc, Kept>> {
    // Whoever panicked had put in an answer or had not: there is nothing in between.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use consentry_core::{PolicyHash, PurposeId, Reason, Regime, Subject, Target};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    const START_MS: u64 = 1_763_800_000_000;

    fn question(number: u32) -> QuestionDoc {
        let subject: Subject = format!("device:7f9c0c52-7a41-4f5e-9d0e-0000{number:08x}").parse().unwrap();
        QuestionDoc::new(subject, PurposeId::named("ai-training"))
    }

    fn decision(reason: Reason, valid_until_ms: u64) -> Decision {
        Decision {
            reason,
            decided_by: Target::purpose(PurposeId::named("ai-training")),
            basis: None,
            regime: Regime::OptIn,
            policy: PolicyHash::from_bytes([7; 32]),
            events: Vec::new(),
            obligations: Vec::new(),
            features_lost: Vec::new(),
            valid_until: Time::from_ms(valid_until_ms),
        }
    }

    fn cache(kept_for_ms: u64, kept_max: usize) -> (Cache, Arc<AtomicU64>) {
        let clock = Arc::new(AtomicU64::new(START_MS));
        (Cache::new(Duration::from_millis(kept_for_ms), kept_max, Clock::Held(Arc::clone(&clock))), clock)
    }

    #[test]
    fn an_answer_counts_for_as_long_as_both_bounds_say() {
        for (valid_for_ms, counts_for_ms) in [(300_000, 5_000), (5_000, 5_000), (200, 200), (1, 1)] {
            let (cache, clock) = cache(5_000, 10);
            let answer = decision(Reason::Given, START_MS + valid_for_ms);
            cache.put(cache.begin(), &question(1), &answer);
            clock.fetch_add(counts_for_ms - 1, Ordering::SeqCst);
            assert_eq!(cache.get(&question(1)), Some(answer), "{valid_for_ms}");
            clock.fetch_add(1, Ordering::SeqCst);
            assert_eq!(cache.get(&question(1)), None, "{valid_for_ms}");
        }
    }

    #[test]
    fn it_counts_from_when_it_was_asked_for_and_not_from_when_it_came() {
        let (cache, clock) = cache(5_000, 10);
        let began = cache.begin();
        clock.fetch_add(4_000, Ordering::SeqCst);
        cache.put(began, &question(1), &decision(Reason::Given, u64::MAX));
        clock.fetch_add(999, Ordering::SeqCst);
        assert!(cache.get(&question(1)).is_some());
        clock.fetch_add(1, Ordering::SeqCst);
        assert!(cache.get(&question(1)).is_none());
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_answer_last() {
        let (cache, clock) = cache(5_000, 10);
        cache.put(cache.begin(), &question(1), &decision(Reason::Given, u64::MAX));
        clock.fetch_sub(1, Ordering::SeqCst);
        assert!(cache.get(&question(1)).is_none());
    }

    #[test]
    fn an_answer_that_has_ceased_to_count_is_not_remembered() {
        let (cache, _) = cache(5_000, 10);
        cache.put(cache.begin(), &question(1), &decision(Reason::Given, START_MS));
        assert!(cache.get(&question(1)).is_none());
    }

    #[test]
    fn an_answer_that_was_asked_for_earlier_takes_no_later_ones_place() {
        let (cache, clock) = cache(5_000, 10);
        let early = cache.begin();
        clock.fetch_add(1, Ordering::SeqCst);
        cache.put(cache.begin(), &question(1), &decision(Reason::Withdrawn, u64::MAX));
        cache.put(early, &question(1), &decision(Reason::Given, u64::MAX));
        assert_eq!(cache.get(&question(1)).map(|answer| answer.reason), Some(Reason::Withdrawn));
    }

    #[test]
    fn there_is_room_for_so_many_and_the_one_that_was_wanted_longest_ago_goes() {
        let (cache, _) = cache(5_000, 2);
        for number in [1, 2] {
            cache.put(cache.begin(), &question(number), &decision(Reason::Given, u64::MAX));
        }
        assert!(cache.get(&question(1)).is_some());
        cache.put(cache.begin(), &question(3), &decision(Reason::Given, u64::MAX));
        assert_eq!([1, 2, 3].map(|number| cache.get(&question(number)).is_some()), [true, false, true]);
    }

    #[test]
    fn another_question_has_another_answer() {
        let (cache, _) = cache(5_000, 10);
        cache.put(cache.begin(), &question(1), &decision(Reason::Given, u64::MAX));
        let by_kling = QuestionDoc { processor: "kling".parse().ok(), ..question(1) };
        let in_california = QuestionDoc { jurisdiction: "US-CA".parse().ok(), ..question(1) };
        for other in [question(2), by_kling, in_california] {
            assert!(cache.get(&other).is_none());
        }
    }

    #[test]
    fn who_wants_nothing_remembered_is_asked_each_time() {
        for (kept_for_ms, kept_max) in [(0, 10), (5_000, 0)] {
            let (cache, _) = cache(kept_for_ms, kept_max);
            cache.put(cache.begin(), &question(1), &decision(Reason::Given, u64::MAX));
            assert!(cache.get(&question(1)).is_none());
        }
    }
}
