//! A policy's structure as JSON: what the preference centre decides with, and what the policy's hash is taken of.
//!
//! Without the feature `whole`, as in the browser, what no page decides by is not read: every field is code that every visitor fetches.

#[cfg(feature = "whole")]
use super::choice::is_false;
use crate::*;
use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// [`Parts`] as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyDoc {
    /// The site.
    pub site: SiteId,
    /// Who decides about the data.
    pub controller: ControllerDoc,
    /// How long a choice holds.
    pub validity: Period,
    /// How long a decision may be relied on.
    pub recheck: Period,
    /// Not meant for people younger than this, in years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_age: Option<u8>,
    /// How changes are announced.
    #[cfg(feature = "whole")]
    #[serde(default, skip_serializing_if = "ChangesDoc::is_empty")]
    pub changes: ChangesDoc,
    /// What can never be.
    #[cfg(feature = "whole")]
    #[serde(default, skip_serializing_if = "NeverDoc::is_empty")]
    pub never: NeverDoc,
    /// The plans that change an obligation.
    #[cfg(feature = "whole")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<PlanId>,
    /// The categories of data.
    pub data: Vec<DataDoc>,
    /// The purposes.
    pub purposes: Vec<PurposeDoc>,
    /// The processors.
    pub processors: Vec<ProcessorDoc>,
    /// The features.
    pub features: Vec<FeatureDoc>,
    /// Ways of working that only narrow.
    #[cfg(feature = "whole")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modes: Vec<ModeDoc>,
    /// Where the policy is stricter than the law.
    #[cfg(feature = "whole")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub laws: Vec<LawDoc>,
}

#[cfg(feature = "whole")]
/// [`Changes`] as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangesDoc {
    /// How long before it holds a change that widens something is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Period>,
    /// Where it is announced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Announcement>,
}

#[cfg(feature = "whole")]
impl ChangesDoc {
    const fn is_empty(&self) -> bool {
        self.notice.is_none() && self.channels.is_empty()
    }
}

#[cfg(feature = "whole")]
/// [`Never`] as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeverDoc {
    /// Kinds of purposes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purposes: Vec<PurposeKind>,
    /// What no processor may do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processors: Vec<Activity>,
}

#[cfg(feature = "whole")]
impl NeverDoc {
    const fn is_empty(&self) -> bool {
        self.purposes.is_empty() && self.processors.is_empty()
    }
}

#[cfg(feature = "whole")]
/// [`Mode`] as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeDoc {
    /// Its name.
    pub id: ModeId,
    /// The purposes that it rules out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denies: Vec<PurposeId>,
    /// How long data is kept at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
}

#[cfg(feature = "whole")]
/// [`LawChange`] as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LawDoc {
    /// The place.
    pub place: Jurisdiction,
    /// A stricter regime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regime: Option<Regime>,
    /// A higher age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent_age: Option<u8>,
    /// A longer rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Period>,
    /// Whether every signal is honoured.
    #[serde(default, skip_serializing_if = "is_false")]
    pub signals: bool,
}

#[cfg(feature = "whole")]
/// How long data is kept for those on a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDoc {
    /// The plan.
    pub plan: PlanId,
    /// How long.
    pub retention: Retention,
}

#[cfg(feature = "whole")]
/// [`ModelTraining`] as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainingDoc {
    /// Whose model.
    pub model: ModelOwner,
    /// The most telling form of the data.
    pub form: DataForm,
}

#[cfg(feature = "whole")]
/// What is sent along with a request to a processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagDoc {
    /// Its name.
    pub name: Box<str>,
    /// Its value.
    pub value: Box<str>,
}

/// [`Controller`] as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControllerDoc {
    /// Its name.
    pub name: Box<str>,
    /// Where to write to.
    pub contact: Box<str>,
    /// Where to write to the data protection officer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<Box<str>>,
    /// A postal address.
    #[cfg(feature = "whole")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Box<str>>,
}

/// [`DataCategory`] as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataDoc {
    /// Its name.
    pub id: DataId,
    /// The only purposes it may be used for, if any are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_for: Vec<PurposeId>,
}

/// [`Terms`] as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermsDoc {
    /// What say the subject has.
    pub control: Control,
    /// Why it is lawful.
    pub basis: LegalBasis,
}

