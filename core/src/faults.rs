//! What a policy cannot say: names that lead nowhere, and promises that contradict each other.
//! Everything is looked at, so that one reading of the errors mends the whole file. Without the feature `whole` what a
//! kind must say of itself is not looked for: a page reads no more of a policy than it decides by.

use crate::id::{DataId, ModeId, PlanId, ProcessorId, PurposeId};
use crate::law::Law;
use crate::policy::{
    Activity, Control, DATA_CATEGORIES_MAX, FEATURES_MAX, FLAGS_MAX, LAW_CHANGES_MAX, LegalBasis, MODES_MAX, OwnUse,
    PLANS_MAX, PROCESSORS_MAX, PURPOSES_MAX, Parts, Processor, Purpose, PurposeKind, Role, Safeguard, Training,
};
use crate::regime::{EEA, Jurisdiction, Regime};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Where in [`Parts`] something is, by position, so that a reader of files can find the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The whole policy.
    Policy,
    /// A category of data.
    Data(usize),
    /// A purpose that a category of data is limited to.
    DataOnlyFor(usize, usize),
    /// A purpose.
    Purpose(usize),
    /// The terms of a purpose.
    PurposeTerms(usize, Regime),
    /// Data that a purpose uses.
    PurposeData(usize, usize),
    /// The kind of a purpose.
    PurposeKind(usize),
    /// A plan for which a purpose keeps data longer or shorter.
    PurposePlan(usize, usize),
    /// A kind of purpose that can never be.
    NeverPurpose(usize),
    /// Something that no processor may do.
    NeverProcessor(usize),
    /// A plan.
    Plan(usize),
    /// A mode.
    Mode(usize),
    /// A purpose that a mode denies.
    ModeDenies(usize, usize),
    /// A change to the law's table.
    Law(usize),
    /// A processor.
    Processor(usize),
    /// Whether a processor has ends of its own.
    ProcessorOwnUse(usize),
    /// The purpose under which data is transferred to a processor.
    ProcessorTransfer(usize),
    /// The safeguard of a processor.
    ProcessorSafeguard(usize),
    /// Whether a processor trains.
    ProcessorTrains(usize),
    /// A purpose that employs a processor.
    ProcessorUse(usize, usize),
    /// Data that a processor gets for a purpose.
    ProcessorUseData(usize, usize, usize),
    /// A feature.
    Feature(usize),
    /// Something that a feature needs.
    FeatureNeed(usize, usize),
}

