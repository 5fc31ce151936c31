//! The Common Expression Language. Prepared: expressions are compiled once; every subject has its own context, built once, with the
//! grants as a map, in which `in` is a look-up and not a search.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use cel::{Context, Env, Program, Value};

use crate::engine::{Engine, PREPARED, timed};
use crate::scenario::{Asked, Pair, Scenario};

const RULE: &str = "purpose in granted && (target == purpose || target in granted)";

/// An expression for every question there is, with its names written out: the quickest that can be asked of CEL, and what
/// resolved names are to ours.
pub(crate) struct ProgramPerQuestion {
    programs: Vec<Program>,
    subjects: Vec<Context<'static, 'static>>,
}

impl ProgramPerQuestion {
    pub(crate) fn new(scenario: &Scenario) -> Result<Self> {
        let program = |asked: &Asked| -> Result<Program> {
            let purpose = format!("'{}' in granted", scenario.targets[asked.purpose]);
            Ok(Program::compile(&match asked.processor {
                None => purpose,
                Some(processor) => format!("{purpose} && '{}' in granted", scenario.targets[processor]),
            })?)
        };
        let programs = scenario.questions.iter().map(program).collect::<Result<_>>()?;
        Ok(Self { programs, subjects: subjects(scenario) })
    }
}

impl Engine for ProgramPerQuestion {
    fn name(&self) -> &'static str {
        "CEL 0.15, a program per question"
    }

    fn answer(&mut self, pairs: &[Pair], answers: &mut [bool]) -> Result<Duration> {
        Ok(timed(pairs, answers, |_, pair| is_yes(&self.programs[pair.question()], &self.subjects[pair.subject()])))
    }
}

/// One expression for all of them, with purpose and target as variables: a scope within the subject's context for every question,
/// ready before the clock starts.
pub(crate) struct OneProgram {
    program: Program,
    subjects: Vec<Context<'static, 'static>>,
    /// Purpose and target of each question; the same twice where no processor asks.
    questions: Vec<(String, String)>,
}

impl OneProgram {
    pub(crate) fn new(scenario: &Scenario) -> Result<Self> {
        Ok(Self {
            program: Program::compile(RULE)?,
            subjects: subjects(scenario),
            questions: scenario.questions.iter().map(|asked| scenario.names(asked)).collect(),
        })
    }
}

impl Engine for OneProgram {
    fn name(&self) -> &'static str {
        "CEL 0.15, one program"
    }

    fn answer(&mut self, pairs: &[Pair], answers: &mut [bool]) -> Result<Duration> {
        let mut took = Duration::ZERO;
        for (pairs, answers) in pairs.chunks(PREPARED).zip(answers.chunks_mut(PREPARED)) {
            let scopes = pairs.iter().map(|pair| {
                let (purpose, target) = &self.questions[pair.question()];
                let mut scope = self.subjects[pair.subject()].new_inner_scope();
                scope.add_variable_from_value("purpose", purpose.clone());
                scope.add_variable_from_value("target", target.clone());
                scope
            });
            let scopes: Vec<Context<'_, '_>> = scopes.collect();
            took += timed(pairs, answers, |n, _| is_yes(&self.program, &scopes[n]));
        }
        Ok(took)
    }
}

/// An error is not a yes; if it should be one, the check finds it.
fn is_yes(program: &Program, context: &Context<'_, '_>) -> bool {
    matches!(program.execute(context), Ok(Value::Bool(true)))
}

fn subjects(scenario: &Scenario) -> Vec<Context<'static, 'static>> {
    let env = Arc::new(Env::stdlib());
    let contexts = scenario.subjects.iter().map(|subject| {
        let granted = subject.granted.iter().map(|target| (scenario.targets[*target].clone(), true));
        let mut context = Context::with_env(Arc::clone(&env));
        context.add_variable_from_value("granted", granted.collect::<HashMap<String, bool>>());
        context
    });
    contexts.collect()
}
