//! What people are shown: every text in one language and regime, named by its hash (R14).
//!
//! What a processor gets, keeps and may do is written out from the policy's structure here, so that the
//! words and the promise cannot drift apart.

use crate::plural::{self, Plurals};
use crate::wire::{PolicyDoc, TextsDoc};
use crate::*;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Keys of texts that are shown only as parts of others.
const INGREDIENTS: [&str; 15] = [
    "dir",
    "data.",
    "retention.",
    "period.",
    "trains.",
    "own-use.",
    "basis.",
    "safeguard.",
    "country.",
    "form.",
    "model.",
    "channel.",
    "role.",
    "plan.",
    "why.",
];

/// Texts in one language, before anything is written out from the policy.
#[derive(Debug)]
pub(crate) struct Texts {
    /// The texts by key.
    pub(crate) by_key: BTreeMap<String, String>,
    /// The plural rules of the language.
    pub(crate) plurals: Plurals,
}

impl Texts {
    fn get(&self, key: &str) -> &str {
        self.by_key.get(key).map_or("", String::as_str)
    }

    /// The text under `key` that goes with `number`.
    fn counted(&self, key: &str, number: u32) -> String {
        let text =
            [self.plurals.category(number), plural::OTHER].iter().find_map(|c| self.by_key.get(&format!("{key}.{c}")));
        text.map_or_else(String::new, |text| text.replace("{n}", &number.to_string()))
    }
}

/// The exact text shown, in one language and regime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its name.
    pub hash: NoticeHash,
    /// The language.
    pub language: Language,
    /// The regime, which decides on defaults and legal bases.
    pub regime: Regime,
    /// The direction of the script.
    pub direction: Direction,
    /// Every text by key, ascending.
    pub texts: TextsDoc,
    /// Why something is allowed or not, by key. Said when somebody asks, so it is no part of what the hash is taken of.
    pub(crate) why: TextsDoc,
    /// What the hash is taken of: all of the above and the policy's hash, as canonical JSON (RFC 8785). Whoever keeps it
    /// can prove what was shown.
    pub canonical: Box<str>,
}

/// Which way a script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Left to right.
    LeftToRight,
    /// Right to left.
    RightToLeft,
}

impl Direction {
    /// As HTML's `dir` attribute has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LeftToRight => "ltr",
            Self::RightToLeft => "rtl",
        }
    }
}

/// The name of a policy: SHA-256 over its canonical form (RFC 8785). How often a back end must ask again is left out,
/// since nobody need be asked anew because of it.
pub(crate) fn policy_hash(parts: &Parts) -> PolicyHash {
    let mut form = json!(PolicyDoc::from(parts));
    if let Value::Object(fields) = &mut form {
        fields.remove("recheck");
        fields.insert("schema".into(), 1.into());
    }
    PolicyHash::from_bytes(Sha256::digest(canonical(&form)).into())
}

fn canonical(form: &Value) -> String {
    // Texts and small integers always have a canonical form. Should that ever fail, the plain form names it as surely.
    serde_json_canonicalizer::to_string(form).unwrap_or_else(|_| form.to_string())
}

/// The keys that a site's own text file must have.
pub(crate) fn own_keys(policy: &Policy) -> impl Iterator<Item = String> {
    let parts = policy.parts();
    let of_purposes = parts.purposes.iter().flat_map(|purpose| {
        let line = purpose.is_choosable().then(|| format!("purpose.{}.line", purpose.id));
        [format!("purpose.{}.title", purpose.id), format!("purpose.{}.text", purpose.id)].into_iter().chain(line)
    });
    ["banner.title".to_string(), "banner.text".to_string()]
        .into_iter()
        .chain(of_purposes)
        .chain(parts.data.iter().map(|d| format!("data.{}", d.id)))
        .chain(parts.processors.iter().map(|p| format!("processor.{}.use", p.id)))
        .chain(parts.features.iter().map(|f| format!("feature.{}", f.id)))
        .chain(parts.plans.iter().map(|plan| format!("plan.{plan}")))
        .chain(parts.modes.iter().map(|mode| format!("mode.{}", mode.id)))
}

/// The keys of the countries that must have a name.
pub(crate) fn country_keys(policy: &Policy) -> impl Iterator<Item = String> {
    policy.parts().processors.iter().map(|p| format!("country.{}", p.country))
}

impl Notice {
    /// Writes out what the policy promises, in the words of `texts`.
    pub(crate) fn compose(policy: &Policy, language: &Language, regime: Regime, texts: &Texts) -> Self {
        let mut all = texts.by_key.clone();
        for purpose in &policy.parts().purposes {
            all.insert(format!("purpose.{}.details", purpose.id), details(policy, purpose, texts));
            let basis = texts.get(&format!("basis.{}", purpose.terms_in(regime).basis));
            all.insert(format!("purpose.{}.basis", purpose.id), basis.to_string());
        }
        for processor in &policy.parts().processors {
            describe(processor, texts, &mut all);
        }
        let of_prefix = |prefix: &'static str| {
            let found = texts.by_key.iter().filter(move |(key, _)| key.starts_with(prefix));
            TextsDoc(found.map(|(key, text)| (key.as_str().into(), text.as_str().into())).collect())
        };
        // What only served to write the others is not shown, so it is not part of the notice.
        all.retain(|key, _| !INGREDIENTS.iter().any(|prefix| key.starts_with(prefix)));
        let direction = if texts.get("dir") == "rtl" { Direction::RightToLeft } else { Direction::LeftToRight };
        let form = json!({
            "v": 1, "policy": policy.hash(), "language": language, "regime": regime, "dir": direction.as_str(), "texts": all,
        });
        let canonical = canonical(&form);
        Self {
            hash: NoticeHash::from_bytes(Sha256::digest(&canonical).into()),
            language: language.clone(),
            regime,
            direction,
            why: of_prefix("why."),
            texts: TextsDoc(all.into_iter().map(|(key, text)| (key.into(), text.into())).collect()),
            canonical: canonical.into(),
        }
    }
}

