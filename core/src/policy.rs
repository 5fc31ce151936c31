//! What a site promises: its purposes, its processors and what they may do, the features that need them.
//!
//! [`Policy::new`] is the only way to a [`Policy`], and refuses what contradicts itself, so that whoever
//! holds one need not check it again. Texts are not here: a [`Policy`] is structure, a notice is words.

use crate::faults::Faulty;
use crate::id::{DataId, FeatureId, PolicyHash, ProcessorId, PurposeId, SiteId, Target};
use crate::regime::Regime;
use crate::time::Period;
use crate::word::words;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// Most purposes in a policy.
pub const PURPOSES_MAX: usize = 64;
/// Most processors in a policy.
pub const PROCESSORS_MAX: usize = 128;
/// Most categories of data in a policy.
pub const DATA_CATEGORIES_MAX: usize = 128;
/// Most features in a policy.
pub const FEATURES_MAX: usize = 128;

words! {
    /// What a purpose is about, in the order in which it is shown.
    pub enum PurposeKind {
        /// Training of AI models on the subject's data.
        Training = "training",
        /// Handing data to AI processors so that they produce something for the subject.
        DownstreamAi = "downstream-ai",
        /// Messages that advertise.
        Marketing = "marketing",
        /// Storage on the device that is not strictly necessary (ePrivacy Art. 5(3)).
        Cookies = "cookies",
        /// What the service itself consists of.
        Service = "service",
        /// Keeping the service secure.
        Security = "security",
    }
}

words! {
    /// What say the subject has.
    pub enum Control {
        /// None: told, not asked. There is no switch.
        Notified = "notified",
        /// A switch that starts on.
        OptOut = "opt-out",
        /// A switch that starts off.
        OptIn = "opt-in",
    }
}

words! {
    /// Why processing is lawful (GDPR Art. 6(1)).
    pub enum LegalBasis {
        /// The subject has agreed (point a).
        Consent = "consent",
        /// A contract with the subject needs it (point b).
        Contract = "contract",
        /// A law demands it (point c).
        LegalObligation = "legal-obligation",
        /// A legitimate interest that outweighs the subject's (point f).
        LegitimateInterest = "legitimate-interest",
    }
}

words! {
    /// Whether a processor trains models on what it gets.
    pub enum Training {
        /// Never; no grant can widen it (P4, P17).
        Never = "never",
        /// It does, for the purposes of kind `training` that name it.
        WithConsent = "with-consent",
    }
}

words! {
    /// Whether a processor uses what it gets for ends of its own (P11).
    pub enum OwnUse {
        /// Never.
        Never = "never",
        /// It does; it is then a controller beside the site, and the notice says so.
        Discloses = "yes",
    }
}

words! {
    /// What protects data that goes to the processor's country (GDPR Chapter V).
    pub enum Safeguard {
        /// The country is in the EEA; nothing more is needed.
        Eea = "eea",
        /// An adequacy decision covers it (Art. 45).
        Adequacy = "adequacy",
        /// Standard contractual clauses (Art. 46(2)(c)).
        StandardContractualClauses = "standard-contractual-clauses",
    }
}

/// How long data is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retention {
    /// Deleted as soon as it has served its use.
    AfterUse,
    /// Deleted within this period of being collected.
    Within(Period),
    /// Kept until the subject deletes it or closes the account.
    OnRequest,
}

/// Why a text is not a [`Retention`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `after use`, `until deleted`, or a period such as `24 hours`")]
pub struct RetentionError;

impl FromStr for Retention {
    type Err = RetentionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "after use" => Ok(Self::AfterUse),
            "until deleted" => Ok(Self::OnRequest),
            period => period.parse().map(Self::Within).map_err(|_| RetentionError),
        }
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AfterUse => f.write_str("after use"),
            Self::OnRequest => f.write_str("until deleted"),
            Self::Within(period) => period.fmt(f),
        }
    }
}

/// A country by ISO 3166-1 alpha-2; `ZZ` where the processor names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Country([u8; 2]); // INVARIANT: two ASCII capitals.

/// Why a text is not a [`Country`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a country as two capitals (ISO 3166-1), such as `DE`, or `ZZ` if it is not known")]
pub struct CountryError;

impl Country {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Two ASCII capitals are always UTF-8.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Country {
    type Err = CountryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match *text.as_bytes() {
            [a @ b'A'..=b'Z', b @ b'A'..=b'Z'] => Ok(Self([a, b])),
            _ => Err(CountryError),
        }
    }
}

/// Who decides about the data, and where to write to (Art. 13(1)(a)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// The controller's name.
    pub name: Box<str>,
    /// An address for everything about the data, as a URI: `mailto:` or `https:`.
    pub contact: Box<str>,
}

/// A category of personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataCategory {
    /// Its name.
    pub id: DataId,
    /// Strict purpose limitation: where this is not empty, no other purpose may ever use this data, whatever was granted (P14).
    pub only_for: Vec<PurposeId>,
}

/// The say that the subject has in one regime, and the basis of the processing there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// What say the subject has.
    pub control: Control,
    /// Why it is lawful.
    pub basis: LegalBasis,
}

/// One use that data is put to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    /// Its name.
    pub id: PurposeId,
    /// What it is about.
    pub kind: PurposeKind,
    /// The terms in the strictest regime, and in every other that has none of its own.
    pub terms: Terms,
    /// The terms where people may be asked less strictly.
    pub opt_out_terms: Option<Terms>,
    /// The data it uses.
    pub data: Vec<DataId>,
    /// How long the data is kept for it.
    pub retention: Retention,
}

