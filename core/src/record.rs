//! What is known of one subject: the fold of their events, in the order of the ledger.
//!
//! Order is the ledger's, not the clock's, because a clock may go backwards. A [`Record`] says what was
//! last said; what that allows is for [`crate::decide`] to tell.
//!
//! What a device said and what an account said are kept apart, so that [`Record::merge`] loses nothing and can be done in any order, and
//! so that signing out leaves nothing behind (R39). Which of them counts depends on the purpose: see [`Scope`]. Of an account's other
//! devices only what they took away is known: see [`Record::opt_outs`].

use crate::choice::{Choice, Stance, Surface};
use crate::id::{DeviceId, EventId, PolicyHash, PurposeId, Subject, Target};
use crate::law::Signal;
use crate::policy::{Purpose, PurposeKind, Scope};
use crate::time::Time;
use crate::word::words;
use alloc::vec::Vec;
#[cfg(feature = "whole")]
use core::{cmp::Ordering, hash::BuildHasher};

/// Something that happened, dated by the server's clock. When it happened by its maker's clock stands in its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When the server recorded it.
    pub at: Time,
    /// What happened.
    pub kind: EventKind,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// The subject made a choice.
    Chosen(Choice),
    /// The subject's browser sent a signal for the first time (R23). That it no longer does is no event: absence says nothing (R24).
    Signalled(EventId, Signal),
    /// The subject used a right that changes what may be done at once.
    Demanded(EventId, Demand),
    /// The account was signed in on this device, so that what the device takes away counts for it everywhere (R23, R39). It stands in
    /// the account's record alone: a device's own tells of no account.
    Linked(EventId, DeviceId),
    /// The choice of that name was made on this device while somebody was signed in, and is kept of the account as well. Then what it
    /// granted is the account's (R39): see [`crate::own_events`].
    Lent(EventId, EventId),
}

words! {
    /// What can be demanded, and taken back.
    pub enum DemandKind {
        /// No more of this (GDPR Art. 21). Without a purpose: no more direct marketing, nor advertising by what is known of
        /// somebody, which is part of it (Art. 21(2); R21).
        Objection = "objection",
        /// Nothing but storage (Art. 18). Without a purpose: for everything.
        Restriction = "restriction",
        /// Erasure of everything (Art. 17).
        Erasure = "erasure",
    }
}

/// A right used, or its use taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// Which right.
    pub kind: DemandKind,
    /// The purpose that it is about; an erasure has none.
    pub purpose: Option<PurposeId>,
    /// Whether it stands, or is taken back; an erasure cannot be.
    pub stands: bool,
}

impl EventKind {
    /// The event's name.
    #[must_use]
    pub const fn id(&self) -> EventId {
        match self {
            Self::Chosen(choice) => choice.id(),
            Self::Signalled(id, _) | Self::Demanded(id, _) | Self::Linked(id, _) | Self::Lent(id, _) => *id,
        }
    }
}

impl Event {
    /// The event's name.
    #[must_use]
    pub const fn id(&self) -> EventId {
        self.kind.id()
    }
}

impl Event {
    /// Whether it gives nothing: a choice of refusals alone, a signal, a demand that stands, and what only says whose a word was.
    fn takes_away(&self) -> bool {
        match &self.kind {
            EventKind::Chosen(choice) => choice.stances().iter().all(|(_, stance)| *stance == Stance::Refuse),
            EventKind::Signalled(..) | EventKind::Linked(..) | EventKind::Lent(..) => true,
            EventKind::Demanded(_, demand) => demand.stands,
        }
    }
}

/// By which time an event counts when the past is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// What had been recorded by then: what anybody could have known.
    Recorded(Time),
    /// That, and what had been refused, objected to or signalled by then by its maker's clock, whenever it was recorded. A maker's
    /// clock can take away, never give: a yes counts from when it was recorded.
    Happened(Time),
}

impl AsOf {
    /// Whether an event counts.
    #[must_use]
    pub fn counts(self, event: &Event) -> bool {
        match self {
            Self::Recorded(time) => event.at <= time,
            Self::Happened(time) => event.at <= time || (event.takes_away() && event.id().happened_at() <= time),
        }
    }
}

