//! Rego, by regorus. Prepared: the policy is parsed, compiled and loaded once; the input of every question is ready before the clock
//! starts, with the subject's grants in it: that is quicker than finding the subject in `data`, which an OPA bundle would fill.
//! Grants are an object, in which `granted[x]` is a look-up.

use std::collections::BTreeMap;
use std::mem;
use std::time::Duration;

use anyhow::Result;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Rc, Value};

use crate::engine::{Engine, PREPARED, timed};
use crate::scenario::{Pair, Scenario};

/// Where no processor asks, the target is the purpose.
const POLICY: &str = "
package consent

default allow := false

allow if {
    input.granted[input.purpose]
    input.granted[input.target]
}";
const RULE: &str = "data.consent.allow";

/// Its virtual machine: the quicker of its two.
pub(crate) struct Machine {
    machine: RegoVM,
    inputs: Inputs,
}

impl Machine {
    pub(crate) fn new(scenario: &Scenario) -> Result<Self> {
        let rule: Rc<str> = RULE.into();
        let policy = engine()?.compile_with_entrypoint(&rule)?;
        let mut machine = RegoVM::new();
        machine.load_program(Compiler::compile_from_policy(&policy, &[RULE])?);
        machine.set_data(Value::new_object())?;
        Ok(Self { machine, inputs: Inputs::new(scenario) })
    }
}

impl Engine for Machine {
    fn name(&self) -> &'static str {
        "regorus 0.14, virtual machine"
    }

    fn answer(&mut self, pairs: &[Pair], answers: &mut [bool]) -> Result<Duration> {
        let Self { machine, inputs } = self;
        Ok(inputs.timed(pairs, answers, |input| {
            machine.set_input(input);
            machine.execute_entry_point_by_index(0).is_ok_and(|value| value == Value::Bool(true))
        }))
    }
}

/// Its interpreter: what its documentation begins with.
pub(crate) struct Interpreter {
    engine: regorus::Engine,
    inputs: Inputs,
}

impl Interpreter {
    pub(crate) fn new(scenario: &Scenario) -> Result<Self> {
        Ok(Self { engine: engine()?, inputs: Inputs::new(scenario) })
    }
}

impl Engine for Interpreter {
    fn name(&self) -> &'static str {
        "regorus 0.14, interpreter"
    }

    fn answer(&mut self, pairs: &[Pair], answers: &mut [bool]) -> Result<Duration> {
        let Self { engine, inputs } = self;
        Ok(inputs.timed(pairs, answers, |input| {
            engine.set_input(input);
            engine.eval_rule(RULE.to_owned()).is_ok_and(|value| value == Value::Bool(true))
        }))
    }
}

/// What inputs are made of.
struct Inputs {
    granted: Vec<Value>,
    /// Purpose and target of each question.
    questions: Vec<(Value, Value)>,
}

impl Inputs {
    fn new(scenario: &Scenario) -> Self {
        let granted = scenario.subjects.iter().map(|subject| {
            object(subject.granted.iter().map(|target| (scenario.targets[*target].as_str(), true.into())))
        });
        let questions = scenario.questions.iter().map(|asked| {
            let (purpose, target) = scenario.names(asked);
            (purpose.into(), target.into())
        });
        Self { granted: granted.collect(), questions: questions.collect() }
    }

    fn input(&self, pair: Pair) -> Value {
        let (purpose, target) = &self.questions[pair.question()];
        let granted = self.granted[pair.subject()].clone();
        object([("granted", granted), ("purpose", purpose.clone()), ("target", target.clone())])
    }

    fn timed(&self, pairs: &[Pair], answers: &mut [bool], mut decide: impl FnMut(Value) -> bool) -> Duration {
        let mut took = Duration::ZERO;
        for (pairs, answers) in pairs.chunks(PREPARED).zip(answers.chunks_mut(PREPARED)) {
            let mut inputs: Vec<Value> = pairs.iter().map(|pair| self.input(*pair)).collect();
            took += timed(pairs, answers, |n, _| decide(mem::replace(&mut inputs[n], Value::Undefined)));
        }
        took
    }
}

fn engine() -> Result<regorus::Engine> {
    let mut engine = regorus::Engine::new();
    engine.add_policy("consent.rego".to_owned(), POLICY.to_owned())?;
    Ok(engine)
}

fn object<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    fields.into_iter().map(|(name, value)| (Value::from(name), value)).collect::<BTreeMap<Value, Value>>().into()
}