impl Purpose {
    /// The terms of this purpose in `regime`.
    #[must_use]
    pub fn terms_in(&self, regime: Regime) -> Terms {
        match (regime, self.opt_out_terms) {
            (Regime::OptOut, Some(terms)) => terms,
            (Regime::OptIn, _) | (Regime::OptOut, None) => self.terms,
        }
    }

    /// Whether the subject has a switch for it. It is the same in every regime; only where the switch starts differs.
    #[must_use]
    pub fn is_choosable(&self) -> bool {
        match self.terms.control {
            Control::OptIn | Control::OptOut => true,
            Control::Notified => false,
        }
    }
}

/// What a processor gets for one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The purpose.
    pub purpose: PurposeId,
    /// The part of the purpose's data that this processor gets.
    pub data: Vec<DataId>,
}

/// Somebody who processes data for the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Processor {
    /// Its name within the policy.
    pub id: ProcessorId,
    /// Its name as people know it.
    pub name: Box<str>,
    /// Where it processes.
    pub country: Country,
    /// What protects the data there.
    pub safeguard: Safeguard,
    /// Whether it trains models on the data.
    pub trains: Training,
    /// Whether it uses the data for ends of its own.
    pub own_use: OwnUse,
    /// How long it keeps the data.
    pub retention: Retention,
    /// What it gets, for each purpose that employs it.
    pub uses: Vec<Use>,
}

impl Processor {
    /// What it gets for `purpose`; `None` if that purpose does not employ it.
    #[must_use]
    pub fn use_for(&self, purpose: &PurposeId) -> Option<&Use> {
        self.uses.iter().find(|u| u.purpose == *purpose)
    }
}

/// Something the site offers that stops working when one of its needs is denied (P16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// Its name.
    pub id: FeatureId,
    /// The purposes and processors that it needs, all of them.
    pub needs: Vec<Target>,
}

/// The parts of a policy, before anybody has looked whether they fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The site whose policy it is.
    pub site: SiteId,
    /// Who decides about the data.
    pub controller: Controller,
    /// How long a choice holds before it is asked again; a refusal holds as long as a grant (R12).
    pub validity: Period,
    /// How long whoever asked may rely on a decision before asking again (R35).
    pub recheck: Period,
    /// The categories of data.
    pub data: Vec<DataCategory>,
    /// The purposes.
    pub purposes: Vec<Purpose>,
    /// The processors.
    pub processors: Vec<Processor>,
    /// The features.
    pub features: Vec<Feature>,
}

/// A policy that holds together. INVARIANT: [`Parts::faults`] finds nothing; only [`Policy::new`] builds one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    parts: Parts,
    hash: PolicyHash,
}

impl Policy {
    /// A policy of these parts. `hash` is their name: see [`crate::source`], which computes it.
    ///
    /// # Errors
    /// Every fault that the parts have.
    pub fn new(parts: Parts, hash: PolicyHash) -> Result<Self, Vec<Faulty>> {
        let faults = parts.faults();
        if faults.is_empty() { Ok(Self { parts, hash }) } else { Err(faults) }
    }

    /// The policy's name: the hash of its canonical form.
    #[must_use]
    pub const fn hash(&self) -> PolicyHash {
        self.hash
    }

    /// What the policy is made of, to read.
    #[must_use]
    pub const fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The purpose of that name.
    #[must_use]
    pub fn purpose(&self, id: &PurposeId) -> Option<&Purpose> {
        self.parts.purposes.iter().find(|p| p.id == *id)
    }

    /// The processor of that name.
    #[must_use]
    pub fn processor(&self, id: &ProcessorId) -> Option<&Processor> {
        self.parts.processors.iter().find(|p| p.id == *id)
    }

    /// The category of data of that name.
    #[must_use]
    pub fn data(&self, id: &DataId) -> Option<&DataCategory> {
        self.parts.data.iter().find(|d| d.id == *id)
    }

    /// The processors that `purpose` employs, in the policy's order.
    pub fn processors_of<'a>(&'a self, purpose: &'a PurposeId) -> impl Iterator<Item = &'a Processor> {
        self.parts.processors.iter().filter(move |p| p.use_for(purpose).is_some())
    }

    /// Every target there is: each purpose, followed by the processors it employs.
    pub fn targets(&self) -> impl Iterator<Item = Target> {
        self.targets_of(&self.parts.purposes)
    }

    /// The targets with a switch: what a choice can be about.
    pub fn choosable(&self) -> impl Iterator<Item = Target> {
        self.targets_of(&self.parts.purposes).filter(|t| self.purpose(&t.purpose).is_some_and(Purpose::is_choosable))
    }

    fn targets_of<'a>(&'a self, purposes: &'a [Purpose]) -> impl Iterator<Item = Target> + 'a {
        purposes.iter().flat_map(move |purpose| {
            let of_processors = self
                .processors_of(&purpose.id)
                .map(|processor| Target::processor(purpose.id.clone(), processor.id.clone()));
            core::iter::once(Target::purpose(purpose.id.clone())).chain(of_processors)
        })
    }

    /// The features that stop when `target` is denied: those that name it, and for a purpose also those that name one of its processors (R9).
    pub fn features_lost<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = &'a Feature> {
        self.parts.features.iter().filter(move |feature| {
            feature.needs.iter().any(|need| {
                need.purpose == target.purpose && (target.processor.is_none() || need.processor == target.processor)
            })
        })
    }
}