/// Why [`Parts`] are not a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// More of something than [`PURPOSES_MAX`] and its like.
    #[error("more than {max} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// Nothing to consent to or be told of.
    #[error("no purposes")]
    NoPurposes,
    /// A name is given twice.
    #[error("`{0}` is defined twice")]
    Twice(Box<str>),
    /// A purpose is named that the policy does not have.
    #[error("no purpose `{0}`")]
    UnknownPurpose(PurposeId),
    /// A processor is named that the policy does not have.
    #[error("no processor `{0}`")]
    UnknownProcessor(ProcessorId),
    /// A category of data is named that the policy does not have.
    #[error("no data category `{0}`")]
    UnknownData(DataId),
    /// Data is limited to other purposes (P14).
    #[error("`{data}` is limited to other purposes than `{purpose}`")]
    PurposeLimited {
        /// The data.
        data: DataId,
        /// The purpose that may not have it.
        purpose: PurposeId,
    },
    /// A processor would get data that the purpose does not use.
    #[error("purpose `{purpose}` does not use `{data}`, so a processor cannot get it for that")]
    BeyondPurpose {
        /// The data.
        data: DataId,
        /// The purpose.
        purpose: PurposeId,
    },
    /// A purpose without data, or a processor or feature without a use.
    #[error("`{0}` names nothing that it is for")]
    Pointless(Box<str>),
    /// A processor that never trains would take part in training (P4, P17).
    #[error("`{processor}` never trains, so it cannot be employed for the training purpose `{purpose}`")]
    TrainsNever {
        /// The processor.
        processor: ProcessorId,
        /// The purpose of kind `training`.
        purpose: PurposeId,
    },
    /// Control and legal basis contradict each other.
    #[error("control `{control}` does not go with legal basis `{basis}`")]
    BasisMismatch {
        /// The control.
        control: Control,
        /// The legal basis.
        basis: LegalBasis,
    },
    /// Something optional starts on where nothing may be pre-ticked (R4).
    #[error("`{0}` would start switched on where people must opt in")]
    PreTicked(PurposeId),
    /// A use that people must be able to refuse has no switch.
    #[error("`{purpose}` is of kind `{kind}`, which people must be able to refuse")]
    NeedsSwitch {
        /// The purpose.
        purpose: PurposeId,
        /// Its kind.
        kind: PurposeKind,
    },
    /// What the service consists of, or is kept secure by, has a switch.
    #[error("`{purpose}` is of kind `{kind}`, which is not a matter of choice")]
    NoSwitch {
        /// The purpose.
        purpose: PurposeId,
        /// Its kind.
        kind: PurposeKind,
    },
    /// A switch in one regime and none in the other.
    #[error("`{0}` has a switch in one regime and none in another")]
    SwitchDiffers(PurposeId),
    /// A purpose of this kind must say more.
    #[error("`{purpose}` is of kind `{kind}`, and does not say its `{what}`")]
    MissingDetail {
        /// The purpose.
        purpose: PurposeId,
        /// Its kind.
        kind: PurposeKind,
        /// What it must say.
        what: &'static str,
    },
    /// A purpose of this kind cannot say that.
    #[error("`{purpose}` is of kind `{kind}`, which has no `{what}`")]
    StrayDetail {
        /// The purpose.
        purpose: PurposeId,
        /// Its kind.
        kind: PurposeKind,
        /// What it cannot say.
        what: &'static str,
    },
    /// A plan is named that the policy does not have.
    #[error("no plan `{0}`")]
    UnknownPlan(PlanId),
    /// A kind of purpose that the policy has promised never to have (P7, P30).
    #[error("`{purpose}` is of kind `{kind}`, and the policy promises never to have one")]
    NeverPurpose {
        /// The purpose.
        purpose: PurposeId,
        /// Its kind.
        kind: PurposeKind,
    },
    /// A processor does what the policy has promised that none does (P4, P11).
    #[error("`{processor}` would do what no processor may: `{activity}`")]
    NeverProcessor {
        /// The processor.
        processor: ProcessorId,
        /// What it would do.
        activity: Activity,
    },
    /// Processors that may not process are none.
    #[error("no processor could ever do anything")]
    NeverProcess,
    /// Who has ends of its own does not act on the site's behalf alone (GDPR Art. 28(10)).
    #[error("`{0}` uses data for ends of its own, so it is more than a `processor`")]
    OwnEndsOfProcessor(ProcessorId),
    /// A processor that trains, and no training purpose that employs it.
    #[error("`{0}` trains on data, and no purpose of kind `training` employs it")]
    TrainsForNothing(ProcessorId),
    /// Consent is the safeguard of a transfer, and no switch asks for it (P23).
    #[error("transfers to `{0}` rest on consent, and no purpose asks for it")]
    TransferUnasked(ProcessorId),
    /// A purpose asks for a transfer that rests on something else.
    #[error("transfers to `{0}` do not rest on consent")]
    TransferSafe(ProcessorId),
    /// The purpose that asks for a transfer is of another kind.
    #[error("`{0}` is not of kind `transfer`")]
    NotTransfer(PurposeId),
    /// A policy can be stricter than the law's table, never looser.
    #[error("the law of `{0}` is stricter than that")]
    Looser(Jurisdiction),
    /// A mode that changes nothing.
    #[error("mode `{0}` changes nothing")]
    IdleMode(ModeId),
    /// Safeguard `eea` for a country outside the EEA.
    #[error("`{0}` is not in the EEA, so a transfer there needs a safeguard")]
    NoSafeguard(Box<str>),
}

/// A fault, where it is, and the other place that it contradicts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faulty {
    /// What is wrong.
    pub fault: PolicyFault,
    /// Where.
    pub at: Place,
    /// The place that says otherwise, for a contradiction.
    pub against: Option<Place>,
}

impl Parts {
    /// Every fault, in the order of the file; none if the parts fit together.
    #[must_use]
    pub fn faults(&self) -> Vec<Faulty> {
        let mut found = Found(Vec::new());
        self.find_excess(&mut found);
        self.find_faults_of_never(&mut found);
        self.find_faults_of_data(&mut found);
        for (i, purpose) in self.purposes.iter().enumerate() {
            self.find_faults_of_purpose(i, purpose, &mut found);
        }
        for (i, processor) in self.processors.iter().enumerate() {
            self.find_faults_of_processor(i, processor, &mut found);
        }
        self.find_faults_of_features(&mut found);
        self.find_faults_of_modes(&mut found);
        self.find_faults_of_laws(&mut found);
        found.0
    }

