//! What the preference centre knows while it is open, and what can be read off it.
//!
//! Switches stand where [`allowed`] says, so that the centre shows the state as it is (R11). A switch remembers where
//! it was put even while its purpose is off: only saving turns that into refusals, so that one toggle changes one
//! target and no other (R8).

use consentry_core::wire::{CentreDoc, TextsDoc};
use consentry_core::{
    Answering, Context, Controller, Demand, DemandKind, Event, EventKind, Faulty, Feature, Jurisdiction, Policy,
    PolicyHistory, Processor, Purpose, PurposeKind, Record, Regime, Signal, Surface, Target, Time, allowed,
};

use crate::action::{Answer, Sync};
use crate::known::{BrowserSignal, Earlier, Known, Past, Told, What, answered, in_order, unnamed};
use crate::rights::Right;

/// The purposes that are shown together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// AI training.
    Training,
    /// AI processors.
    DownstreamAi,
    /// Marketing.
    Marketing,
    /// Cookies.
    Cookies,
    /// What is shown or handed to others.
    Sharing,
    /// Whatever else can be chosen.
    More,
    /// What has no switch, because the service consists of it or is kept secure by it.
    Always,
}

impl Group {
    /// Every group, in the order in which they are shown.
    pub const ALL: [Self; 7] =
        [Self::Training, Self::DownstreamAi, Self::Marketing, Self::Cookies, Self::Sharing, Self::More, Self::Always];

    /// The key of its name.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Training => "group.training",
            Self::DownstreamAi => "group.downstream-ai",
            Self::Marketing => "group.marketing",
            Self::Cookies => "group.cookies",
            Self::Sharing => "group.sharing",
            Self::More => "group.more",
            Self::Always => "group.always",
        }
    }

    const fn of(kind: PurposeKind) -> Self {
        match kind {
            PurposeKind::Training => Self::Training,
            PurposeKind::DownstreamAi => Self::DownstreamAi,
            PurposeKind::Marketing => Self::Marketing,
            PurposeKind::Cookies => Self::Cookies,
            PurposeKind::Advertising | PurposeKind::Sharing | PurposeKind::Sale | PurposeKind::Transfer => {
                Self::Sharing
            }
            PurposeKind::Programme | PurposeKind::Personalisation => Self::More,
            PurposeKind::Service | PurposeKind::Security | PurposeKind::Moderation | PurposeKind::Legal => Self::Always,
        }
    }
}

/// Where a switch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// On.
    On,
    /// Off.
    Off,
    /// Off, and not to be moved: a processor whose purpose is off (R33), or while a demand stands against it.
    Locked,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Switch {
    pub(crate) target: Target,
    pub(crate) is_on: bool,
    pub(crate) is_confirmed: bool, // In a second step, since the centre opened.
}

/// What is asked a second time before it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// Switching this on, after an opt-out (R27).
    Switch(Target),
    /// Granting everything, these among it.
    All(Vec<Target>),
    /// Erasing everything.
    Erasure,
}

impl Doubt {
    /// The id of what was pressed, which gets the focus back.
    pub(crate) fn origin(&self) -> String {
        match self {
            Self::Switch(target) => switch_id(target),
            Self::All(_) => "_accept".into(),
            Self::Erasure => "_erasure".into(),
        }
    }
}

/// The id of a target's switch. Its title has the target itself.
pub(crate) fn switch_id(target: &Target) -> String {
    ["_", &target.to_string(), "_"].concat()
}

/// What a demand makes of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AfterDemand {
    /// What may not be done while demands stand, whatever is chosen meanwhile.
    pub ends: Vec<Target>,
    /// What may be done by what was chosen.
    pub allowed: Vec<Target>,
}

/// The preference centre as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    pub(crate) history: PolicyHistory, // The one policy that the page knows.
    pub(crate) answering: Answering,
    pub(crate) context: Context,
    pub(crate) record: Record,
    pub(crate) switches: Vec<Switch>, // INVARIANT: one for each of `policy().choosable()`.
    pub(crate) allowed_before: Vec<Target>, // Before what is not saved yet.
    pub(crate) asks: Vec<Target>,     // Asked again, since they have grown or are new.
    pub(crate) past: Vec<Past>,       // In the order of time.
    pub(crate) demands: Vec<DemandKind>, // Those that stand.
    pub(crate) doubt: Option<Doubt>,
    pub(crate) sync: Option<Sync>,
    pub(crate) answer: Option<(Right, Answer)>,
    change: Option<Earlier>,
    signal: BrowserSignal,
    has_server: bool,
    direction: String,
    texts: TextsDoc,
}

