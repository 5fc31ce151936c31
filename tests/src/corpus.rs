//! The corpus of decision cases: a policy, what happened, a question in its context, and the decision.
//!
//! `corpus/*.json` is written for readers in any language: names instead of hashes, whole UUIDs, times in
//! milliseconds. Every surface runs it: the core natively and as WebAssembly, and the server over HTTP.

use consentry_core::source::{Published, SourceFile};
use consentry_core::wire::{DecisionDoc, GuardianDoc, ObligationDoc, Outcome, QuestionDoc, StancesDoc, V1};
use consentry_core::{
    Activity, AgeBand, Answering, DataForm, DataId, Demand, DemandKind, Draft, Event, EventId, EventKind, FeatureId,
    Jurisdiction, LegalBasis, ModeId, PlanId, PolicyHistory, ProcessorId, PurposeId, Reason, Record, Regime, Signal,
    Stance, Subject, Surface, Target, Time, decide,
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

/// Something that happened: a choice (with an outcome or stances), a signal, or a demand.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseEvent {
    /// When the server recorded it.
    pub at_ms: Time,
    /// Its id, which says when it happened by its maker's clock.
    pub id: EventId,
    /// Whether the account did it, not the device.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_account: bool,
    /// The folder of the policy answered, where it is not the case's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Which of that folder's policies was answered, the oldest being 0; the newest if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<usize>,
    /// All granted or all refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Or one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stances: Option<StancesDoc>,
    /// Where the choice was made; in the preference centre if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surface: Option<Surface>,
    /// Whether the choice was confirmed in a second step.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmed: bool,
    /// Or a signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<Signal>,
    /// Or a demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand: Option<DemandKind>,
    /// The purpose that the demand is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<PurposeId>,
    /// Whether the demand is taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lifted: bool,
}

/// Whose record is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// The device's; nobody is signed in.
    #[default]
    Device,
    /// The account's, of which no device is at hand.
    Account,
    /// An account's that is signed in on the device.
    Both,
}

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseQuestion {
    /// Of whom.
    #[serde(default)]
    pub who: Who,
    /// What for.
    pub purpose: PurposeId,
    /// By whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processor: Option<ProcessorId>,
    /// With which data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataId>,
    /// What would be done with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<Activity>,
}

/// The circumstances; what is left out is not known.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseContext {
    /// When it is asked.
    pub now_ms: Time,
    /// Where the subject is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<Jurisdiction>,
    /// How old the subject is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<AgeBand>,
    /// Who stands by a minor's choices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardian: Option<GuardianDoc>,
    /// The plan that the subject is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanId>,
    /// In which way of working the data came about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ModeId>,
    /// What the subject's browser says right now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<Signal>,
    /// In which form the data would be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<DataForm>,
    /// As of which time, by what had been recorded then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of_ms: Option<Time>,
    /// As of which time, by what had happened then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub happened_by_ms: Option<Time>,
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
    pub events: Vec<EventId>,
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

/// The device that the cases speak of.
pub const DEVICE: &str = "device:7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f";
/// The account that the cases speak of.
pub const ACCOUNT: &str = "account:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

impl CaseEvent {
    /// Whose doing it was.
    ///
    /// # Panics
    /// Never: both are written well.
    #[must_use]
    pub fn subject(&self) -> Subject {
        let subject = if self.by_account { ACCOUNT } else { DEVICE };
        subject.parse().expect("a subject")
    }

    /// The draft that was sent, under the policy it answered; none if it was no choice.
    #[must_use]
    pub fn draft(&self, published: &Published) -> Option<Draft> {
        let notice = &published.notices[0];
        let policy = &published.policy;
        let answering = Answering {
            policy: policy.hash(),
            notice: notice.hash,
            language: notice.language.clone(),
            surface: self.surface.unwrap_or(Surface::Centre),
            confirmed: self.confirmed,
        };
        match (&self.outcome, &self.stances) {
            (Some(outcome), None) => Some(Draft::all(answering, policy, outcome.stance())),
            (None, Some(stances)) => {
                let with = |draft: Draft, (target, stance): &(Target, Stance)| draft.with(target.clone(), *stance);
                Some(stances.0.iter().fold(Draft::new(answering), with))
            }
            (None, None) => None,
            (Some(_), Some(_)) => panic!("an event has either an outcome or stances"),
        }
    }

    /// What happened, as the core has it.
    ///
    /// # Panics
    /// If the event says nothing, or what the policy does not understand.
    #[must_use]
    pub fn kind(&self, answered: &Published) -> EventKind {
        match (self.draft(answered), self.signal, self.demand) {
            (Some(draft), None, None) => EventKind::Chosen(draft.commit(&answered.history, self.id).unwrap()),
            (None, Some(signal), None) => EventKind::Signalled(self.id, signal),
            (None, None, Some(kind)) => {
                let demand = Demand { kind, purpose: self.purpose.clone(), stands: !self.lifted };
                EventKind::Demanded(self.id, demand)
            }
            _ => panic!("an event is a choice, a signal or a demand: {}", self.id),
        }
    }
}