    fn find_excess(&self, found: &mut Found) {
        for (what, length, max) in [
            ("data categories", self.data.len(), DATA_CATEGORIES_MAX),
            ("purposes", self.purposes.len(), PURPOSES_MAX),
            ("processors", self.processors.len(), PROCESSORS_MAX),
            ("features", self.features.len(), FEATURES_MAX),
            ("plans", self.plans.len(), PLANS_MAX),
            ("modes", self.modes.len(), MODES_MAX),
            ("changes to the law", self.laws.len(), LAW_CHANGES_MAX),
            ("flags", self.processors.iter().map(|p| p.flags.len()).max().unwrap_or_default(), FLAGS_MAX),
        ] {
            if length > max {
                found.at(Place::Policy, PolicyFault::TooMany { what, max });
            }
        }
        if self.purposes.is_empty() {
            found.at(Place::Policy, PolicyFault::NoPurposes);
        }
    }

    fn find_faults_of_never(&self, found: &mut Found) {
        for (i, plan) in self.plans.iter().enumerate() {
            if let Some(first) = self.plans.iter().take(i).position(|p| p == plan) {
                found.twice(plan.as_str(), Place::Plan(i), Place::Plan(first));
            }
        }
        for (i, kind) in self.never.purposes.iter().enumerate() {
            for (p, purpose) in self.purposes.iter().enumerate().filter(|(_, p)| p.kind == *kind) {
                let fault = PolicyFault::NeverPurpose { purpose: purpose.id.clone(), kind: *kind };
                found.against(Place::PurposeKind(p), Place::NeverPurpose(i), fault);
            }
        }
        for (i, activity) in self.never.processors.iter().enumerate() {
            for (p, processor) in self.processors.iter().enumerate() {
                let at = match activity {
                    Activity::Process => continue,
                    Activity::Train if processor.trains != Training::Never => Place::ProcessorTrains(p),
                    Activity::OwnEnds if processor.own_use != OwnUse::Never => Place::ProcessorOwnUse(p),
                    Activity::Train | Activity::OwnEnds => continue,
                };
                let fault = PolicyFault::NeverProcessor { processor: processor.id.clone(), activity: *activity };
                found.against(at, Place::NeverProcessor(i), fault);
            }
            if *activity == Activity::Process {
                found.at(Place::NeverProcessor(i), PolicyFault::NeverProcess);
            }
        }
    }

    fn find_faults_of_modes(&self, found: &mut Found) {
        for (i, mode) in self.modes.iter().enumerate() {
            if let Some(first) = self.modes.iter().take(i).position(|m| m.id == mode.id) {
                found.twice(mode.id.as_str(), Place::Mode(i), Place::Mode(first));
            }
            if mode.denies.is_empty() && mode.retention.is_none() {
                found.at(Place::Mode(i), PolicyFault::IdleMode(mode.id.clone()));
            }
            for (j, purpose) in mode.denies.iter().enumerate() {
                if !self.purposes.iter().any(|p| p.id == *purpose) {
                    found.at(Place::ModeDenies(i, j), PolicyFault::UnknownPurpose(purpose.clone()));
                }
            }
        }
    }

    fn find_faults_of_laws(&self, found: &mut Found) {
        for (i, change) in self.laws.iter().enumerate() {
            let law = Law::of(Some(&change.place));
            let is_looser = change.regime.is_some_and(|regime| regime > law.regime)
                || change.consent_age.is_some_and(|age| age < law.consent_age)
                || change.rest.is_some_and(|rest| rest < law.rest());
            if is_looser {
                found.at(Place::Law(i), PolicyFault::Looser(change.place.clone()));
            }
        }
    }

    fn find_faults_of_data(&self, found: &mut Found) {
        for (i, category) in self.data.iter().enumerate() {
            if let Some(first) = self.data.iter().take(i).position(|d| d.id == category.id) {
                found.twice(category.id.as_str(), Place::Data(i), Place::Data(first));
            }
            for (j, purpose) in category.only_for.iter().enumerate() {
                if !self.purposes.iter().any(|p| p.id == *purpose) {
                    found.at(Place::DataOnlyFor(i, j), PolicyFault::UnknownPurpose(purpose.clone()));
                }
            }
        }
    }