impl Model {
    /// The centre as it opens at `now` for somebody of whom this is known. A choice that no longer reads as one is not known, and
    /// what is not known is not granted (R34).
    ///
    /// # Errors
    /// Every fault of the policy, if it contradicts itself.
    pub fn open(doc: CentreDoc, known: Known, now: Time) -> Result<Self, Vec<Faulty>> {
        let Known { mut told, earlier, signal, has_server } = known;
        let policy = Policy::new(doc.policy.into(), doc.hash)?;
        let mut context = Context { jurisdiction: strictest(doc.regime), ..Context::at(now) };
        if let BrowserSignal::Honoured(at) = signal {
            context.signal = Some(Signal::Gpc);
            told.push(Told { at, what: What::Signalled, is_kept: true });
        }
        let past = in_order(told, &policy);
        let (mut record, mut chosen) = (Record::default(), Record::default());
        let (mut asks, mut demands, mut changed) = (Vec::new(), Vec::new(), None);
        for past in &past {
            past.apply_to(&mut record, &earlier, doc.hash);
            past.ask_again(&mut asks, &earlier);
            changed = past.choice().filter(|choice| answered(choice, &earlier).is_some()).or(changed);
            match &past.event.kind {
                EventKind::Demanded(_, demand) if demand.kind != DemandKind::Erasure => {
                    demands.retain(|kind| *kind != demand.kind);
                    demands.extend(demand.stands.then_some(demand.kind));
                }
                EventKind::Demanded(..)
                | EventKind::Chosen(_)
                | EventKind::Signalled(..)
                | EventKind::Linked(..)
                | EventKind::Lent(..) => {
                    past.apply_to(&mut chosen, &earlier, doc.hash);
                }
            }
        }
        let changed = changed.map(|choice| choice.answering().policy);
        let change = earlier.into_iter().find(|then| changed.is_some() && then.policy == changed);
        let history = PolicyHistory::from(policy);
        // A switch stands where it was put even while a demand stands against it, so that lifting that brings all back.
        let on = allowed(&history, &chosen, &context);
        let switches = history.newest().choosable();
        let switches =
            switches.map(|target| Switch { is_on: on.contains(&target), is_confirmed: false, target }).collect();
        Ok(Self {
            answering: Answering {
                policy: doc.hash,
                notice: doc.notice,
                language: doc.language,
                surface: Surface::Centre,
                confirmed: false,
            },
            allowed_before: allowed(&history, &record, &context),
            change,
            switches,
            history,
            context,
            record,
            asks,
            past,
            demands,
            doubt: None,
            sync: None,
            answer: None,
            signal,
            has_server,
            direction: doc.dir,
            texts: doc.texts,
        })
    }

    pub(crate) fn policy(&self) -> &Policy {
        self.history.newest()
    }

    /// The text of that key; the key itself if there is none.
    #[must_use]
    pub fn text(&self, key: &str) -> String {
        self.texts.get(key).into()
    }

    /// The language of the texts, as HTML's `lang` has it.
    #[must_use]
    pub fn language(&self) -> &str {
        self.answering.language.as_str()
    }

    /// The direction of the script, as HTML's `dir` has it.
    #[must_use]
    pub fn direction(&self) -> &str {
        &self.direction
    }

    /// Who decides about the data.
    #[must_use]
    pub fn controller(&self) -> &Controller {
        &self.policy().parts().controller
    }

    /// The purposes of that group, in the policy's order.
    pub fn purposes(&self, group: Group) -> impl Iterator<Item = &Purpose> {
        self.policy().parts().purposes.iter().filter(move |purpose| Group::of(purpose.kind) == group)
    }

    /// The processors that the purpose employs, in the policy's order.
    pub fn processors<'a>(&'a self, purpose: &'a Purpose) -> impl Iterator<Item = &'a Processor> {
        self.policy().processors_of(&purpose.id)
    }

    /// Where the switch of `target` stands; `None` if it has none.
    #[must_use]
    pub fn position(&self, target: &Target) -> Option<Position> {
        let switch = self.switch(target)?;
        Some(if self.demanded(target).is_some() || !self.is_free(target) {
            Position::Locked
        } else if switch.is_on {
            Position::On
        } else {
            Position::Off
        })
    }

