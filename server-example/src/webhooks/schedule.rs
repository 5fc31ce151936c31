//! When a message that did not arrive is tried again: as Standard Webhooks recommends, ten times within some three days.

use crate::store::WebhookId;
use consentry_core::Time;
use sha2::{Digest, Sha256};

/// How long to wait after the first, second, … time, in seconds.
const WAITS_SECONDS: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// By what part of it a wait is longer at most, so that many messages do not all come back at once.
const JITTER_PARTS: u64 = 5;

/// When to try again what has failed `tries` times, the last time `now`; none if it is given up. The receiver may say that it must not be
/// earlier than `not_before`.
pub(super) fn next_try(id: WebhookId, seq: u64, tries: u32, now: Time, not_before: Option<Time>) -> Option<Time> {
    let place = usize::try_from(tries.checked_sub(1)?).ok()?;
    let wait_ms = WAITS_SECONDS.get(place)? * 1_000;
    let jitter_ms = number(id, seq, tries) % (wait_ms / JITTER_PARTS);
    let planned = Time::from_ms(now.as_ms().saturating_add(wait_ms + jitter_ms));
    Some(not_before.map_or(planned, |not_before| planned.max(not_before)))
}

/// A number that looks drawn, and is the same for the same message and try: nothing else has to be kept, and tests can foresee it.
fn number(id: WebhookId, seq: u64, tries: u32) -> u64 {
    let hash = Sha256::new().chain_update(id.as_bytes()).chain_update(seq.to_be_bytes());
    let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = hash.chain_update(tries.to_be_bytes()).finalize().into();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_message_is_tried_ten_times_and_then_given_up() {
        let (id, mut now) = (WebhookId::from_bytes([1; 16]), Time::from_ms(1_000_000));
        for (tries, wait) in (1..).zip(WAITS_SECONDS) {
            let next = next_try(id, 7, tries, now, None).unwrap();
            let waited = next.as_ms() - now.as_ms();
            assert!((wait * 1_000..wait * 1_200).contains(&waited), "{tries}: {waited}");
            now = next;
        }
        assert_eq!(next_try(id, 7, 10, now, None), None);
        assert_eq!(next_try(id, 7, 10, now, Some(Time::from_ms(u64::MAX))), None);
        assert_eq!(next_try(id, 7, 0, now, None), None);
    }

    #[test]
    fn messages_do_not_all_come_back_at_once() {
        let now = Time::from_ms(0);
        let nexts = (0..100).map(|seq| next_try(WebhookId::from_bytes([1; 16]), seq, 2, now, None));
        assert!(nexts.collect::<HashSet<_>>().len() > 90);
    }

    #[test]
    fn a_receiver_can_put_off_and_not_hurry() {
        let (id, now) = (WebhookId::from_bytes([1; 16]), Time::from_ms(0));
        let planned = next_try(id, 7, 2, now, None).unwrap();
        assert_eq!(next_try(id, 7, 2, now, Some(Time::from_ms(1))), Some(planned));
        let later = Time::from_ms(86_400_000);
        assert_eq!(next_try(id, 7, 2, now, Some(later)), Some(later));
    }
}
