//! The questions that every engine is asked: a policy, a thousand subjects, a fixed sequence of pairs, and what must come out.
//!
//! Kept to what every engine can say: a purpose must be granted and, where a processor asks, that processor for that purpose too.
//! Absent therefore, and unmeasured: time that runs out, signals, demands, modes, ages, places, transfers.

use anyhow::{Context as _, Result};
use consentry_bench::policy;
use consentry_core::{
    Answering, Choice, Context, Event, EventId, EventKind, PolicyHistory, Question, Record, Stance, Surface, Target,
    Time,
};
use fastrand::Rng;

/// More than this are not a small working set any more: what a cache miss costs is another question.
const SUBJECTS: usize = 1_000;
/// So many that the processor's branch predictor cannot learn the sequence by heart.
const PAIRS: usize = 32_768;
/// Any; but always the same, so that every run asks the same.
const SEED: u64 = 0x00C0_115E_0A11;
/// Half of the questions name a processor, so this share of grants makes (g + g²) / 2 = 54 % of the answers a yes.
const GRANTED: f64 = 0.653;
/// The share of things about which a subject has said no; the rest is silence.
const REFUSED: f64 = 0.2;

/// When all the choices were made, in ms since the Unix epoch: 2025-11-15.
const CHOSEN_MS: u64 = 1_763_164_800_000;
/// When all the questions are asked: a week later.
const NOW_MS: u64 = CHOSEN_MS + 7 * 24 * 3_600_000;

/// One question of one subject, by their places in [`Scenario`].
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) subject: u16,
    pub(crate) question: u16,
}

impl Pair {
    pub(crate) fn subject(self) -> usize {
        usize::from(self.subject)
    }

    pub(crate) fn question(self) -> usize {
        usize::from(self.question)
    }
}

/// A question, and what must have been granted for a yes.
pub(crate) struct Asked {
    pub(crate) question: Question,
    /// The target of the purpose, by its place in [`Scenario::targets`].
    pub(crate) purpose: usize,
    /// The target of the processor within the purpose, where one asks.
    pub(crate) processor: Option<usize>,
}

pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) record: Record,
    /// What was granted, by place in [`Scenario::targets`].
    pub(crate) granted: Vec<usize>,
}

pub(crate) struct Scenario {
    pub(crate) history: PolicyHistory,
    pub(crate) context: Context,
    /// Every purpose and every processor within one, as `purpose` and `purpose/processor`.
    pub(crate) targets: Vec<String>,
    pub(crate) questions: Vec<Asked>,
    pub(crate) subjects: Vec<Subject>,
    pub(crate) pairs: Vec<Pair>,
    /// The answer to each pair, from what the subjects were made to say: no engine has had a hand in it.
    pub(crate) expected: Vec<bool>,
}

impl Scenario {
    pub(crate) fn draw() -> Result<Self> {
        let mut rng = Rng::with_seed(SEED);
        let history = policy()?;
        let questions = questions(&history);
        let targets: Vec<Target> = history.newest().targets().collect();
        let subjects =
            (0..SUBJECTS).map(|n| subject(n, &history, &targets, &mut rng)).collect::<Result<Vec<Subject>>>()?;
        let pairs = (0..PAIRS).map(|_| pair(&questions, &mut rng)).collect::<Result<Vec<Pair>>>()?;
        let granted: Vec<Vec<bool>> = subjects.iter().map(|s| mask(&s.granted, targets.len())).collect();
        let expected = pairs.iter().map(|pair| {
            let (granted, asked) = (&granted[pair.subject()], &questions[pair.question()]);
            granted[asked.purpose] && asked.processor.is_none_or(|target| granted[target])
        });
        Ok(Self {
            expected: expected.collect(),
            context: Context::at(Time::from_ms(NOW_MS)),
            targets: targets.iter().map(Target::to_string).collect(),
            history,
            questions,
            subjects,
            pairs,
        })
    }

    /// Purpose and target of a question, for engines that know things by name; the same twice where no processor asks.
    pub(crate) fn names(&self, asked: &Asked) -> (String, String) {
        let name = |place: usize| self.targets[place].clone();
        (name(asked.purpose), name(asked.processor.unwrap_or(asked.purpose)))
    }
}

fn mask(places: &[usize], len: usize) -> Vec<bool> {
    let mut mask = vec![false; len];
    for place in places {
        mask[*place] = true;
    }
    mask
}

/// May the site itself, or a processor, do what the purpose says: each target once.
fn questions(history: &PolicyHistory) -> Vec<Asked> {
    let targets: Vec<Target> = history.newest().targets().collect();
    let place = |target: &Target| targets.iter().position(|t| t == target).unwrap_or(usize::MAX);
    let asked = targets.iter().map(|target| Asked {
        question: Question::about(target.clone()),
        purpose: place(&Target::purpose(target.purpose.clone())),
        processor: target.processor.is_some().then(|| place(target)),
    });
    asked.collect()
}

/// As many questions of the site as of its processors.
fn pair(questions: &[Asked], rng: &mut Rng) -> Result<Pair> {
    let by_processor = rng.bool();
    let suiting: Vec<usize> =
        (0..questions.len()).filter(|q| questions[*q].processor.is_some() == by_processor).collect();
    let question = rng.choice(suiting).context("the policy has no such question")?;
    Ok(Pair { subject: u16::try_from(rng.usize(..SUBJECTS))?, question: u16::try_from(question)? })
}

/// Somebody who has said yes to some targets, no to others, and nothing about the rest, in one choice.
fn subject(n: usize, history: &PolicyHistory, targets: &[Target], rng: &mut Rng) -> Result<Subject> {
    let (mut granted, mut stances) = (Vec::new(), Vec::new());
    for (place, target) in targets.iter().enumerate() {
        let draw = rng.f64();
        if draw < GRANTED {
            granted.push(place);
            stances.push((target.clone(), Stance::Grant));
        } else if draw < GRANTED + REFUSED {
            stances.push((target.clone(), Stance::Refuse));
        }
    }
    let answering = Answering {
        policy: history.newest().hash(),
        notice: "0".repeat(64).parse()?,
        language: "en".parse()?,
        surface: Surface::Centre,
        confirmed: false,
    };
    let mut random = [0; 10];
    rng.fill(&mut random);
    let choice = Choice::restore(EventId::from_parts(CHOSEN_MS, &random), answering, stances)?;
    let event = Event { at: Time::from_ms(CHOSEN_MS), kind: EventKind::Chosen(choice) };
    Ok(Subject { name: format!("subject-{n:04}"), record: Record::fold([&event]), granted })
}
