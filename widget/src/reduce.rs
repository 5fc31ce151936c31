//! What happens, and what becomes of the model: [`Model::reduce`] is the only place where a model changes.
//!
//! It touches no page: what must happen outside comes out as an [`Effect`], and time and chance come in as a [`Moment`].

use consentry_core::{
    Answering, Demand, DemandKind, Draft, Event, EventId, EventKind, Purpose, Stance, Surface, Target, Time, allowed,
};

use crate::action::{Action, Answer, Chosen, Effect, Moment, Sync};
use crate::known::{Past, in_order, unnamed};
use crate::model::{Doubt, Model, Position, Switch};
use crate::rights::Right;

impl Model {
    /// Takes an action into account. `moment` is asked for only when something is dated.
    pub fn reduce(&mut self, action: Action, moment: impl FnOnce() -> Moment) -> Option<Effect> {
        let draft = match action {
            Action::Toggle(target) => {
                if !self.toggle(&target) {
                    return None;
                }
                self.draft_here(&target)?
            }
            Action::Confirm => match self.doubt.take()? {
                Doubt::Switch(target) => {
                    self.put(&target, true);
                    self.draft_here(&target)?
                }
                Doubt::All(targets) => {
                    targets.iter().for_each(|target| self.put(target, true));
                    self.all(Stance::Grant)
                }
                Doubt::Erasure => return Some(Effect::Use(Right::Erasure)),
            },
            Action::Back => match self.doubt.take()? {
                Doubt::All(targets) => targets
                    .into_iter()
                    .fold(self.all(Stance::Grant), |draft, target| draft.with(target, Stance::Refuse)),
                Doubt::Switch(_) | Doubt::Erasure => return None,
            },
            Action::Save => self.draft(),
            Action::SaveAll(stance) => {
                let targets = self.switches.iter().map(|switch| &switch.target);
                let doubtful = |target: &&Target| stance == Stance::Grant && self.is_doubtful(target);
                let doubtful: Vec<Target> = targets.filter(doubtful).cloned().collect();
                if !doubtful.is_empty() {
                    self.doubt = Some(Doubt::All(doubtful));
                    return None;
                }
                self.all(stance)
            }
            Action::Set(surface, stances) => {
                let answering = Answering { surface, ..self.answering.clone() };
                stances.into_iter().fold(Draft::new(answering), |draft, (target, stance)| draft.with(target, stance))
            }
            Action::Use(right) if self.stands(right) => return Some(Effect::Lift(right)),
            Action::Use(Right::Erasure) => {
                self.doubt = Some(Doubt::Erasure);
                return None;
            }
            Action::Use(right) => return Some(Effect::Use(right)),
            Action::Receipt(choice) => return Some(Effect::Receipt(choice)),
            Action::Leave => return Some(Effect::Close(None)),
            Action::Synced(sync) => {
                // Of several switches on a page, each speaks of what was chosen with it.
                if self.answering.surface != Surface::Page || self.sync.is_some() {
                    self.sync = Some(sync);
                }
                return None;
            }
            Action::Answered(right, answer) => {
                self.answer = Some((right, answer));
                if let (Some(kind), Answer::Done | Answer::Lifted) = (right.demand(), answer) {
                    self.demand(Demand { kind, purpose: None, stands: answer == Answer::Done }, moment().now);
                }
                return None;
            }
            Action::Recorded(told) => {
                self.past = in_order(told, self.policy());
                return None;
            }
        };
        Some(Effect::Close(self.choose(draft, moment())))
    }

    /// Whether the switch has moved. It may have to be asked first; the same switch once more is second thoughts.
    fn toggle(&mut self, target: &Target) -> bool {
        let doubt = self.doubt.take();
        match self.position(target) {
            None | Some(Position::Locked) => return false,
            Some(Position::On) => self.put(target, false),
            Some(Position::Off) if doubt == Some(Doubt::Switch(target.clone())) => return false,
            Some(Position::Off) if self.is_doubtful(target) => {
                self.doubt = Some(Doubt::Switch(target.clone()));
                return false;
            }
            Some(Position::Off) => self.put(target, true),
        }
        true
    }

    /// Puts the switch there, confirmed if it was doubtful.
    fn put(&mut self, target: &Target, is_on: bool) {
        let is_confirmed = is_on && self.is_doubtful(target);
        if let Some(switch) = self.switches.iter_mut().find(|switch| switch.target == *target) {
            *switch = Switch { target: target.clone(), is_on, is_confirmed };
        }
    }

