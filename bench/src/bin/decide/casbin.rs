//! casbin. Prepared: model and grants are in memory, the matcher is compiled by casbin, and the words of every request are ready
//! before the clock starts, in the form in which its expressions use them.
//!
//! A grant is a role of the subject. As policy lines, the other way to write grants down, casbin would try one after the other:
//! some tens of times slower. There being no line to try, the matcher decides alone, and is evaluated once.

use std::mem;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use anyhow::{Result, bail};
use casbin::rhai::ImmutableString;
use casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi};

use crate::engine::{Engine, PREPARED, timed};
use crate::scenario::{Pair, Scenario};

const MODEL: &str = "
[request_definition]
r = subject, purpose, target

[policy_definition]
p = subject

[role_definition]
g = _, _

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = g(r.subject, r.purpose) && (r.target == r.purpose || g(r.subject, r.target))
";

pub(crate) struct Casbin {
    enforcer: Enforcer,
    subjects: Vec<ImmutableString>,
    /// Purpose and target of each question; the same twice where no processor asks.
    questions: Vec<(ImmutableString, ImmutableString)>,
}

impl Casbin {
    pub(crate) fn new(scenario: &Scenario) -> Result<Self> {
        let model = at_once(DefaultModel::from_str(MODEL))?;
        let mut enforcer = at_once(Enforcer::new(model, MemoryAdapter::default()))?;
        let roles = scenario.subjects.iter().flat_map(|subject| {
            subject.granted.iter().map(|target| vec![subject.name.clone(), scenario.targets[*target].clone()])
        });
        at_once(enforcer.add_grouping_policies(roles.collect()))?;
        let questions = scenario.questions.iter().map(|asked| {
            let (purpose, target) = scenario.names(asked);
            (purpose.into(), target.into())
        });
        Ok(Self {
            enforcer,
            subjects: scenario.subjects.iter().map(|subject| subject.name.as_str().into()).collect(),
            questions: questions.collect(),
        })
    }

    fn request(&self, pair: Pair) -> Vec<ImmutableString> {
        let (purpose, target) = &self.questions[pair.question()];
        vec![self.subjects[pair.subject()].clone(), purpose.clone(), target.clone()]
    }
}

impl Engine for Casbin {
    fn name(&self) -> &'static str {
        "casbin 2.20, grants as roles"
    }

    fn answer(&mut self, pairs: &[Pair], answers: &mut [bool]) -> Result<Duration> {
        let mut took = Duration::ZERO;
        for (pairs, answers) in pairs.chunks(PREPARED).zip(answers.chunks_mut(PREPARED)) {
            let mut requests: Vec<_> = pairs.iter().map(|pair| self.request(*pair)).collect();
            took += timed(pairs, answers, |n, _| self.enforcer.enforce(mem::take(&mut requests[n])).unwrap_or(false));
        }
        Ok(took)
    }
}

/// What an async function hands back that never waits, as none does here: all is in memory.
fn at_once<T>(future: impl Future<Output = casbin::Result<T>>) -> Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Ok(result?),
        Poll::Pending => bail!("casbin waits for something, though all is in memory"),
    }
}
