//! A policy's structure as JSON: what the preference centre decides with, and what the policy's hash is taken of.

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
    /// The categories of data.
    pub data: Vec<DataDoc>,
    /// The purposes.
    pub purposes: Vec<PurposeDoc>,
    /// The processors.
    pub processors: Vec<ProcessorDoc>,
    /// The features.
    pub features: Vec<FeatureDoc>,
}

/// [`Controller`] as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControllerDoc {
    /// Its name.
    pub name: Box<str>,
    /// Where to write to.
    pub contact: Box<str>,
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
    /// Where it processes.
    pub country: Country,
    /// What protects the data there.
    pub safeguard: Safeguard,
    /// Whether it trains on the data.
    pub trains: Training,
    /// Whether it uses the data for its own ends.
    pub own_use: OwnUse,
    /// How long it keeps the data.
    pub retention: Retention,
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

impl From<&Parts> for PolicyDoc {
    fn from(parts: &Parts) -> Self {
        let parts = parts.clone();
        Self {
            site: parts.site,
            controller: ControllerDoc { name: parts.controller.name, contact: parts.controller.contact },
            validity: parts.validity,
            recheck: parts.recheck,
            data: parts.data.into_iter().map(|d| DataDoc { id: d.id, only_for: d.only_for }).collect(),
            purposes: parts.purposes.into_iter().map(PurposeDoc::from).collect(),
            processors: parts.processors.into_iter().map(ProcessorDoc::from).collect(),
            features: parts.features.into_iter().map(|f| FeatureDoc { id: f.id, needs: f.needs }).collect(),
        }
    }
}

impl From<Purpose> for PurposeDoc {
    fn from(purpose: Purpose) -> Self {
        Self {
            id: purpose.id,
            kind: purpose.kind,
            terms: purpose.terms.into(),
            opt_out_terms: purpose.opt_out_terms.map(Into::into),
            data: purpose.data,
            retention: purpose.retention,
        }
    }
}

impl From<Processor> for ProcessorDoc {
    fn from(processor: Processor) -> Self {
        Self {
            id: processor.id,
            name: processor.name,
            country: processor.country,
            safeguard: processor.safeguard,
            trains: processor.trains,
            own_use: processor.own_use,
            retention: processor.retention,
            uses: processor.uses.into_iter().map(|u| UseDoc { purpose: u.purpose, data: u.data }).collect(),
        }
    }
}

impl From<PolicyDoc> for Parts {
    fn from(doc: PolicyDoc) -> Self {
        Self {
            site: doc.site,
            controller: Controller { name: doc.controller.name, contact: doc.controller.contact },
            validity: doc.validity,
            recheck: doc.recheck,
            data: doc.data.into_iter().map(|d| DataCategory { id: d.id, only_for: d.only_for }).collect(),
            purposes: doc.purposes.into_iter().map(Purpose::from).collect(),
            processors: doc.processors.into_iter().map(Processor::from).collect(),
            features: doc.features.into_iter().map(|f| Feature { id: f.id, needs: f.needs }).collect(),
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
        }
    }
}

impl From<ProcessorDoc> for Processor {
    fn from(doc: ProcessorDoc) -> Self {
        Self {
            id: doc.id,
            name: doc.name,
            country: doc.country,
            safeguard: doc.safeguard,
            trains: doc.trains,
            own_use: doc.own_use,
            retention: doc.retention,
            uses: doc.uses.into_iter().map(|u| Use { purpose: u.purpose, data: u.data }).collect(),
        }
    }
}