    fn find_faults_of_purpose(&self, i: usize, purpose: &Purpose, found: &mut Found) {
        if let Some(first) = self.purposes.iter().take(i).position(|p| p.id == purpose.id) {
            found.twice(purpose.id.as_str(), Place::Purpose(i), Place::Purpose(first));
        }
        if purpose.data.is_empty() {
            found.at(Place::Purpose(i), PolicyFault::Pointless(purpose.id.as_str().into()));
        }
        for (j, data) in purpose.data.iter().enumerate() {
            self.find_faults_of_use(data, &purpose.id, Place::PurposeData(i, j), found);
        }
        for (j, (plan, _)) in purpose.retention_by_plan.iter().enumerate() {
            if !self.plans.contains(plan) {
                found.at(Place::PurposePlan(i, j), PolicyFault::UnknownPlan(plan.clone()));
            }
        }
        find_faults_of_terms(i, purpose, found);
        #[cfg(feature = "whole")]
        find_faults_of_details(i, purpose, found);
    }

    /// The data must exist, and must not be limited to other purposes.
    fn find_faults_of_use(&self, data: &DataId, purpose: &PurposeId, at: Place, found: &mut Found) {
        match self.data.iter().enumerate().find(|(_, d)| d.id == *data) {
            None => found.at(at, PolicyFault::UnknownData(data.clone())),
            Some((limit, category)) => {
                if !category.only_for.is_empty() && !category.only_for.contains(purpose) {
                    let fault = PolicyFault::PurposeLimited { data: data.clone(), purpose: purpose.clone() };
                    found.against(at, Place::Data(limit), fault);
                }
            }
        }
    }

    fn find_faults_of_processor(&self, i: usize, processor: &Processor, found: &mut Found) {
        if let Some(first) = self.processors.iter().take(i).position(|p| p.id == processor.id) {
            found.twice(processor.id.as_str(), Place::Processor(i), Place::Processor(first));
        }
        if processor.uses.is_empty() {
            found.at(Place::Processor(i), PolicyFault::Pointless(processor.id.as_str().into()));
        }
        if processor.safeguard == Safeguard::Eea && !EEA.contains(&processor.country.as_str()) {
            found.at(Place::ProcessorSafeguard(i), PolicyFault::NoSafeguard(processor.country.as_str().into()));
        }
        if processor.own_use == OwnUse::Discloses && processor.role == Role::Processor {
            found.at(Place::ProcessorOwnUse(i), PolicyFault::OwnEndsOfProcessor(processor.id.clone()));
        }
        let is_training = |id: &PurposeId| self.purposes.iter().any(|p| p.id == *id && p.kind == PurposeKind::Training);
        if processor.trains == Training::WithConsent && !processor.uses.iter().any(|u| is_training(&u.purpose)) {
            found.at(Place::ProcessorTrains(i), PolicyFault::TrainsForNothing(processor.id.clone()));
        }
        self.find_faults_of_transfer(i, processor, found);
        for (j, usage) in processor.uses.iter().enumerate() {
            if let Some(first) = processor.uses.iter().take(j).position(|u| u.purpose == usage.purpose) {
                found.twice(usage.purpose.as_str(), Place::ProcessorUse(i, j), Place::ProcessorUse(i, first));
            }
            let Some((p, purpose)) = self.purposes.iter().enumerate().find(|(_, p)| p.id == usage.purpose) else {
                found.at(Place::ProcessorUse(i, j), PolicyFault::UnknownPurpose(usage.purpose.clone()));
                continue;
            };
            if purpose.kind == PurposeKind::Training && processor.trains == Training::Never {
                let fault = PolicyFault::TrainsNever { processor: processor.id.clone(), purpose: purpose.id.clone() };
                found.against(Place::ProcessorUse(i, j), Place::ProcessorTrains(i), fault);
            }
            if usage.data.is_empty() {
                found.at(Place::ProcessorUse(i, j), PolicyFault::Pointless(usage.purpose.as_str().into()));
            }
            for (k, data) in usage.data.iter().enumerate() {
                if !purpose.data.contains(data) {
                    let fault = PolicyFault::BeyondPurpose { data: data.clone(), purpose: purpose.id.clone() };
                    found.against(Place::ProcessorUseData(i, j, k), Place::Purpose(p), fault);
                }
            }
        }
    }

    fn find_faults_of_transfer(&self, i: usize, processor: &Processor, found: &mut Found) {
        let rests_on_consent = processor.safeguard == Safeguard::ExplicitConsent;
        let Some(transfer) = &processor.transfer else {
            if rests_on_consent {
                found.at(Place::ProcessorSafeguard(i), PolicyFault::TransferUnasked(processor.id.clone()));
            }
            return;
        };
        let at = Place::ProcessorTransfer(i);
        if !rests_on_consent {
            found.against(at, Place::ProcessorSafeguard(i), PolicyFault::TransferSafe(processor.id.clone()));
        }
        match self.purposes.iter().enumerate().find(|(_, p)| p.id == *transfer) {
            None => found.at(at, PolicyFault::UnknownPurpose(transfer.clone())),
            Some((p, purpose)) if purpose.kind != PurposeKind::Transfer => {
                found.against(at, Place::PurposeKind(p), PolicyFault::NotTransfer(transfer.clone()));
            }
            Some(_) => {}
        }
    }

