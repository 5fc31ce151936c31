//! What the preference centre knows while it is open, and what can be read off it.
//!
//! Switches stand where [`allowed`] says, so that the centre shows the state as it is (R11). A switch remembers where
//! it was put even while its purpose is off: only saving turns that into refusals, so that one toggle changes one
//! target and no other (R8).

use consentry_core::wire::{CentreDoc, KnownChoiceDoc, TextsDoc};
use consentry_core::{
    Answering, Context, Controller, Faulty, Feature, Processor, Purpose, PurposeKind, Record, Stance, Surface, Target,
    Time, allowed,
};
use consentry_core::{Draft, Policy, PolicyHistory};

use crate::action::Sync;

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
    /// Off, and not to be moved, because the processor's purpose is off (R33).
    Locked,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Switch {
    pub(crate) target: Target,
    pub(crate) is_on: bool,
}

/// The preference centre as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    pub(crate) history: PolicyHistory, // The one policy that the page knows.
    pub(crate) answering: Answering,
    pub(crate) context: Context,
    pub(crate) record: Record,
    pub(crate) switches: Vec<Switch>, // INVARIANT: one for each of `policy().choosable()`.
    pub(crate) sync: Option<Sync>,
    allowed_at_first: Vec<Target>,
    direction: String,
    texts: TextsDoc,
}

impl Model {
    /// The centre as it opens at `now` for somebody whose choice so far is `known`. A choice that no longer reads as one
    /// is not known, and what is not known is not granted (R34).
    ///
    /// # Errors
    /// Every fault of the policy, if it contradicts itself.
    pub fn open(doc: CentreDoc, known: Option<KnownChoiceDoc>, now: Time) -> Result<Self, Vec<Faulty>> {
        let policy = Policy::new(doc.policy.into(), doc.hash)?;
        let event = known.and_then(|known| known.into_event(&policy).ok());
        let record = Record::fold(&event);
        let context = Context { jurisdiction: doc.regime.somewhere(), ..Context::at(now) };
        let history = PolicyHistory::from(policy);
        let policy = history.newest();
        let allowed_at_first = allowed(&history, &record, &context);
        let switches =
            policy.choosable().map(|target| Switch { is_on: allowed_at_first.contains(&target), target }).collect();
        Ok(Self {
            answering: Answering {
                policy: doc.hash,
                notice: doc.notice,
                language: doc.language,
                surface: Surface::Centre,
                confirmed: false,
            },
            switches,
            history,
            context,
            record,
            sync: None,
            allowed_at_first,
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
        Some(if target.processor.is_some() && !self.is_on(&Target::purpose(target.purpose.clone())) {
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
        let switched_off = self.position(target) == Some(Position::Off) && self.allowed_at_first.contains(target);
        let works = |feature: &&Feature| feature.needs.iter().all(|need| self.allowed_at_first.contains(need));
        self.policy().features_lost(target).filter(move |_| switched_off).filter(works)
    }

    /// What became of choices made earlier, if the loader has said so.
    #[must_use]
    pub const fn sync(&self) -> Option<Sync> {
        self.sync
    }

    pub(crate) fn switch(&self, target: &Target) -> Option<&Switch> {
        self.switches.iter().find(|switch| switch.target == *target)
    }

    fn is_on(&self, target: &Target) -> bool {
        self.switch(target).is_some_and(|switch| switch.is_on)
    }

    /// What saving would say: a stance towards everything with a switch, as it is shown.
    pub(crate) fn draft(&self) -> Draft {
        self.switches.iter().fold(Draft::new(self.answering.clone()), |draft, switch| {
            let is_on = self.position(&switch.target) == Some(Position::On);
            draft.with(switch.target.clone(), if is_on { Stance::Grant } else { Stance::Refuse })
        })
    }
}