impl Case {
    /// What was published when `event` happened: the policy that it answered, as the newest.
    #[must_use]
    pub fn answered(&self, event: &CaseEvent, policies: &Policies) -> Published {
        let published = policies.get(event.policy.as_ref().unwrap_or(&self.policy)).clone();
        match event.version {
            None => published,
            Some(n) => {
                let version = published.history.versions().nth(n).expect("a version").clone();
                Published { policy: version.policy.clone(), history: PolicyHistory::starting(version), ..published }
            }
        }
    }

    /// What happened, as the core has it.
    #[must_use]
    pub fn events(&self, policies: &Policies) -> Vec<(Subject, Event)> {
        let event = |e: &CaseEvent| {
            let kind = e.kind(&self.answered(e, policies));
            (e.subject(), Event { at: e.at_ms, kind })
        };
        self.events.iter().map(event).collect()
    }

    /// The question and its circumstances, as they are sent.
    ///
    /// # Panics
    /// Never: subjects are written well.
    #[must_use]
    pub fn asked(&self) -> QuestionDoc {
        let (device, account) = (DEVICE.parse().expect("a subject"), ACCOUNT.parse().expect("a subject"));
        let CaseQuestion { who, purpose, processor, data, activity } = self.question.clone();
        let CaseContext { jurisdiction, age, guardian, plan, mode, signal, form, as_of_ms, happened_by_ms, .. } =
            self.context.clone();
        let (subject, device) = match (who, device) {
            (Who::Device, device) => (device, None),
            (Who::Account, _) => (account, None),
            (Who::Both, Subject::Device(device)) => (account, Some(device)),
            (Who::Both, Subject::Account(_)) => panic!("a device is none"),
        };
        QuestionDoc {
            device,
            processor,
            data,
            activity,
            form,
            mode,
            jurisdiction,
            age,
            guardian,
            plan,
            signal,
            as_of_ms,
            happened_by_ms,
            ..QuestionDoc::new(subject, purpose)
        }
    }

    /// The record that is asked.
    #[must_use]
    pub fn record(&self, policies: &Policies) -> Record {
        let asked = self.asked();
        let events = self.events(policies);
        let of = |subject: Subject| {
            Record::of(subject, events.iter().filter(|(s, e)| *s == subject && asked.counts(e)).map(|(_, e)| e))
        };
        let device = asked.device.map(|device| of(Subject::Device(device)));
        device.into_iter().fold(of(asked.subject), Record::merge)
    }

    /// What the core answers.
    #[must_use]
    pub fn decide(&self, policies: &Policies) -> CaseDecision {
        let history = &policies.get(&self.policy).history;
        let asked = self.asked();
        let decision = decide(history, &self.record(policies), &asked.question(), &asked.context(self.context.now_ms));
        DecisionDoc::from(decision).into()
    }

    /// What the compiled form answers, where it answers by itself: the reason, and what settled it.
    #[must_use]
    pub fn decide_compiled(&self, policies: &Policies) -> Option<(Reason, Target)> {
        let asked = self.asked();
        let context = asked.context(self.context.now_ms);
        let compiled = policies.get(&self.policy).history.compile(context.now)?;
        let ask = compiled.resolve(&asked.question(), &context)?;
        let verdict = compiled.decide(&ask, &compiled.pack(&self.record(policies), context.now), context.now)?;
        Some((verdict.reason, compiled.decided_by(&verdict)?.clone()))
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
            let expected = pretty(&case.decision);
            if decision != case.decision {
                failures.push(format!("{}\nexpected {expected}\ngot {}", case.name, pretty(&decision)));
            }
            if let Some((reason, target)) = case.decide_compiled(policies)
                && (reason, &target) != (case.decision.reason, &case.decision.decided_by)
            {
                failures.push(format!("{}\nexpected {expected}\ngot {reason} by {target}, compiled", case.name));
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
    use super::{Case, CaseDecision, CorpusFile, Policies, SourceFile, pretty};
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

    /// Has every case of the corpus answered.
    ///
    /// # Panics
    /// If one is answered otherwise than is written, or cases are missing.
    pub async fn every_case_is_answered_as_written(answer: impl AsyncFn(&Case, &Policies) -> CaseDecision) {
        let policies = policies();
        let mut count = 0;
        let mut failures = Vec::new();
        for case in corpus().into_iter().flat_map(|file| file.cases) {
            let decision = answer(&case, &policies).await;
            count += 1;
            if decision != case.decision {
                let (expected, got) = (pretty(&case.decision), pretty(&decision));
                failures.push(format!("{}\nexpected {expected}\ngot {got}", case.name));
            }
        }
        assert!(failures.is_empty(), "{} of {count} cases:\n\n{}", failures.len(), failures.join("\n\n"));
        assert!(count >= 500, "only {count} cases: has a file been lost?");
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
