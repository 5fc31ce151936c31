//! What a site promises: its purposes, its processors and what they may do, the features that need them.
//!
//! [`Policy::new`] is the only way to a [`Policy`], and refuses what contradicts itself, so that whoever
//! holds one need not check it again. Texts are not here: a [`Policy`] is structure, a notice is words.

use crate::faults::Faulty;
use crate::id::{DataId, FeatureId, ModeId, PlanId, PolicyHash, ProcessorId, PurposeId, SiteId, Target};
use crate::law::{Law, LawChange};
use crate::regime::{Jurisdiction, Regime};
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
/// Most plans in a policy.
pub const PLANS_MAX: usize = 16;
/// Most modes in a policy.
pub const MODES_MAX: usize = 16;
/// Most request flags of a processor.
pub const FLAGS_MAX: usize = 16;
/// Most changes to the law's table in a policy.
pub const LAW_CHANGES_MAX: usize = 64;

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
        /// Advertising chosen by what is known of the subject (11 CCR 7001: cross-context behavioral advertising).
        Advertising = "advertising",
        /// Handing data to others, or showing it to them, for what the subject has been told.
        Sharing = "sharing",
        /// Handing data to others for money or another benefit (Cal. Civ. Code 1798.140(ad)).
        Sale = "sale",
        /// A transfer to a country that nothing else safeguards (GDPR Art. 49(1)(a)).
        Transfer = "transfer",
        /// Taking part in a programme: a beta, a survey, a community.
        Programme = "programme",
        /// Choosing what the subject sees by what is known of them.
        Personalisation = "personalisation",
        /// What the service itself consists of.
        Service = "service",
        /// Keeping the service secure.
        Security = "security",
        /// Keeping forbidden content out.
        Moderation = "moderation",
        /// What a law demands, and legal claims.
        Legal = "legal",
    }
}

impl PurposeKind {
    /// Whether people must be able to refuse it: `None` where the site may ask or tell.
    #[must_use]
    pub const fn needs_switch(self) -> Option<bool> {
        match self {
            Self::Training
            | Self::Marketing
            | Self::Cookies
            | Self::Advertising
            | Self::Sharing
            | Self::Sale
            | Self::Transfer
            | Self::Programme
            | Self::Personalisation => Some(true),
            Self::Service | Self::Security | Self::Moderation | Self::Legal => Some(false),
            Self::DownstreamAi => None,
        }
    }

    /// Whether it serves the law or the rights of others, which no subject can stop (GDPR Art. 17(3), 18(2), 21(1)).
    #[must_use]
    pub const fn is_for_others(self) -> bool {
        match self {
            Self::Security | Self::Moderation | Self::Legal => true,
            Self::Training
            | Self::DownstreamAi
            | Self::Marketing
            | Self::Cookies
            | Self::Advertising
            | Self::Sharing
            | Self::Sale
            | Self::Transfer
            | Self::Programme
            | Self::Personalisation
            | Self::Service => false,
        }
    }

    /// Whose choice it is when a device and an account meet (R39).
    #[must_use]
    pub const fn scope(self) -> Scope {
        match self {
            Self::Cookies => Scope::Device,
            Self::Training | Self::Marketing => Scope::Account,
            Self::DownstreamAi
            | Self::Advertising
            | Self::Sharing
            | Self::Sale
            | Self::Transfer
            | Self::Programme
            | Self::Personalisation
            | Self::Service
            | Self::Security
            | Self::Moderation
            | Self::Legal => Scope::Either,
        }
    }
}

/// Whose word counts for a purpose when somebody is signed in (R39).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The device's: it is about storage there.
    Device,
    /// The account's: it follows the person from device to device.
    Account,
    /// Both: refusals unite, a grant on the device does not spread to the account.
    Either,
}

words! {
    /// What a cookie that is not strictly necessary is for.
    pub enum CookieFunction {
        /// Remembering how somebody likes the page.
        Preferences = "preferences",
        /// Counting and measuring.
        Statistics = "statistics",
        /// Advertising.
        Advertising = "advertising",
    }
}

words! {
    /// By which way a message reaches somebody.
    pub enum Channel {
        /// E-mail.
        Email = "email",
        /// Text message.
        Sms = "sms",
        /// Telephone.
        Phone = "phone",
        /// Paper.
        Post = "post",
        /// Push message.
        Push = "push",
        /// Within the product.
        InApp = "in-app",
    }
}

words! {
    /// Whose model is trained, from the narrowest to the widest.
    pub enum ModelOwner {
        /// The site's own.
        Own = "own",
        /// A processor's.
        Processor = "processor",
        /// One that is open to everyone.
        Public = "public",
    }
}

words! {
    /// In which form data is used, from the most to the least telling.
    pub enum DataForm {
        /// As it was collected.
        Raw = "raw",
        /// Without what names the subject, though it could be added again (GDPR Art. 4(5)).
        Pseudonymised = "pseudonymised",
        /// With everything removed for good that points to the subject (Recital 26).
        Anonymised = "anonymised",
    }
}