words! {
    /// Where a target stands after all that was said. What comes later here wins where two things were said at once.
    pub enum Standing {
        /// Last granted.
        Granted = "granted",
        /// Granted again after it had been refused.
        Restored = "restored",
        /// Refused, and never granted before.
        Refused = "refused",
        /// Refused after it had been granted.
        Withdrawn = "withdrawn",
    }
}

impl Standing {
    /// Where a target stands once `stance` is taken towards it.
    const fn then(earlier: Option<Self>, stance: Stance) -> Self {
        match (stance, earlier) {
            (Stance::Grant, None | Some(Self::Granted)) => Self::Granted,
            (Stance::Grant, Some(Self::Restored | Self::Refused | Self::Withdrawn)) => Self::Restored,
            (Stance::Refuse, Some(Self::Granted | Self::Restored | Self::Withdrawn)) => Self::Withdrawn,
            (Stance::Refuse, Some(Self::Refused) | None) => Self::Refused,
        }
    }

    /// Whether it stands at yes.
    #[must_use]
    pub const fn is_yes(self) -> bool {
        match self {
            Self::Granted | Self::Restored => true,
            Self::Refused | Self::Withdrawn => false,
        }
    }
}

/// The last word on one target. The order is by what counts: the later, and of two at once the refusal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// When it was recorded.
    pub at: Time,
    /// Where the target stands.
    pub standing: Standing,
    /// The choice that said so.
    pub choice: EventId,
    /// The policy which that choice answered.
    pub policy: PolicyHash,
    /// Where the choice was made.
    pub surface: Surface,
    /// When a yes was confirmed in a second step (R27).
    pub confirmed: Option<Time>,
    /// The last refusal, if there was one.
    pub refused: Option<Stamp>,
    /// What it is about.
    pub target: Target,
}

/// The last word on one demand. The later counts, and of two at once the one that stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Demanded {
    pub(crate) at: Time,
    pub(crate) stands: bool,
    pub(crate) event: EventId,
    pub(crate) kind: DemandKind,
    pub(crate) purpose: Option<PurposeId>,
}

/// When something was recorded, and which event it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// When.
    pub at: Time,
    /// Which.
    pub event: EventId,
}

/// What one device or account has said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) marks: Marks,
    pub(crate) demands: Vec<Demanded>, // INVARIANT: ascending by kind and purpose, each once.
    pub(crate) signal: Option<Stamp>,
    pub(crate) erased: Option<Stamp>,
}

/// The fold of a subject's events. Empty for a subject nobody has heard of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    pub(crate) device: Said,
    pub(crate) account: Option<Said>,
    /// What the account's other devices took away. A page knows of none.
    #[cfg(feature = "whole")]
    pub(crate) elsewhere: Said, // INVARIANT: no yes, no demand that was lifted, no erasure.
}

