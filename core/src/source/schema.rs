//! The JSON Schema of a policy file, generated from the types that read it, for editors.
//!
//! A schema knows the shape of a file. What contradicts itself is found by `consentry check`.

use super::file::{DpvTerm, PolicyFile};
use super::{GoogleSignal, Host, Layout, Origin, OtherName, OtherSystem, Pattern, WordpressCategory};
use crate::*;
use alloc::borrow::Cow;
use alloc::string::String;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// The JSON Schema (draft 2020-12) of `policy.toml`, as text.
#[must_use]
pub fn policy_schema() -> String {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<PolicyFile>();
    // A schema is made of texts, numbers and lists, which JSON can say.
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}

/// A day as TOML writes it.
pub(super) struct Day;

/// A URI that a person can write to.
pub(super) struct Contact;

macro_rules! texts {
    ($( $name:ty: $pattern:literal, $about:literal; )+) => { $(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "description": $about })
            }
        }
    )+ };
}

texts! {
    SiteId: "^[a-z0-9-]{1,64}$", "A name: 1 to 64 of a to z, 0 to 9 and -.";
    PurposeId: "^[a-z0-9-]{1,64}$", "A purpose of this file.";
    ProcessorId: "^[a-z0-9-]{1,64}$", "A processor of this file.";
    DataId: "^[a-z0-9-]{1,64}$", "A category of data of this file.";
    FeatureId: "^[a-z0-9-]{1,64}$", "A feature of this file.";
    PlanId: "^[a-z0-9-]{1,64}$", "A plan of this file.";
    ModeId: "^[a-z0-9-]{1,64}$", "A mode of this file.";
    Target: "^[a-z0-9-]{1,64}(/[a-z0-9-]{1,64})?$", "A purpose, or a purpose and a processor: `downstream-ai/kling`.";
    Language: "^[a-z]{2,3}(-[A-Za-z0-9]{1,8})*$", "A language tag (BCP 47).";
    Origin: "^https?://[a-z0-9.:\\[\\]-]+$", "Scheme and host, without a path.";
    Jurisdiction: "^[A-Z]{2}(-[A-Z0-9]{1,3})?$", "A country, or a part of one (ISO 3166).";
    Country: "^[A-Z]{2}$", "A country (ISO 3166-1); ZZ if it is not known.";
    Period: "^[0-9]+ (minute|hour|day)s?$", "A period: `5 minutes`, `24 hours`, `365 days`.";
    Retention: "^(after use|until deleted|(inactive )?[0-9]+ (minute|hour|day)s?)$", "`after use`, `until deleted`, a period, or `inactive` and a period.";
    Day: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "A day.";
    Contact: "^(mailto:|https://).+", "A URI: `mailto:` or `https:`.";
    Host: "^([a-z0-9-]+\\.)+[a-z0-9-]+$|^localhost$", "A host, which stands for its subdomains, too.";
    Pattern: "^[!-~]{1,128}$", "Names of cookies or storage keys; `*` stands for anything.";
    OtherName: "^.{1,64}$", "What another system calls a target.";
    DpvTerm: "^dpv[a-z-]*:[A-Za-z0-9]+$", "A term of the W3C Data Privacy Vocabulary.";
}

macro_rules! words {
    ($($name:ty),+ $(,)?) => { $(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let words: alloc::vec::Vec<&str> = Self::ALL.iter().map(|word| word.as_str()).collect();
                json_schema!({ "type": "string", "enum": words })
            }
        }
    )+ };
}

words!(PurposeKind, Control, LegalBasis, Training, OwnUse, Safeguard, Role, Activity, Announcement, Channel);
words!(CookieFunction, ModelOwner, DataForm, Regime, Layout, GoogleSignal, WordpressCategory, OtherSystem);