    fn find_faults_of_features(&self, found: &mut Found) {
        for (i, feature) in self.features.iter().enumerate() {
            if let Some(first) = self.features.iter().take(i).position(|f| f.id == feature.id) {
                found.twice(feature.id.as_str(), Place::Feature(i), Place::Feature(first));
            }
            if feature.needs.is_empty() {
                found.at(Place::Feature(i), PolicyFault::Pointless(feature.id.as_str().into()));
            }
            for (j, need) in feature.needs.iter().enumerate() {
                let at = Place::FeatureNeed(i, j);
                if !self.purposes.iter().any(|p| p.id == need.purpose) {
                    found.at(at, PolicyFault::UnknownPurpose(need.purpose.clone()));
                } else if let Some(id) = &need.processor
                    && !self.processors.iter().any(|p| p.id == *id && p.use_for(&need.purpose).is_some())
                {
                    found.at(at, PolicyFault::UnknownProcessor(id.clone()));
                }
            }
        }
    }
}

fn find_faults_of_terms(i: usize, purpose: &Purpose, found: &mut Found) {
    let opt_out = purpose.opt_out_terms.map(|terms| (Regime::OptOut, terms));
    for (regime, terms) in core::iter::once((Regime::OptIn, purpose.terms)).chain(opt_out) {
        let at = Place::PurposeTerms(i, regime);
        let matches = match (terms.control, terms.basis) {
            (Control::OptIn, basis) => basis == LegalBasis::Consent,
            (Control::OptOut, basis) => basis == LegalBasis::LegitimateInterest,
            (Control::Notified, basis) => basis != LegalBasis::Consent,
        };
        if !matches {
            found.at(at, PolicyFault::BasisMismatch { control: terms.control, basis: terms.basis });
        }
        if regime == Regime::OptIn && terms.control == Control::OptOut {
            found.at(at, PolicyFault::PreTicked(purpose.id.clone()));
        }
        if (terms.control == Control::Notified) == purpose.is_choosable() {
            found.against(at, Place::PurposeTerms(i, Regime::OptIn), PolicyFault::SwitchDiffers(purpose.id.clone()));
        }
    }
    let (id, kind) = (purpose.id.clone(), purpose.kind);
    let fault = match (kind.needs_switch(), purpose.is_choosable()) {
        (Some(true), false) => PolicyFault::NeedsSwitch { purpose: id, kind },
        (Some(false), true) => PolicyFault::NoSwitch { purpose: id, kind },
        (Some(true), true) | (Some(false), false) | (None, _) => return,
    };
    found.at(Place::PurposeTerms(i, Regime::OptIn), fault);
}

/// What a kind must say of itself, and no other may. A page does not read it.
#[cfg(feature = "whole")]
fn find_faults_of_details(i: usize, purpose: &Purpose, found: &mut Found) {
    let kind = purpose.kind;
    for (what, of, is_there) in [
        ("model", PurposeKind::Training, purpose.training.is_some()),
        ("channels", PurposeKind::Marketing, !purpose.channels.is_empty()),
        ("function", PurposeKind::Cookies, purpose.function.is_some()),
    ] {
        let id = || purpose.id.clone();
        match (kind == of, is_there) {
            (true, false) => {
                found.at(Place::PurposeKind(i), PolicyFault::MissingDetail { purpose: id(), kind, what });
            }
            (false, true) => found.at(Place::PurposeKind(i), PolicyFault::StrayDetail { purpose: id(), kind, what }),
            (true, true) | (false, false) => {}
        }
    }
}

struct Found(Vec<Faulty>);

impl Found {
    fn at(&mut self, at: Place, fault: PolicyFault) {
        self.0.push(Faulty { fault, at, against: None });
    }

    fn against(&mut self, at: Place, against: Place, fault: PolicyFault) {
        self.0.push(Faulty { fault, at, against: Some(against) });
    }

    fn twice(&mut self, name: &str, at: Place, first: Place) {
        self.against(at, first, PolicyFault::Twice(name.into()));
    }
}