impl Record {
    /// The record of a device after these events, given in the order of the ledger.
    #[must_use]
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut said = Said::default();
        for event in events {
            said.apply(event);
        }
        Self { device: said, ..Self::default() }
    }

    /// The record of a subject after these events.
    #[must_use]
    pub fn of<'a>(subject: Subject, events: impl IntoIterator<Item = &'a Event>) -> Self {
        let Self { device, .. } = Self::fold(events);
        match subject {
            Subject::Device(_) => Self { device, ..Self::default() },
            Subject::Account(_) => Self { account: Some(device), ..Self::default() },
        }
    }

    /// Takes one more event of the device into account.
    pub fn apply(&mut self, event: &Event) {
        self.device.apply(event);
    }

    /// Takes one more event into account, of whomever this is the record: of the account, if there is one.
    #[cfg(feature = "packed")]
    pub(crate) fn apply_own(&mut self, event: &Event) {
        let Self { device, account, elsewhere } = self;
        match account {
            None => device.apply(event),
            Some(account) => {
                account.apply(event);
                // An account's erasure ends its links, too.
                if matches!(&event.kind, EventKind::Demanded(_, Demand { kind: DemandKind::Erasure, .. })) {
                    *elsewhere = Said::default();
                }
            }
        }
    }

    /// What is known where a device and an account meet. In any order, and as often as one likes: the result is the same (R39).
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.device.join(other.device);
        self.account = match (self.account, other.account) {
            (Some(mut one), Some(other)) => {
                one.join(other);
                Some(one)
            }
            (one, other) => one.or(other),
        };
        #[cfg(feature = "whole")]
        self.elsewhere.join(other.elsewhere);
        self
    }

    /// What of a device's record counts for its account wherever that is asked about: what was refused, objected to, restricted and
    /// signalled. No yes is among it, and no erasure, which ends what one device said and not what the account says (R23, R39).
    #[cfg(feature = "whole")]
    #[must_use]
    pub fn opt_outs(self) -> Self {
        let Self { device: Said { marks, demands, signal, erased: _ }, mut elsewhere, account: _ } = self;
        let demands = demands.into_iter().filter(|demand| demand.stands).collect();
        elsewhere.join(Said { marks: marks.refused(), demands, signal, erased: None });
        Self { elsewhere, ..Self::default() }
    }

    /// What is left on the device once the account has signed out: nothing of the account's, nor of its other devices'.
    #[must_use]
    pub fn signed_out(self) -> Self {
        Self { device: self.device, ..Self::default() }
    }

    /// The last word on `target` among those that count for purposes of this scope. Whose choice it is, says yes; the other's no
    /// counts where the one has said nothing, and a no never waits for being said twice (R39).
    #[must_use]
    pub fn mark<'a>(&'a self, target: &Target, scope: Scope) -> Option<&'a Mark> {
        let of_device = self.device.mark(target);
        let Some(account) = &self.account else { return of_device };
        let of_account = account.mark(target);
        let elsewhere = self.elsewhere(target);
        let no = |mark: Option<&'a Mark>| mark.filter(|m| !m.standing.is_yes());
        match scope {
            Scope::Device => of_device.or(no(of_account).max(elsewhere)),
            Scope::Account => of_account.or(no(of_device).max(elsewhere)),
            // A refusal on a device is one; a grant there does not spread unasked.
            Scope::Either => {
                if of_account.is_some() { of_device } else { no(of_device) }.max(of_account).max(elsewhere)
            }
        }
    }

    /// What the account's other devices say of `target`: no, if anything.
    #[cfg(feature = "whole")]
    fn elsewhere(&self, target: &Target) -> Option<&Mark> {
        self.elsewhere.mark(target)
    }

    /// A page knows of no other devices.
    #[cfg(not(feature = "whole"))]
    const fn elsewhere(&self, _: &Target) -> Option<&Mark> {
        None
    }

    /// Whether a device and an account meet in it.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        let spoke = |said: &Said| !said.marks.list.is_empty();
        #[cfg(feature = "whole")]
        let spoke_elsewhere = spoke(&self.elsewhere);
        #[cfg(not(feature = "whole"))]
        let spoke_elsewhere = false;
        self.account.is_some() && (spoke(&self.device) || spoke_elsewhere)
    }

    /// The last time that a device or the account refused `target`, whatever was said since.
    #[must_use]
    pub fn last_refused(&self, target: &Target) -> Option<Stamp> {
        self.every_said().filter_map(|said| said.mark(target)?.refused).max()
    }

    /// The signal that was last recorded, on any device or with the account (R23).
    #[must_use]
    pub fn signal(&self) -> Option<Stamp> {
        self.every_said().filter_map(|said| said.signal).max()
    }

    /// Whether one was recorded on this device, or with the account.
    #[must_use]
    pub fn has_own_signal(&self) -> bool {
        self.own().any(|said| said.signal.is_some())
    }

    /// The last erasure, on the device or with the account.
    #[must_use]
    pub fn erased(&self) -> Option<Stamp> {
        self.every_said().filter_map(|said| said.erased).max()
    }

    /// Whether anything was chosen after `time`, on this device or with the account: what was refused elsewhere brings nobody back.
    #[must_use]
    pub fn chose_after(&self, time: Time) -> bool {
        self.own().any(|said| said.marks.list.iter().any(|m| m.at > time))
    }

    /// The demand of that kind that stands against `purpose`.
    #[must_use]
    pub fn demand(&self, kind: DemandKind, purpose: &Purpose) -> Option<Stamp> {
        let whole = match kind {
            DemandKind::Objection => matches!(purpose.kind, PurposeKind::Marketing | PurposeKind::Advertising),
            DemandKind::Restriction | DemandKind::Erasure => true,
        };
        let last = |of: Option<&PurposeId>| {
            self.every_said().filter_map(|said| said.demand(kind, of)).max().filter(|d| d.stands)
        };
        let found = last(Some(&purpose.id)).or_else(|| if whole { last(None) } else { None });
        found.map(|d| Stamp { at: d.at, event: d.event })
    }

    /// Whether nothing but choices was ever recorded, and of one device or account alone: what [`crate::Compiled`] decides by itself.
    #[cfg(feature = "whole")]
    pub(crate) fn is_plain(&self) -> bool {
        let plain = |said: &Said| said.demands.is_empty() && said.signal.is_none() && said.erased.is_none();
        !self.is_joined() && self.every_said().all(plain)
    }

    fn own(&self) -> impl Iterator<Item = &Said> {
        core::iter::once(&self.device).chain(&self.account)
    }

    fn every_said(&self) -> impl Iterator<Item = &Said> {
        #[cfg(feature = "whole")]
        return self.own().chain(core::iter::once(&self.elsewhere));
        #[cfg(not(feature = "whole"))]
        self.own()
    }
}