/// [`Purpose`] as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurposeDoc {
    /// Its name.
    pub id: PurposeId,
    /// What it is about.
    pub kind: PurposeKind,
    /// The terms in the strictest regime.
    pub terms: TermsDoc,
    /// The terms where people may be asked less strictly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt_out_terms: Option<TermsDoc>,
    /// The data it uses.
    pub data: Vec<DataId>,
    /// How long the data is kept.
    pub retention: Retention,
    /// How long for those on a plan.
    #[cfg(feature = "whole")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_plan: Vec<PlanDoc>,
    /// How much longer copies are kept.
    #[cfg(feature = "whole")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backups: Option<Period>,
    /// How long a choice holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity: Option<Period>,
    /// Raised when it means more than before; 1 if nothing is said.
    #[cfg(feature = "whole")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// Its term of the Data Privacy Vocabulary.
    #[cfg(feature = "whole")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpv: Option<Box<str>>,
    /// What is trained, and on what.
    #[cfg(feature = "whole")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingDoc>,
    /// How messages come.
    #[cfg(feature = "whole")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Channel>,
    /// What cookies are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<CookieFunction>,
}

/// [`Use`] as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UseDoc {
    /// The purpose.
    pub purpose: PurposeId,
    /// The data that the processor gets for it.
    pub data: Vec<DataId>,
}

/// [`Processor`] as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessorDoc {
    /// Its name within the policy.
    pub id: ProcessorId,
    /// Its name as people know it.
    pub name: Box<str>,
    /// On whose behalf it acts; the site's if nothing is said.
    #[cfg(feature = "whole")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Where it processes.
    pub country: Country,
    /// What protects the data there.
    pub safeguard: Safeguard,
    /// The purpose that asks for the transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<PurposeId>,
    /// Whether it trains on the data.
    pub trains: Training,
    /// Whether it uses the data for its own ends.
    pub own_use: OwnUse,
    /// How long it keeps the data.
    pub retention: Retention,
    /// What to send along with every request.
    #[cfg(feature = "whole")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<FlagDoc>,
    /// What it gets for what.
    pub uses: Vec<UseDoc>,
}

/// [`Feature`] as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureDoc {
    /// Its name.
    pub id: FeatureId,
    /// What it needs.
    pub needs: Vec<Target>,
}

#[cfg(feature = "whole")]
impl From<Terms> for TermsDoc {
    fn from(terms: Terms) -> Self {
        Self { control: terms.control, basis: terms.basis }
    }
}

impl From<TermsDoc> for Terms {
    fn from(doc: TermsDoc) -> Self {
        Self { control: doc.control, basis: doc.basis }
    }
}

#[cfg(feature = "whole")]
impl From<&Parts> for PolicyDoc {
    fn from(parts: &Parts) -> Self {
        let parts = parts.clone();
        let Controller { name, contact, officer, address } = parts.controller;
        Self {
            site: parts.site,
            controller: ControllerDoc { name, contact, officer, address },
            validity: parts.validity,
            recheck: parts.recheck,
            minimum_age: parts.minimum_age,
            changes: ChangesDoc { notice: parts.changes.notice, channels: parts.changes.channels },
            never: NeverDoc { purposes: parts.never.purposes, processors: parts.never.processors },
            plans: parts.plans,
            data: parts.data.into_iter().map(|d| DataDoc { id: d.id, only_for: d.only_for }).collect(),
            purposes: parts.purposes.into_iter().map(PurposeDoc::from).collect(),
            processors: parts.processors.into_iter().map(ProcessorDoc::from).collect(),
            features: parts.features.into_iter().map(|f| FeatureDoc { id: f.id, needs: f.needs }).collect(),
            modes: parts
                .modes
                .into_iter()
                .map(|m| ModeDoc { id: m.id, denies: m.denies, retention: m.retention })
                .collect(),
            laws: parts.laws.into_iter().map(LawDoc::from).collect(),
        }
    }
}

#[cfg(feature = "whole")]
impl From<LawChange> for LawDoc {
    fn from(change: LawChange) -> Self {
        let LawChange { place, regime, consent_age, rest, signals } = change;
        Self { place, regime, consent_age, rest, signals }
    }
}

#[cfg(feature = "whole")]
impl From<LawDoc> for LawChange {
    fn from(doc: LawDoc) -> Self {
        let LawDoc { place, regime, consent_age, rest, signals } = doc;
        Self { place, regime, consent_age, rest, signals }
    }
}

#[cfg(feature = "whole")]
impl From<Purpose> for PurposeDoc {
    fn from(purpose: Purpose) -> Self {
        let by_plan = purpose.retention_by_plan.into_iter();
        Self {
            id: purpose.id,
            kind: purpose.kind,
            terms: purpose.terms.into(),
            opt_out_terms: purpose.opt_out_terms.map(Into::into),
            data: purpose.data,
            retention: purpose.retention,
            by_plan: by_plan.map(|(plan, retention)| PlanDoc { plan, retention }).collect(),
            backups: purpose.backups,
            validity: purpose.validity,
            revision: (purpose.revision != 1).then_some(purpose.revision),
            dpv: purpose.dpv,
            training: purpose.training.map(|t| TrainingDoc { model: t.model, form: t.form }),
            channels: purpose.channels,
            function: purpose.function,
        }
    }
}

