//! What devices said lately, for as long as it may turn out that it was said for an account (R39).
//!
//! Whether a choice was an account's is known a few entries after the choice. By then it has been folded, and a record does not come apart.

use crate::account::{lends, own_events};
use crate::history::PolicyHistory;
use crate::id::{DeviceId, EventId};
use crate::record::{Event, EventKind, Record};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use std::collections::HashMap;

/// Devices of which it is remembered, the last that chose: many more than choose between a choice and what says whose it was.
const DEVICES_MAX: usize = 4_096;
/// Events of one device. Whoever sends more in the meantime is asked of the full rule.
const EVENTS_MAX: usize = 64;

/// The devices.
#[derive(Debug, Default)]
pub(super) struct Loans {
    recent: HashMap<DeviceId, Recent>,
    order: VecDeque<DeviceId>,
}

/// One of them.
#[derive(Debug)]
struct Recent {
    before: Record,
    since: Vec<Event>,
}

impl Loans {
    /// Remembers what a device did, of which `before` was known.
    pub(super) fn remember(&mut self, history: &PolicyHistory, device: DeviceId, before: &Record, event: &Event) {
        if let Some(recent) = self.recent.get_mut(&device) {
            if recent.since.len() < EVENTS_MAX {
                recent.since.push(event.clone());
                return;
            }
            self.forget(device);
        }
        let may_be_lent = matches!(&event.kind, EventKind::Chosen(choice) if lends(history, choice));
        if !may_be_lent {
            return;
        }
        self.recent.insert(device, Recent { before: before.clone(), since: [event.clone()].into() });
        self.order.push_back(device);
        if self.order.len() > DEVICES_MAX
            && let Some(first) = self.order.pop_front()
        {
            self.recent.remove(&first);
        }
    }

    /// What is known of the device now that `event` has said that `choice` was an account's; none where too much has happened since.
    pub(super) fn lend(
        &mut self,
        history: &PolicyHistory,
        device: DeviceId,
        choice: EventId,
        event: &Event,
    ) -> Option<Record> {
        let recent = self.recent.get_mut(&device)?;
        recent.since.iter().find(|earlier| earlier.id() == choice)?;
        recent.since.push(event.clone());
        let mut record = recent.before.clone();
        own_events(history, &recent.since).iter().for_each(|event| record.apply_own(event));
        Some(record)
    }

    /// Knows no more of the device.
    pub(super) fn forget(&mut self, device: DeviceId) {
        if self.recent.remove(&device).is_some() {
            self.order.retain(|known| *known != device);
        }
    }
}
