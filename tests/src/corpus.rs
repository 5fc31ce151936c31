//! The corpus of decision cases: a policy, what happened, a question in its context, and the decision.
//!
//! `corpus/*.json` is written for readers in any language: names instead of hashes, whole UUIDs, times in
//! milliseconds. Every surface runs it: the core natively and as WebAssembly, and the server over HTTP.

use consentry_core::source::{Published, SourceFile};
use consentry_core::wire::{DecisionDoc, ObligationDoc, Outcome, StancesDoc, V1};
use consentry_core::{
    Answering, Choice, ChoiceId, Context, DataId, Draft, Event, EventKind, FeatureId, Jurisdiction, LegalBasis, Policy,
    ProcessorId, PurposeId, Question, Reason, Record, Regime, Surface, Target, Time, decide,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A file of the corpus.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusFile {
    /// The version of the format.
    pub v: V1,
    /// What the cases of this file have in common, for readers.
    pub about: String,
    /// The cases.
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A sentence that says what must hold.
    pub name: String,
    /// The promises and requirements that it shows, e.g. `P16` or `R33`.
    pub covers: Vec<String>,
    /// The folder of the policy in force.
    pub policy: String,
    /// What happened, in the order of the ledger.
    pub events: Vec<CaseEvent>,
    /// What is asked.
    pub question: CaseQuestion,
    /// In which circumstances.
    pub context: CaseContext,
    /// What must be answered.
    pub decision: CaseDecision,
}

/// A choice that was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseEvent {
    /// When the server recorded it.
    pub at_ms: Time,
    /// Its id.
    pub id: ChoiceId,
    /// The folder of the policy answered, where it is not the case's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// All granted or all refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Or one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stances: Option<StancesDoc>,
}

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseQuestion {
    /// What for.
    pub purpose: PurposeId,
    /// By whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processor: Option<ProcessorId>,
    /// With which data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataId>,
}

/// The circumstances.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseContext {
    /// When it is asked.
    pub now_ms: Time,
    /// Where the subject is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<Jurisdiction>,
}

/// What must be answered: a decision without the policy's hash, which changes with every edit of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseDecision {
    /// Whether it may be done.
    pub allow: bool,
    /// Why.
    pub reason: Reason,
    /// What settled it.
    pub decided_by: Target,
    /// The legal basis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<LegalBasis>,
    /// The regime applied.
    pub regime: Regime,
    /// The choices it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<ChoiceId>,
    /// What whoever is allowed must do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obligations: Vec<ObligationDoc>,
    /// What is lost by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features_lost: Vec<FeatureId>,
    /// Until when it may be relied on.
    pub valid_until_ms: Time,
}

impl From<DecisionDoc> for CaseDecision {
    fn from(doc: DecisionDoc) -> Self {
        Self {
            allow: doc.allow,
            reason: doc.reason,
            decided_by: doc.decided_by,
            basis: doc.basis,
            regime: doc.regime,
            events: doc.events,
            obligations: doc.obligations,
            features_lost: doc.features_lost,
            valid_until_ms: doc.valid_until_ms,
        }
    }
}

/// The policies that the corpus speaks of, by folder.
pub struct Policies(BTreeMap<String, Published>);

impl Policies {
    /// Parses each folder's files.
    ///
    /// # Panics
    /// If one of them has an error.
    #[must_use]
    pub fn parse(folders: BTreeMap<String, Vec<SourceFile>>) -> Self {
        let parse = |(name, files): (String, Vec<SourceFile>)| {
            let published = Published::parse(&files).unwrap_or_else(|e| panic!("policy {name}: {e:#?}"));
            (name, published)
        };
        Self(folders.into_iter().map(parse).collect())
    }

    /// The policy of that folder.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn get(&self, folder: &str) -> &Published {
        self.0.get(folder).unwrap_or_else(|| panic!("no policy folder {folder}"))
    }
}