    /// What works now and will stop once this is saved, because of this switch: said before it is saved (R9). What a
    /// purpose stops is said there, and not again at its processors.
    pub fn stops<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = &'a Feature> {
        let switched_off = self.position(target) == Some(Position::Off) && self.allowed_before.contains(target);
        let works = |feature: &&Feature| feature.needs.iter().all(|need| self.allowed_before.contains(need));
        self.policy().features_lost(target).filter(move |_| switched_off).filter(works)
    }

    /// What became of choices made earlier, if the loader has said so.
    #[must_use]
    pub const fn sync(&self) -> Option<Sync> {
        self.sync
    }

    /// The demand that stands against `target`, and holds its switch.
    #[must_use]
    pub fn demanded(&self, target: &Target) -> Option<DemandKind> {
        self.demanded_in(&self.record, target)
    }

    fn demanded_in(&self, record: &Record, target: &Target) -> Option<DemandKind> {
        let purpose = self.policy().purpose(&target.purpose)?;
        let demands = [DemandKind::Restriction, DemandKind::Objection];
        demands.into_iter().find(|kind| record.demand(*kind, purpose).is_some())
    }

    /// What the page must know once `right` is used, or lifted; nothing of a right that stops nothing by itself.
    #[must_use]
    pub fn after(&self, right: Right, stands: bool) -> Option<AfterDemand> {
        let kind = right.demand().filter(|kind| *kind != DemandKind::Erasure)?;
        let mut record = self.record.clone();
        let demand = EventKind::Demanded(unnamed(), Demand { kind, purpose: None, stands });
        record.apply(&Event { at: self.context.now, kind: demand });
        let ends = self.policy().choosable().filter(|target| self.demanded_in(&record, target).is_some()).collect();
        Some(AfterDemand { ends, allowed: allowed(&self.history, &record, &self.context) })
    }

    /// Whether the use of `right` stands, so that it can be lifted.
    #[must_use]
    pub fn stands(&self, right: Right) -> bool {
        right.demand().is_some_and(|kind| self.demands.contains(&kind))
    }

    /// The rights that can be used here.
    pub fn rights(&self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(|right| self.has_server || !right.needs_server())
    }

    /// Whether there is a server that keeps what was chosen.
    #[must_use]
    pub const fn has_server(&self) -> bool {
        self.has_server
    }

    /// What has changed since the last choice, while some of it was not answered yet.
    #[must_use]
    pub fn change(&self) -> Option<&Earlier> {
        self.change.as_ref().filter(|_| !self.asks.is_empty())
    }

    /// Whether `target` is asked about again, because it is new or has grown.
    #[must_use]
    pub fn is_new(&self, target: &Target) -> bool {
        self.asks.contains(target)
    }

    /// What the browser says about selling and sharing.
    #[must_use]
    pub const fn signal(&self) -> BrowserSignal {
        self.signal
    }

    /// The purposes that the browser's signal speaks of.
    pub fn signalled(&self) -> impl Iterator<Item = Target> {
        let purposes = self.policy().parts().purposes.iter();
        purposes.filter(|purpose| purpose.answers_gpc()).map(|purpose| Target::purpose(purpose.id.clone()))
    }

    /// What is asked a second time before it is done.
    #[must_use]
    pub const fn doubt(&self) -> Option<&Doubt> {
        self.doubt.as_ref()
    }

    /// What became of a right that was used, if the loader has said so.
    #[must_use]
    pub const fn answer(&self) -> Option<(Right, Answer)> {
        self.answer
    }

    pub(crate) fn switch(&self, target: &Target) -> Option<&Switch> {
        self.switches.iter().find(|switch| switch.target == *target)
    }

    /// Whether it is a purpose, or one whose purpose is on.
    pub(crate) fn is_free(&self, target: &Target) -> bool {
        let purpose = || Target::purpose(target.purpose.clone());
        target.processor.is_none() || self.switch(&purpose()).is_some_and(|switch| switch.is_on)
    }

    /// The id of what a section's name means: where processors are first shown, a purpose, or a section of its own.
    pub(crate) fn id_of(&self, section: &str) -> String {
        let is_meant = |purpose: &&Purpose| match section {
            "processors" => self.processors(purpose).next().is_some(),
            section => purpose.id.as_str() == section,
        };
        let found = self.policy().parts().purposes.iter().find(is_meant);
        found.map_or_else(|| ["_", section].concat(), |purpose| purpose.id.to_string())
    }

    /// The same switches on the page itself, where each says what it says at once.
    #[must_use]
    pub fn on_page(mut self) -> Self {
        self.answering.surface = Surface::Page;
        self
    }

    /// What follows `earlier` where both are shown in the same place: what was moved there and not saved stays moved, and what was
    /// said of it stays said.
    #[must_use]
    pub fn following(mut self, earlier: &mut Self) -> Self {
        if self.answering == earlier.answering {
            for (switch, before) in self.switches.iter_mut().zip(&earlier.switches) {
                if before.is_on != earlier.allowed_before.contains(&before.target) {
                    (switch.is_on, switch.is_confirmed) = (before.is_on, before.is_confirmed);
                }
            }
            self.doubt = earlier.doubt.take();
        }
        // What was chosen elsewhere meanwhile is not what this switch was saying.
        let is_own = self.answering.surface != Surface::Page || self.past.len() == earlier.past.len();
        self.sync = earlier.sync.filter(|_| is_own);
        self.answer = earlier.answer;
        self
    }
}

/// The strictest place of a regime: the page was made for all of it, and what is not known takes the strictest reading. Of those where
/// people may opt out it is California, where signals count and a second step is wanted.
fn strictest(regime: Regime) -> Option<Jurisdiction> {
    match regime {
        Regime::OptIn | Regime::Mixed => regime.somewhere(),
        Regime::OptOut => "US-CA".parse().ok(),
    }
}