/// What a training purpose trains, and on what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModelTraining {
    /// Whose model.
    pub model: ModelOwner,
    /// The most telling form in which the data may be used.
    pub form: DataForm,
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
    /// On whose behalf a processor acts.
    pub enum Role {
        /// The site's, by contract (GDPR Art. 28).
        Processor = "processor",
        /// The site's and its own, together (Art. 26).
        JointController = "joint-controller",
        /// Its own.
        Controller = "controller",
    }
}

words! {
    /// What a processor does with data that it gets.
    pub enum Activity {
        /// What the purpose says.
        Process = "process",
        /// It trains models on it (P4, P17).
        Train = "train",
        /// It uses it for ends of its own (P11).
        OwnEnds = "own-ends",
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
        /// Nothing but the subject's consent to the transfer (Art. 49(1)(a)), which is a switch of its own (P23).
        ExplicitConsent = "explicit-consent",
    }
}

/// How long data is kept. Shorter is less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Retention {
    /// Deleted as soon as it has served its use.
    AfterUse,
    /// Deleted within this period of being collected.
    Within(Period),
    /// Deleted once the subject has been away for this period.
    AfterInactivity(Period),
    /// Kept until the subject deletes it or closes the account.
    OnRequest,
}

/// Why a text is not a [`Retention`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `after use`, `until deleted`, a period such as `24 hours`, or `inactive` and a period")]
pub struct RetentionError;

impl FromStr for Retention {
    type Err = RetentionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "after use" => Ok(Self::AfterUse),
            "until deleted" => Ok(Self::OnRequest),
            text => match text.strip_prefix("inactive ") {
                Some(period) => period.parse().map(Self::AfterInactivity),
                None => text.parse().map(Self::Within),
            }
            .map_err(|_| RetentionError),
        }
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AfterUse => f.write_str("after use"),
            Self::OnRequest => f.write_str("until deleted"),
            Self::Within(period) => period.fmt(f),
            Self::AfterInactivity(period) => write!(f, "inactive {period}"),
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
    /// The address of the data protection officer, as a URI, where there is one (Art. 13(1)(b)).
    pub officer: Option<Box<str>>,
    /// A postal address, on one line.
    pub address: Option<Box<str>>,
}

words! {
    /// How a change of the policy is announced.
    pub enum Announcement {
        /// On the page.
        Page = "page",
        /// By e-mail.
        Email = "email",
        /// Within the product.
        InApp = "in-app",
    }
}

/// How changes of the policy are announced (P13, P25).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// How long before it holds a change that widens something must have been published (R30).
    pub notice: Option<Period>,
    /// Where it is announced.
    pub channels: Vec<Announcement>,
}

/// What can never be, whatever anybody grants: a policy that contradicts it is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Never {
    /// Kinds of purposes that the policy may not have (P7, P30: no sale).
    pub purposes: Vec<PurposeKind>,
    /// What no processor may do (P4, P11).
    pub processors: Vec<Activity>,
}

/// A way of working that only narrows, e.g. a private mode (P29).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mode {
    /// Its name.
    pub id: ModeId,
    /// Purposes that are denied for what is made in this mode, whatever was granted.
    pub denies: Vec<PurposeId>,
    /// How long the data is kept at most.
    pub retention: Option<Retention>,
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
    /// How long it is kept instead for those on a plan (P26).
    pub retention_by_plan: Vec<(PlanId, Retention)>,
    /// How much longer copies are kept in case of a disaster.
    pub backups: Option<Period>,
    /// How long a choice about it holds, where that differs from the policy's.
    pub validity: Option<Period>,
    /// Raised when the purpose means more than before though nothing else here has changed; then it is asked again (P25).
    pub revision: u32,
    /// Its term of the W3C Data Privacy Vocabulary, where that differs from its kind's.
    pub dpv: Option<Box<str>>,
    /// For [`PurposeKind::Training`], and there always: what is trained, and on what.
    pub training: Option<ModelTraining>,
    /// For [`PurposeKind::Marketing`], and there at least one: how messages come.
    pub channels: Vec<Channel>,
    /// For [`PurposeKind::Cookies`], and there always: what the cookies are for.
    pub function: Option<CookieFunction>,
}

impl Purpose {
    /// The terms of this purpose in `regime`.
    #[must_use]
    pub fn terms_in(&self, regime: Regime) -> Terms {
        match (regime, self.opt_out_terms) {
            (Regime::OptOut, Some(terms)) => terms,
            (Regime::Mixed, Some(terms)) if self.is_mild() => terms,
            (Regime::OptIn | Regime::Mixed, _) | (Regime::OptOut, None) => self.terms,
        }
    }

    /// Whether it is storage for statistics or appearance, which the United Kingdom lets start on (PECR Sch. A1).
    const fn is_mild(&self) -> bool {
        matches!(self.function, Some(CookieFunction::Statistics | CookieFunction::Preferences))
    }

