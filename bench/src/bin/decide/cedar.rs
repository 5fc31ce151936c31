//! Cedar. Prepared: the policy is parsed once; every subject has its own entities, built once, so that there is but one to find;
//! and every request is ready before the clock starts, though its users would build one for each question.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::Result;
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityUid, PolicySet, Request, RestrictedExpression,
};

use crate::engine::{Engine, PREPARED, timed};
use crate::scenario::{Asked, Pair, Scenario};

/// The target asked for is the resource; where that is a processor, its purpose stands in the context.
const OF_SETS: &str = r#"
permit(principal, action == Action::"process", resource) when {
    principal.granted.contains(resource) && (!(context has purpose) || principal.granted.contains(context.purpose))
};"#;
const OF_GROUPS: &str = r#"
permit(principal, action == Action::"process", resource) when {
    principal in resource && (!(context has purpose) || principal in context.purpose)
};"#;

/// Where a subject's grants are.
#[derive(Clone, Copy)]
pub(crate) enum Granted {
    /// A set that is an attribute of the subject: as one would write it down.
    Sets,
    /// Groups that the subject is in: somewhat quicker.
    Groups,
}

pub(crate) struct Cedar {
    name: &'static str,
    authorizer: Authorizer,
    policies: PolicySet,
    action: EntityUid,
    subjects: Vec<(EntityUid, Entities)>,
    questions: Vec<(EntityUid, Context)>,
}

impl Cedar {
    pub(crate) fn new(scenario: &Scenario, granted: Granted) -> Result<Self> {
        let targets = scenario.targets.iter().map(|t| uid("Target", t)).collect::<Result<Vec<_>>>()?;
        let subjects = scenario.subjects.iter().map(|subject| {
            let targets = subject.granted.iter().map(|target| targets[*target].clone());
            let id = uid("Subject", &subject.name)?;
            let entity = match granted {
                Granted::Sets => {
                    let set = RestrictedExpression::new_set(targets.map(RestrictedExpression::new_entity_uid));
                    Entity::new(id.clone(), HashMap::from([("granted".to_owned(), set)]), HashSet::new())?
                }
                Granted::Groups => Entity::new_no_attrs(id.clone(), targets.collect()),
            };
            Ok((id, Entities::from_entities([entity], None)?))
        });
        let (name, policies) = match granted {
            Granted::Sets => ("Cedar 4.14, grants as a set", OF_SETS),
            Granted::Groups => ("Cedar 4.14, grants as groups", OF_GROUPS),
        };
        Ok(Self {
            name,
            authorizer: Authorizer::new(),
            policies: policies.parse()?,
            action: uid("Action", "process")?,
            subjects: subjects.collect::<Result<_>>()?,
            questions: scenario.questions.iter().map(|q| question(q, &targets)).collect::<Result<_>>()?,
        })
    }

    fn request(&self, pair: Pair) -> Result<Request> {
        let (principal, _) = &self.subjects[pair.subject()];
        let (resource, context) = &self.questions[pair.question()];
        Ok(Request::new(principal.clone(), self.action.clone(), resource.clone(), context.clone(), None)?)
    }
}

impl Engine for Cedar {
    fn name(&self) -> &'static str {
        self.name
    }

    fn answer(&mut self, pairs: &[Pair], answers: &mut [bool]) -> Result<Duration> {
        let mut took = Duration::ZERO;
        for (pairs, answers) in pairs.chunks(PREPARED).zip(answers.chunks_mut(PREPARED)) {
            let requests = pairs.iter().map(|pair| self.request(*pair)).collect::<Result<Vec<_>>>()?;
            took += timed(pairs, answers, |n, pair| {
                let (_, entities) = &self.subjects[pair.subject()];
                let response = self.authorizer.is_authorized(&requests[n], &self.policies, entities);
                response.decision() == Decision::Allow
            });
        }
        Ok(took)
    }
}

fn question(asked: &Asked, targets: &[EntityUid]) -> Result<(EntityUid, Context)> {
    let purpose = &targets[asked.purpose];
    Ok(match asked.processor {
        None => (purpose.clone(), Context::empty()),
        Some(processor) => {
            let purpose = RestrictedExpression::new_entity_uid(purpose.clone());
            (targets[processor].clone(), Context::from_pairs([("purpose".to_owned(), purpose)])?)
        }
    })
}

fn uid(kind: &str, name: &str) -> Result<EntityUid> {
    Ok(EntityUid::from_type_name_and_id(kind.parse()?, EntityId::new(name)))
}
