//! What has changed from one policy to another, and who must be asked again (R29).
//!
//! Only what has become wider, or is new, is asked again, and for that purpose or processor alone. What is fewer data, shorter, or
//! with stricter terms holds at once; words alone change nothing.

use crate::id::{ProcessorId, Target};
use crate::policy::{Control, OwnUse, Policy, Processor, Purpose, Terms, Training};
use crate::regime::{EEA, Regime};
use crate::word::words;
use alloc::boxed::Box;
use core::cmp::Ordering;

words! {
    /// What has become of a purpose or processor.
    pub enum Change {
        /// Nothing.
        Unchanged = "unchanged",
        /// Only its words are others.
        Reworded = "reworded",
        /// It does less than before, and nothing more.
        Narrowed = "narrowed",
        /// It does something that it did not do before.
        Widened = "widened",
        /// It was not there before.
        New = "new",
        /// It is no longer there.
        Gone = "gone",
    }
}

impl Change {
    /// Whether a consent from before says nothing about it.
    #[must_use]
    pub const fn asks_again(self) -> bool {
        match self {
            Self::Widened | Self::New => true,
            Self::Unchanged | Self::Reworded | Self::Narrowed | Self::Gone => false,
        }
    }
}

/// What has changed, for every target of `new`, and then for those of `old` that are gone. Words are not compared here; see
/// `source::Published::diff`.
pub fn diff<'a>(old: &'a Policy, new: &'a Policy) -> impl Iterator<Item = (Target, Change)> + 'a {
    let kept = new.targets().map(move |target| {
        let change = change_of(old, new, &target);
        (target, change)
    });
    let gone = old.targets().filter(move |target| !new.has(target)).map(|target| (target, Change::Gone));
    kept.chain(gone)
}

/// What has become of one target from `old` to `new`.
#[must_use]
pub fn change_of(old: &Policy, new: &Policy, target: &Target) -> Change {
    let (before, after) = (old.purpose(&target.purpose), new.purpose(&target.purpose));
    let mut scale = Scale::default();
    match (&target.processor, before, after) {
        (_, _, None) => return Change::Gone,
        (_, None, Some(_)) => return Change::New,
        (None, Some(before), Some(after)) => scale.weigh_purpose((old, before), (new, after)),
        (Some(id), Some(before), Some(after)) => match (employed(old, before, id), employed(new, after, id)) {
            (_, None) => return Change::Gone,
            (None, Some(_)) => return Change::New,
            (Some(earlier), Some(later)) => scale.weigh_processor(before, earlier, later),
        },
    }
    scale.verdict()
}

fn employed<'a>(policy: &'a Policy, purpose: &Purpose, id: &ProcessorId) -> Option<&'a Processor> {
    policy.processor(id).filter(|p| p.use_for(&purpose.id).is_some())
}

/// What has been found so far.
#[derive(Default)]
struct Scale {
    wider: bool,
    narrower: bool,
}

impl Scale {
    const fn verdict(&self) -> Change {
        match (self.wider, self.narrower) {
            (true, _) => Change::Widened,
            (false, true) => Change::Narrowed,
            (false, false) => Change::Unchanged,
        }
    }

    /// The greater, the wider.
    fn order<T: Ord>(&mut self, before: &T, after: &T) {
        match before.cmp(after) {
            Ordering::Less => self.wider = true,
            Ordering::Equal => {}
            Ordering::Greater => self.narrower = true,
        }
    }

    /// Whatever is other than before is wider.
    fn same<T: PartialEq>(&mut self, before: &T, after: &T) {
        self.wider |= before != after;
    }

    /// More members are wider.
    fn members<T: PartialEq>(&mut self, before: &[T], after: &[T]) {
        self.wider |= after.iter().any(|m| !before.contains(m));
        self.narrower |= before.iter().any(|m| !after.contains(m));
    }

    fn weigh_purpose(&mut self, (old, before): (&Policy, &Purpose), (new, after): (&Policy, &Purpose)) {
        // Another controller is another promise (P7).
        self.same(&old.parts().controller.name, &new.parts().controller.name);
        self.same(&before.kind, &after.kind);
        for regime in Regime::ALL {
            self.weigh_terms(before.terms_in(*regime), after.terms_in(*regime));
        }
        self.members(&before.data, &after.data);
        self.order(&before.retention, &after.retention);
        for plan in old.parts().plans.iter().chain(&new.parts().plans) {
            self.order(&before.retention_for(Some(plan)), &after.retention_for(Some(plan)));
        }
        self.order(&before.backups, &after.backups);
        self.order(&old.validity_of(before), &new.validity_of(after));
        self.wider |= before.revision < after.revision;
        self.same(&before.function, &after.function);
        self.members(&before.channels, &after.channels);
        if let (Some(earlier), Some(later)) = (before.training, after.training) {
            self.order(&earlier.model, &later.model);
            // Anonymised comes last and tells least.
            self.order(&later.form, &earlier.form);
        }
        let protects = |policy: &Policy, mode| policy.mode(mode).is_some_and(|m| m.denies.contains(&before.id));
        for mode in &old.parts().modes {
            self.wider |= protects(old, &mode.id) && !protects(new, &mode.id);
        }
    }

    fn weigh_terms(&mut self, before: Terms, after: Terms) {
        let say = |control: Control| match control {
            Control::OptIn => 0,
            Control::OptOut => 1,
            Control::Notified => 2,
        };
        self.order(&say(before.control), &say(after.control));
        if before.control == after.control {
            self.same(&before.basis, &after.basis);
        }
    }

    fn weigh_processor(&mut self, purpose: &Purpose, before: &Processor, after: &Processor) {
        let data =
            |processor: &Processor| processor.use_for(&purpose.id).map_or_else(Box::default, |u| Box::from(&*u.data));
        self.members(&data(before), &data(after));
        self.order(&(before.trains == Training::WithConsent), &(after.trains == Training::WithConsent));
        self.order(&(before.own_use == OwnUse::Discloses), &(after.own_use == OwnUse::Discloses));
        self.order(&before.role, &after.role);
        self.order(&before.retention, &after.retention);
        let in_eea = |processor: &Processor| EEA.contains(&processor.country.as_str());
        match (before.country == after.country, in_eea(after)) {
            (true, _) => self.order(&before.safeguard, &after.safeguard),
            (false, true) => self.narrower |= !in_eea(before),
            (false, false) => self.wider = true,
        }
        self.same(&before.transfer, &after.transfer);
        // A flag is a promise to the subject: one that is gone, or says something else, promises less.
        self.wider |= before.flags.iter().any(|flag| !after.flags.contains(flag));
        self.narrower |= after.flags.iter().any(|flag| !before.flags.contains(flag));
    }
}