impl Said {
    fn apply(&mut self, event: &Event) {
        let stamp = Stamp { at: event.at, event: event.id() };
        match &event.kind {
            EventKind::Chosen(choice) => self.apply_choice(choice, event.at),
            EventKind::Signalled(_, Signal::Gpc) => self.signal = self.signal.max(Some(stamp)),
            EventKind::Demanded(_, demand) => self.apply_demand(demand, stamp),
            // These say whose a word is, which is to be known before it is folded.
            EventKind::Linked(..) | EventKind::Lent(..) => {}
        }
    }

    fn mark(&self, target: &Target) -> Option<&Mark> {
        self.marks.list.get(self.marks.find(target).ok()?)
    }

    fn demand(&self, kind: DemandKind, purpose: Option<&PurposeId>) -> Option<&Demanded> {
        self.demands.iter().find(|d| d.kind == kind && d.purpose.as_ref() == purpose)
    }

    fn join(&mut self, other: Self) {
        for mark in other.marks.list {
            match self.marks.find(&mark.target) {
                Ok(found) => {
                    if let Some(own) = self.marks.list.get_mut(found)
                        && *own < mark
                    {
                        *own = mark;
                    }
                }
                Err(gap) => self.marks.insert(gap, mark),
            }
        }
        for demand in other.demands {
            self.keep(demand);
        }
        self.signal = self.signal.max(other.signal);
        self.erased = self.erased.max(other.erased);
    }

    fn apply_demand(&mut self, demand: &Demand, Stamp { at, event }: Stamp) {
        let Demand { kind, purpose, stands } = demand;
        match kind {
            DemandKind::Erasure => {
                let erased = self.erased.max(Some(Stamp { at, event }));
                *self = Self { erased, ..Self::default() };
            }
            DemandKind::Objection | DemandKind::Restriction => {
                let key = (*kind, purpose.as_ref());
                self.demands.retain(|d| (d.kind, d.purpose.as_ref()) != key);
                self.keep(Demanded { at, stands: *stands, event, kind: *kind, purpose: purpose.clone() });
            }
        }
    }

    /// Puts a demand in its place, unless what stands there counts for more.
    fn keep(&mut self, demand: Demanded) {
        match self.demands.binary_search_by(|d| (d.kind, &d.purpose).cmp(&(demand.kind, &demand.purpose))) {
            Ok(found) => {
                if let Some(own) = self.demands.get_mut(found)
                    && *own < demand
                {
                    *own = demand;
                }
            }
            Err(gap) => self.demands.insert(gap, demand),
        }
    }