#[cfg(feature = "whole")]
impl From<Processor> for ProcessorDoc {
    fn from(processor: Processor) -> Self {
        Self {
            id: processor.id,
            name: processor.name,
            role: (processor.role != Role::Processor).then_some(processor.role),
            country: processor.country,
            safeguard: processor.safeguard,
            transfer: processor.transfer,
            trains: processor.trains,
            own_use: processor.own_use,
            retention: processor.retention,
            flags: processor.flags.into_iter().map(|(name, value)| FlagDoc { name, value }).collect(),
            uses: processor.uses.into_iter().map(|u| UseDoc { purpose: u.purpose, data: u.data }).collect(),
        }
    }
}

impl From<PolicyDoc> for Parts {
    fn from(doc: PolicyDoc) -> Self {
        Self {
            site: doc.site,
            controller: Controller {
                name: doc.controller.name,
                contact: doc.controller.contact,
                officer: doc.controller.officer,
                #[cfg(feature = "whole")]
                address: doc.controller.address,
                #[cfg(not(feature = "whole"))]
                address: None,
            },
            validity: doc.validity,
            recheck: doc.recheck,
            minimum_age: doc.minimum_age,
            #[cfg(feature = "whole")]
            changes: Changes { notice: doc.changes.notice, channels: doc.changes.channels },
            #[cfg(not(feature = "whole"))]
            changes: Changes { notice: None, channels: Vec::new() },
            #[cfg(feature = "whole")]
            never: Never { purposes: doc.never.purposes, processors: doc.never.processors },
            #[cfg(not(feature = "whole"))]
            never: Never::default(),
            #[cfg(feature = "whole")]
            plans: doc.plans,
            #[cfg(not(feature = "whole"))]
            plans: Vec::new(),
            data: doc.data.into_iter().map(|d| DataCategory { id: d.id, only_for: d.only_for }).collect(),
            purposes: doc.purposes.into_iter().map(Purpose::from).collect(),
            processors: doc.processors.into_iter().map(Processor::from).collect(),
            features: doc.features.into_iter().map(|f| Feature { id: f.id, needs: f.needs }).collect(),
            #[cfg(feature = "whole")]
            modes: doc.modes.into_iter().map(|m| Mode { id: m.id, denies: m.denies, retention: m.retention }).collect(),
            #[cfg(not(feature = "whole"))]
            modes: Vec::new(),
            #[cfg(feature = "whole")]
            laws: doc.laws.into_iter().map(LawChange::from).collect(),
            #[cfg(not(feature = "whole"))]
            laws: Vec::new(),
        }
    }
}

impl From<PurposeDoc> for Purpose {
    fn from(doc: PurposeDoc) -> Self {
        Self {
            id: doc.id,
            kind: doc.kind,
            terms: doc.terms.into(),
            opt_out_terms: doc.opt_out_terms.map(Into::into),
            data: doc.data,
            retention: doc.retention,
            #[cfg(feature = "whole")]
            retention_by_plan: doc.by_plan.into_iter().map(|p| (p.plan, p.retention)).collect(),
            #[cfg(not(feature = "whole"))]
            retention_by_plan: Vec::new(),
            #[cfg(feature = "whole")]
            backups: doc.backups,
            #[cfg(not(feature = "whole"))]
            backups: None,
            validity: doc.validity,
            #[cfg(feature = "whole")]
            revision: doc.revision.unwrap_or(1),
            #[cfg(not(feature = "whole"))]
            revision: 1,
            #[cfg(feature = "whole")]
            dpv: doc.dpv,
            #[cfg(not(feature = "whole"))]
            dpv: None,
            #[cfg(feature = "whole")]
            training: doc.training.map(|t| ModelTraining { model: t.model, form: t.form }),
            #[cfg(not(feature = "whole"))]
            training: None,
            #[cfg(feature = "whole")]
            channels: doc.channels,
            #[cfg(not(feature = "whole"))]
            channels: Vec::new(),
            function: doc.function,
        }
    }
}

impl From<ProcessorDoc> for Processor {
    fn from(doc: ProcessorDoc) -> Self {
        Self {
            id: doc.id,
            name: doc.name,
            #[cfg(feature = "whole")]
            role: doc.role.unwrap_or(Role::Processor),
            #[cfg(not(feature = "whole"))]
            role: if doc.own_use == OwnUse::Never { Role::Processor } else { Role::Controller },
            country: doc.country,
            safeguard: doc.safeguard,
            transfer: doc.transfer,
            trains: doc.trains,
            own_use: doc.own_use,
            retention: doc.retention,
            #[cfg(feature = "whole")]
            flags: doc.flags.into_iter().map(|f| (f.name, f.value)).collect(),
            #[cfg(not(feature = "whole"))]
            flags: Vec::new(),
            uses: doc.uses.into_iter().map(|u| Use { purpose: u.purpose, data: u.data }).collect(),
        }
    }
}