    /// Whether Global Privacy Control speaks of it: sale, sharing, and advertising by what is known of somebody (R23).
    #[must_use]
    pub const fn answers_gpc(&self) -> bool {
        match self.kind {
            PurposeKind::Sale | PurposeKind::Sharing | PurposeKind::Advertising => true,
            PurposeKind::Cookies => matches!(self.function, Some(CookieFunction::Advertising)),
            PurposeKind::Training
            | PurposeKind::DownstreamAi
            | PurposeKind::Marketing
            | PurposeKind::Transfer
            | PurposeKind::Programme
            | PurposeKind::Personalisation
            | PurposeKind::Service
            | PurposeKind::Security
            | PurposeKind::Moderation
            | PurposeKind::Legal => false,
        }
    }

    /// How long its data is kept for somebody on `plan`; a plan that it does not know changes nothing.
    #[must_use]
    pub fn retention_for(&self, plan: Option<&PlanId>) -> Retention {
        let by_plan = plan.and_then(|plan| self.retention_by_plan.iter().find(|(p, _)| p == plan));
        by_plan.map_or(self.retention, |(_, retention)| *retention)
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
    /// On whose behalf it acts.
    pub role: Role,
    /// Where it processes.
    pub country: Country,
    /// What protects the data there.
    pub safeguard: Safeguard,
    /// For [`Safeguard::ExplicitConsent`], and there always: the purpose of kind `transfer` that must be granted as well.
    pub transfer: Option<PurposeId>,
    /// Whether it trains models on the data.
    pub trains: Training,
    /// Whether it uses the data for ends of its own.
    pub own_use: OwnUse,
    /// How long it keeps the data.
    pub retention: Retention,
    /// What to send along with every request to it, by name, e.g. `store` and `false`.
    pub flags: Vec<(Box<str>, Box<str>)>,
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
    /// The site is not meant for people younger than this, in years (P22).
    pub minimum_age: Option<u8>,
    /// How changes are announced.
    pub changes: Changes,
    /// What can never be.
    pub never: Never,
    /// Plans that change an obligation.
    pub plans: Vec<PlanId>,
    /// The categories of data.
    pub data: Vec<DataCategory>,
    /// The purposes.
    pub purposes: Vec<Purpose>,
    /// The processors.
    pub processors: Vec<Processor>,
    /// The features.
    pub features: Vec<Feature>,
    /// Ways of working that only narrow.
    pub modes: Vec<Mode>,
    /// Where this policy is stricter than the law's table.
    pub laws: Vec<LawChange>,
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

    /// The mode of that name.
    #[must_use]
    pub fn mode(&self, id: &ModeId) -> Option<&Mode> {
        self.parts.modes.iter().find(|m| m.id == *id)
    }

    /// How long a choice about `purpose` holds.
    #[must_use]
    pub fn validity_of(&self, purpose: &Purpose) -> Period {
        purpose.validity.unwrap_or(self.parts.validity)
    }

    /// How long a choice about everything holds as a whole: until the first of its purposes must be asked again.
    #[must_use]
    pub fn shortest_validity(&self) -> Period {
        let choosable = self.parts.purposes.iter().filter(|p| p.is_choosable());
        choosable.map(|p| self.validity_of(p)).min().unwrap_or(self.parts.validity)
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

    /// Whether it has that purpose, and that purpose employs the processor, if one is named.
    #[must_use]
    pub fn has(&self, target: &Target) -> bool {
        self.purpose(&target.purpose).is_some()
            && target
                .processor
                .as_ref()
                .is_none_or(|id| self.processor(id).is_some_and(|p| p.use_for(&target.purpose).is_some()))
    }

    /// The law where somebody is, and where this policy is stricter, the policy.
    #[must_use]
    pub fn law(&self, jurisdiction: Option<&Jurisdiction>) -> Law {
        Law::of(jurisdiction).with(&self.parts.laws, jurisdiction)
    }

    /// Somewhere this regime holds under this policy, for those who must decide for a whole regime at once; none stands for the
    /// strictest, and is the answer where the policy leaves nobody to that regime.
    #[cfg(feature = "whole")]
    #[must_use]
    pub fn somewhere(&self, regime: Regime) -> Option<Jurisdiction> {
        let places = crate::law::LAWS.iter().filter_map(|law| law.place.parse().ok());
        regime.somewhere().into_iter().chain(places).find(|place| self.law(Some(place)).regime == regime)
    }

    /// Every place that this policy or the law's table names, after none, which stands for everywhere else: whatever holds for somebody
    /// anywhere holds in one of them.
    #[cfg(feature = "whole")]
    pub fn places(&self) -> impl Iterator<Item = Option<Jurisdiction>> {
        let of_table = crate::law::LAWS.iter().filter_map(|law| law.place.parse().ok());
        let of_policy = self.parts.laws.iter().map(|change| change.place.clone());
        core::iter::once(None).chain(of_table.chain(of_policy).map(Some))
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