impl Notice {
    /// Says to the person whose data it is, in one sentence of the notice's language, why a decision is as it is.
    #[must_use]
    pub fn explain(&self, decision: &Decision) -> String {
        let Target { purpose, processor } = &decision.decided_by;
        let title = self.texts.get(&format!("purpose.{purpose}.title")).to_string();
        let what = match processor {
            None => title,
            Some(id) => format!("{} – {title}", self.texts.get(&format!("processor.{id}.name"))),
        };
        self.why.get(&format!("why.{}", why(decision.reason))).replace("{what}", &what)
    }
}

/// The key of the sentence for a reason.
const fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::Given
        | Reason::Notified
        | Reason::NotObjected
        | Reason::NotGiven
        | Reason::Refused
        | Reason::Withdrawn
        | Reason::Expired
        | Reason::PolicyReplaced
        | Reason::Unconfirmed
        | Reason::Objected
        | Reason::Signal
        | Reason::Restricted
        | Reason::Erased
        | Reason::Minor
        | Reason::UnderAge => reason.as_str(),
        Reason::NoPolicy
        | Reason::UnknownPurpose
        | Reason::UnknownProcessor
        | Reason::UnknownData
        | Reason::UnknownMode => "unknown",
        Reason::ProcessorNotUsed => "not-employed",
        Reason::DataNotCovered => "not-covered",
        Reason::PurposeLimited => "limited",
        Reason::TrainingExcluded => "training",
        Reason::OwnUseExcluded => "own-use",
        Reason::ModeExcluded => "mode",
        Reason::FormNotCovered => "form",
    }
}

/// One quiet line: which data, for which model, by which way, kept for how long, by whom.
fn details(policy: &Policy, purpose: &Purpose, texts: &Texts) -> String {
    let who = if policy.processors_of(&purpose.id).next().is_some() { "ui.shared" } else { "ui.alone" };
    let who = texts.get(who).replace("{name}", &policy.parts().controller.name);
    let mut parts = alloc::vec![list(&purpose.data, texts)];
    if let Some(training) = purpose.training {
        parts.push(texts.get(&format!("model.{}", training.model)).into());
        if training.form != DataForm::Raw {
            parts.push(texts.get(&format!("form.{}", training.form)).into());
        }
    }
    if !purpose.channels.is_empty() {
        let ways: Vec<&str> = purpose.channels.iter().map(|c| texts.get(&format!("channel.{c}"))).collect();
        parts.push(joined(&ways, texts));
    }
    parts.push(retention(purpose.retention, texts));
    for (plan, kept) in &purpose.retention_by_plan {
        let plan = texts.get(&format!("plan.{plan}"));
        let kept = retention(*kept, texts);
        parts.push(texts.get("retention.plan").replace("{plan}", plan).replace("{retention}", &kept));
    }
    if let Some(period) = purpose.backups {
        parts.push(texts.get("retention.backups").replace("{period}", &length(period, texts)));
    }
    parts.push(who);
    capitalised(&parts.join(" · "))
}

/// The first letter of a line that begins with words from somewhere else.
fn capitalised(line: &str) -> String {
    let mut rest = line.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

fn describe(processor: &Processor, texts: &Texts, all: &mut BTreeMap<String, String>) {
    let id = &processor.id;
    let place = [
        texts.get(&format!("country.{}", processor.country)),
        texts.get(&format!("safeguard.{}", processor.safeguard)),
    ];
    let mut ends = texts.get(&format!("own-use.{}", processor.own_use)).to_string();
    if processor.role != Role::Processor {
        ends = joined(&[ends.as_str(), texts.get(&format!("role.{}", processor.role))], texts);
    }
    for (key, text) in [
        ("name", processor.name.to_string()),
        ("trains", texts.get(&format!("trains.{}", processor.trains)).to_string()),
        ("own-use", ends),
        ("kept", retention(processor.retention, texts)),
        ("where", joined(&place, texts)),
    ] {
        all.insert(format!("processor.{id}.{key}"), text);
    }
    for usage in &processor.uses {
        all.insert(format!("gets.{}/{id}", usage.purpose), list(&usage.data, texts));
    }
}

fn list(data: &[DataId], texts: &Texts) -> String {
    let names: Vec<&str> = data.iter().map(|id| texts.get(&format!("data.{id}"))).collect();
    joined(&names, texts)
}

/// One after the other, with the comma of their script between them.
fn joined(names: &[&str], texts: &Texts) -> String {
    names.join(texts.get("ui.comma"))
}

fn retention(retention: Retention, texts: &Texts) -> String {
    match retention {
        Retention::AfterUse => texts.get("retention.after-use").to_string(),
        Retention::OnRequest => texts.get("retention.on-request").to_string(),
        Retention::AfterInactivity(period) => {
            texts.get("retention.inactive").replace("{period}", &length(period, texts))
        }
        Retention::Within(period) => texts.get("retention.within").replace("{period}", &length(period, texts)),
    }
}

fn length(period: Period, texts: &Texts) -> String {
    // `Period` prints as a number and an English unit, and the units in their plural are the keys.
    let text = period.to_string();
    let (number, unit) = text.split_once(' ').unwrap_or_default();
    texts.counted(&format!("period.{}s", unit.trim_end_matches('s')), number.parse().unwrap_or_default())
}