    /// A refused purpose carries its processors with it (R33): those of which this choice says nothing, and
    /// those that it grants in the same breath.
    fn apply_choice(&mut self, choice: &Choice, at: Time) {
        let refused = |purpose: &PurposeId| {
            choice.stances().iter().any(|(target, stance)| {
                *stance == Stance::Refuse && target.processor.is_none() && target.purpose == *purpose
            })
        };
        for (target, stance) in choice.stances() {
            let stance = if refused(&target.purpose) { Stance::Refuse } else { *stance };
            self.set(target, stance, choice, at);
            if target.processor.is_none() && stance == Stance::Refuse {
                self.cascade(&target.purpose, choice, at);
            }
        }
    }

    /// Refuses every processor of the purpose, so that granting the purpose again revives none of them unasked.
    fn cascade(&mut self, purpose: &PurposeId, choice: &Choice, at: Time) {
        let of_purpose = |m: &&mut Mark| m.target.purpose == *purpose && m.target.processor.is_some();
        for mark in self.marks.list.iter_mut().filter(of_purpose) {
            mark.say(Stance::Refuse, choice, at);
        }
    }

    fn set(&mut self, target: &Target, stance: Stance, choice: &Choice, at: Time) {
        match self.marks.find(target) {
            Ok(found) => {
                if let Some(mark) = self.marks.list.get_mut(found) {
                    mark.say(stance, choice, at);
                }
            }
            Err(gap) => self.marks.insert(
                gap,
                Mark {
                    target: target.clone(),
                    standing: Standing::then(None, stance),
                    at,
                    choice: choice.id(),
                    policy: choice.answering().policy,
                    surface: choice.answering().surface,
                    confirmed: choice.answering().confirmed.then_some(at),
                    refused: (stance == Stance::Refuse).then_some(Stamp { at, event: choice.id() }),
                },
            ),
        }
    }
}

/// Marks, each target's once, to be found quickly.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    #[cfg(feature = "whole")]
    keys: Vec<u64>, // INVARIANT: the keys of `list`, in their order. Searched first, since they lie close together.
    pub(crate) list: Vec<Mark>, // INVARIANT: ascending by key, then by target; by target alone where there are no keys.
}

#[cfg(feature = "whole")]
impl Marks {
    /// Where the target's mark is, or would have to be.
    fn find(&self, target: &Target) -> Result<usize, usize> {
        let key = key_of(target);
        let mut place = self.keys.partition_point(|k| *k < key);
        while self.keys.get(place) == Some(&key) {
            match self.list.get(place).map(|m| m.target.cmp(target)) {
                Some(Ordering::Less) => place += 1,
                Some(Ordering::Equal) => return Ok(place),
                Some(Ordering::Greater) | None => break,
            }
        }
        Err(place)
    }

    fn insert(&mut self, place: usize, mark: Mark) {
        self.keys.insert(place, key_of(&mark.target));
        self.list.insert(place, mark);
    }

    /// Puts a mark in its place; none is there for its target yet.
    #[cfg(feature = "packed")]
    pub(crate) fn put(&mut self, mark: Mark) {
        if let Err(gap) = self.find(&mark.target) {
            self.insert(gap, mark);
        }
    }

    /// Those that stand at no.
    fn refused(self) -> Self {
        let mut refused = Self::default();
        // In the order that they had.
        for mark in self.list.into_iter().filter(|mark| !mark.standing.is_yes()) {
            refused.insert(refused.list.len(), mark);
        }
        refused
    }
}

#[cfg(feature = "whole")]
fn key_of(target: &Target) -> u64 {
    let key = rustc_hash::FxBuildHasher.hash_one(target);
    // In tests of this file few keys are had by many targets, which otherwise never happens while anybody looks.
    if cfg!(test) { key & 1 } else { key }
}

/// A page asks a few times, of one record: what makes that quicker is more to fetch than it is worth.
#[cfg(not(feature = "whole"))]
impl Marks {
    fn find(&self, target: &Target) -> Result<usize, usize> {
        self.list.binary_search_by(|m| m.target.cmp(target))
    }