    /// Whether a yes to `target` counts only once it is confirmed: after an opt-out, by the person or by their browser (R27).
    /// What the core would deny as unconfirmed is asked; a property test holds this to it.
    fn is_doubtful(&self, target: &Target) -> bool {
        let is_settled = |switch: &Switch| switch.is_confirmed || self.allowed_before.contains(target);
        let opted_out = self.record.last_refused(target).is_some() || self.record.signal().is_some();
        opted_out
            && self.policy().law(self.context.jurisdiction.as_ref()).two_steps
            && target.processor.is_none()
            && self.policy().purpose(&target.purpose).is_some_and(Purpose::answers_gpc)
            && !self.switch(target).is_none_or(is_settled)
    }

    /// What is answered, and whether any yes of it was confirmed.
    fn answering(&self) -> Answering {
        let confirmed = self.switches.iter().any(|switch| switch.is_confirmed);
        Answering { confirmed, ..self.answering.clone() }
    }

    fn all(&self, stance: Stance) -> Draft {
        Draft::all(self.answering(), self.policy(), stance)
    }

    /// What saving would say: a stance towards everything with a switch, as it was put.
    fn draft(&self) -> Draft {
        let said = |switch: &Switch| (switch.target.clone(), self.put_to(switch));
        self.switches
            .iter()
            .map(said)
            .fold(Draft::new(self.answering()), |draft, (target, stance)| draft.with(target, stance))
    }

    /// What a switch on the page says as soon as it was moved: its own target's stance, and nothing else.
    fn draft_here(&self, target: &Target) -> Option<Draft> {
        let switch = self.switch(target).filter(|_| self.answering.surface == Surface::Page)?;
        Some(Draft::new(self.answering()).with(target.clone(), self.put_to(switch)))
    }

    fn put_to(&self, switch: &Switch) -> Stance {
        if switch.is_on && self.is_free(&switch.target) { Stance::Grant } else { Stance::Refuse }
    }

    /// None where the policy has no such switch, so that there is nothing to choose.
    fn choose(&mut self, draft: Draft, Moment { now, random }: Moment) -> Option<Chosen> {
        self.doubt = None;
        let choice = draft.commit(&self.history, EventId::from_parts(now.as_ms(), &random)).ok()?;
        for switch in &mut self.switches {
            if let Some((_, stance)) = choice.stances().iter().find(|(target, _)| *target == switch.target) {
                *switch =
                    Switch { is_on: *stance == Stance::Grant, is_confirmed: false, target: switch.target.clone() };
            }
        }
        self.asks.retain(|target| choice.stances().iter().all(|(said, _)| said != target));
        self.sync = Some(Sync::Saving);
        self.happen(now, EventKind::Chosen(choice.clone()));
        let (until, ask) = self.holds();
        Some(Chosen { choice, allowed: self.allowed_before.clone(), until, ask })
    }

    fn demand(&mut self, demand: Demand, now: Time) {
        let Demand { kind, stands, .. } = demand;
        self.demands.retain(|standing| *standing != kind);
        if kind == DemandKind::Erasure {
            self.past.clear();
            self.demands.clear();
            self.asks.clear();
            self.switches.iter_mut().for_each(|switch| switch.is_on = false);
        } else {
            self.demands.extend(stands.then_some(kind));
        }
        self.happen(now, EventKind::Demanded(unnamed(), demand));
    }

    fn happen(&mut self, at: Time, kind: EventKind) {
        let event = Event { at, kind };
        self.context.now = at;
        self.record.apply(&event);
        self.past.push(Past::new(event));
        self.allowed_before = allowed(&self.history, &self.record, &self.context);
    }

    /// Until when what is allowed stays so, and from when it is asked again: at once where something was never answered.
    /// A refusal rests as long as the law wants (R12), and the processors of a refused purpose rest with it.
    fn holds(&self) -> (Time, Time) {
        let policy = self.policy();
        let rest = policy.law(self.context.jurisdiction.as_ref()).rest();
        let mut until = self.context.now.after(policy.shortest_validity());
        let mut ask = Time::from_ms(u64::MAX);
        for Switch { target, .. } in &self.switches {
            let Some(purpose) = policy.purpose(&target.purpose) else { continue };
            let mark = |target: &Target| self.record.mark(target, purpose.kind.scope());
            let is_refused = mark(&Target::purpose(purpose.id.clone())).is_some_and(|mark| !mark.standing.is_yes());
            if target.processor.is_some() && is_refused {
                continue;
            }
            let Some(mark) = mark(target).filter(|_| !self.asks.contains(target)) else {
                ask = Time::from_ms(0);
                continue;
            };
            let validity = policy.validity_of(purpose);
            if mark.standing.is_yes() {
                until = until.min(mark.at.after(validity));
                ask = ask.min(mark.at.after(validity));
            } else {
                ask = ask.min(mark.at.after(validity.max(rest)));
            }
        }
        (until, ask)
    }
}