impl CaseEvent {
    /// The draft that was sent, under the policy it answered.
    #[must_use]
    pub fn draft(&self, published: &Published) -> Draft {
        let notice = &published.notices[0];
        let policy = &published.policy;
        let answering = Answering {
            policy: policy.hash(),
            notice: notice.hash,
            language: notice.language.clone(),
            surface: Surface::Centre,
        };
        match (&self.outcome, &self.stances) {
            (Some(outcome), None) => Draft::all(answering, policy, outcome.stance()),
            (None, Some(stances)) => stances
                .0
                .iter()
                .fold(Draft::new(answering), |draft, (target, stance)| draft.with(target.clone(), *stance)),
            _ => panic!("an event has either an outcome or stances"),
        }
    }

    fn choice(&self, published: &Published) -> Choice {
        self.draft(published).commit(&published.policy, self.id).unwrap()
    }
}

impl Case {
    /// The published policy that `event` answered.
    #[must_use]
    pub fn answered<'a>(&self, event: &CaseEvent, policies: &'a Policies) -> &'a Published {
        policies.get(event.policy.as_ref().unwrap_or(&self.policy))
    }

    /// What happened, as the core has it.
    #[must_use]
    pub fn history(&self, policies: &Policies) -> Vec<Event> {
        let event =
            |e: &CaseEvent| Event { at: e.at_ms, kind: EventKind::Chosen(e.choice(self.answered(e, policies))) };
        self.events.iter().map(event).collect()
    }

    /// The question and its context, as the core has them.
    #[must_use]
    pub fn asked(&self) -> (Question, Context) {
        let CaseQuestion { purpose, processor, data } = self.question.clone();
        let context = Context { now: self.context.now_ms, jurisdiction: self.context.jurisdiction.clone() };
        (Question { purpose, processor, data }, context)
    }

    /// What the core answers.
    #[must_use]
    pub fn decide(&self, policies: &Policies) -> CaseDecision {
        let policy: &Policy = &policies.get(&self.policy).policy;
        let (question, context) = self.asked();
        let record = Record::fold(&self.history(policies));
        DecisionDoc::from(decide(policy, &record, &question, &context)).into()
    }
}

/// Runs every case of these corpus files against the core, and returns the number of cases and what failed.
#[must_use]
pub fn run(files: &[String], policies: &Policies) -> (usize, Vec<String>) {
    let mut count = 0;
    let mut failures = Vec::new();
    for file in files {
        let file: CorpusFile = serde_json::from_str(file).expect("a corpus file");
        for case in &file.cases {
            count += 1;
            let decision = case.decide(policies);
            if decision != case.decision {
                let (expected, got) = (pretty(&case.decision), pretty(&decision));
                failures.push(format!("{}\nexpected {expected}\ngot {got}", case.name));
            }
        }
    }
    (count, failures)
}

/// A decision as it would stand in a corpus file.
#[must_use]
pub fn pretty(decision: &CaseDecision) -> String {
    serde_json::to_string(decision).unwrap()
}

/// Reading the corpus and its policies from the project's folders.
pub mod on_disk {
    use super::{CorpusFile, Policies, SourceFile};
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::{Path, PathBuf};

    /// The project's root.
    #[must_use]
    pub fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    /// The corpus files' texts, by name.
    #[must_use]
    pub fn files() -> Vec<(String, String)> {
        let folder = root().join("tests/corpus");
        let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|e| e == "json"));
        files.sort();
        let read = |path: PathBuf| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap())
        };
        files.into_iter().map(read).collect()
    }

    /// The corpus, parsed.
    #[must_use]
    pub fn corpus() -> Vec<CorpusFile> {
        let parse = |(name, text): (String, String)| {
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        files().into_iter().map(parse).collect()
    }

    /// Every policy under `policies/` and `tests/corpus/policies/`.
    #[must_use]
    pub fn policies() -> Policies {
        let mut folders = BTreeMap::new();
        for parent in ["policies", "tests/corpus/policies"] {
            for entry in fs::read_dir(root().join(parent)).unwrap() {
                let path = entry.unwrap().path();
                folders.insert(path.file_name().unwrap().to_string_lossy().into_owned(), sources(&path));
            }
        }
        Policies::parse(folders)
    }

    /// The files of one policy folder.
    #[must_use]
    pub fn sources(folder: &Path) -> Vec<SourceFile> {
        let read = |path: PathBuf| SourceFile {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            text: fs::read_to_string(&path).unwrap(),
        };
        fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap().path())).collect()
    }
}