    fn insert(&mut self, place: usize, mark: Mark) {
        self.list.insert(place, mark);
    }
}

impl Mark {
    /// Whether a second step has confirmed it since it was last refused (R27).
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.confirmed.is_some_and(|confirmed| self.refused.is_none_or(|refused| confirmed >= refused.at))
    }

    fn say(&mut self, stance: Stance, choice: &Choice, at: Time) {
        let answering = choice.answering();
        // A yes that was confirmed once stays so for as long as it stays a yes.
        let earlier = self.confirmed.filter(|_| self.standing.is_yes());
        self.confirmed = if answering.confirmed { Some(at) } else { earlier };
        if stance == Stance::Refuse {
            self.refused = Some(Stamp { at, event: choice.id() });
        }
        self.standing = Standing::then(Some(self.standing), stance);
        self.at = at;
        self.choice = choice.id();
        self.policy = answering.policy;
        self.surface = answering.surface;
    }
}

#[cfg(all(test, feature = "whole"))]
mod tests {
    use super::*;
    use alloc::format;

    #[allow(clippy::expect_used, reason = "a test that cannot go on should say so at once")]
    fn mark(number: u8, at: u64) -> Mark {
        Mark {
            at: Time::from_ms(at),
            standing: Standing::Granted,
            choice: EventId::from_parts(at, &[number; 10]),
            policy: PolicyHash::from_bytes([0; 32]),
            surface: Surface::Centre,
            confirmed: None,
            refused: None,
            target: format!("p{number}").parse().expect("a target"),
        }
    }

    #[test]
    fn targets_with_one_key_are_kept_apart_and_found_in_whatever_order_they_came() {
        let orders: [[u8; 8]; 3] = [[0, 1, 2, 3, 4, 5, 6, 7], [7, 6, 5, 4, 3, 2, 1, 0], [3, 7, 0, 5, 1, 6, 2, 4]];
        let mut all: Vec<Marks> = Vec::new();
        for order in orders {
            let mut marks = Marks::default();
            for number in order {
                let new = mark(number, 1);
                let gap = marks.find(&new.target).expect_err("not there yet");
                marks.insert(gap, new);
            }
            for number in order {
                let wanted = mark(number, 1);
                let found = marks.find(&wanted.target).ok().and_then(|place| marks.list.get(place));
                assert_eq!(found, Some(&wanted));
            }
            assert!(marks.find(&mark(8, 1).target).is_err());
            assert!(marks.keys.is_sorted() && marks.keys.first() != marks.keys.last(), "{:?}", marks.keys);
            all.push(marks);
        }
        assert!(all.iter().all(|marks| Some(marks) == all.first()), "the order in which they came leaves no trace");
    }

    #[test]
    fn of_two_marks_the_one_that_counts_for_more_is_kept() {
        let (early, late) = (mark(1, 1), mark(1, 2));
        for (own, other) in [(&early, &late), (&late, &early), (&late, &late)] {
            let said = |mark: &Mark| {
                let mut said = Said::default();
                said.marks.insert(0, mark.clone());
                said
            };
            let mut joined = said(own);
            joined.join(said(other));
            assert_eq!(joined.marks.list.first(), Some(&late));
            assert_eq!(joined.marks.list.len(), 1);
        }
    }

    #[test]
    fn of_two_demands_the_later_is_kept_and_of_two_at_once_the_one_that_stands() {
        let said = |at: u64, stands: bool| {
            let demand = Demand { kind: DemandKind::Restriction, purpose: None, stands };
            let mut said = Said::default();
            said.apply_demand(&demand, Stamp { at: Time::from_ms(at), event: EventId::from_parts(at, &[1; 10]) });
            said
        };
        for (one, other, expected) in [
            (said(1, true), said(2, false), said(2, false)),
            (said(1, false), said(2, true), said(2, true)),
            (said(1, false), said(1, true), said(1, true)),
        ] {
            for (mut own, other) in [(one.clone(), other.clone()), (other, one)] {
                own.join(other);
                assert_eq!(own, expected);
            }
        }
    }
}
