//! Consentry's own ways to a decision, and the floor beneath them.

use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context as _, Result};
use consentry_core::{Ask, Compiled, Context, PolicyHistory, Question, Record, State, decide};

use crate::engine::{Engine, timed};
use crate::scenario::{Pair, Scenario};

/// The compiled policy; records packed and names resolved beforehand, as by whoever asks the same few questions all day.
pub(crate) struct Resolved {
    compiled: Compiled,
    asks: Vec<Ask>,
    states: Vec<State>,
    context: Context,
}

impl Resolved {
    pub(crate) fn new(scenario: &Scenario) -> Result<Self> {
        let Scenario { history, context, .. } = scenario;
        let compiled = history.compile(context.now).context("no policy is in force")?;
        let asks = scenario.questions.iter().map(|q| compiled.resolve(&q.question, context)).collect::<Option<_>>();
        Ok(Self {
            asks: asks.context("a question that only the full rule can answer")?,
            states: scenario.subjects.iter().map(|s| compiled.pack(&s.record, context.now)).collect(),
            context: context.clone(),
            compiled,
        })
    }
}

impl Engine for Resolved {
    fn name(&self) -> &'static str {
        "Consentry, compiled, names resolved"
    }

    fn answer(&mut self, pairs: &[Pair], answers: &mut [bool]) -> Result<Duration> {
        Ok(timed(pairs, answers, |_, pair| {
            let (ask, state) = (&self.asks[pair.question()], &self.states[pair.subject()]);
            self.compiled.decide(ask, state, black_box(self.context.now)).is_some_and(|v| v.reason.allows())
        }))
    }
}

/// The same, with the names of purpose and processor looked up for every question.
pub(crate) struct ByName {
    resolved: Resolved,
    questions: Vec<Question>,
}

impl ByName {
    pub(crate) fn new(scenario: &Scenario) -> Result<Self> {
        let questions = scenario.questions.iter().map(|q| q.question.clone()).collect();
        Ok(Self { resolved: Resolved::new(scenario)?, questions })
    }
}

impl Engine for ByName {
    fn name(&self) -> &'static str {
        "Consentry, compiled, names looked up each time"
    }

    fn answer(&mut self, pairs: &[Pair], answers: &mut [bool]) -> Result<Duration> {
        let Resolved { compiled, states, context, .. } = &self.resolved;
        Ok(timed(pairs, answers, |_, pair| {
            let (question, state) = (&self.questions[pair.question()], &states[pair.subject()]);
            let ask = compiled.resolve(question, black_box(context));
            ask.and_then(|ask| compiled.decide(&ask, state, context.now)).is_some_and(|v| v.reason.allows())
        }))
    }
}

/// The full rule: reason, basis, events, obligations, features lost, and until when.
pub(crate) struct FullRule {
    history: PolicyHistory,
    context: Context,
    questions: Vec<Question>,
    records: Vec<Record>,
}

impl FullRule {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            history: scenario.history.clone(),
            context: scenario.context.clone(),
            questions: scenario.questions.iter().map(|q| q.question.clone()).collect(),
            records: scenario.subjects.iter().map(|s| s.record.clone()).collect(),
        }
    }
}

impl Engine for FullRule {
    fn name(&self) -> &'static str {
        "Consentry, full rule"
    }

    fn answer(&mut self, pairs: &[Pair], answers: &mut [bool]) -> Result<Duration> {
        Ok(timed(pairs, answers, |_, pair| {
            let (question, record) = (&self.questions[pair.question()], &self.records[pair.subject()]);
            // All of the decision is made, not only the part that is looked at.
            black_box(decide(&self.history, record, question, black_box(&self.context))).allows()
        }))
    }
}

/// What somebody would write by hand for these questions and no others: the floor.
pub(crate) struct BitMask {
    granted: Vec<u128>,
    /// The purpose's bit, and the processor's; twice the purpose's where no processor asks.
    asked: Vec<(u8, u8)>,
}

impl BitMask {
    pub(crate) fn new(scenario: &Scenario) -> Result<Self> {
        let granted = scenario.subjects.iter().map(|s| s.granted.iter().fold(0, |mask, place| mask | 1 << place));
        let asked = scenario
            .questions
            .iter()
            .map(|q| Ok((u8::try_from(q.purpose)?, u8::try_from(q.processor.unwrap_or(q.purpose))?)));
        Ok(Self { granted: granted.collect(), asked: asked.collect::<Result<_>>()? })
    }
}

impl Engine for BitMask {
    fn name(&self) -> &'static str {
        "bit mask by hand"
    }

    fn answer(&mut self, pairs: &[Pair], answers: &mut [bool]) -> Result<Duration> {
        Ok(timed(pairs, answers, |_, pair| {
            let (granted, (purpose, processor)) = (self.granted[pair.subject()], self.asked[pair.question()]);
            granted >> purpose & 1 == 1 && granted >> processor & 1 == 1
        }))
    }
}
