//! How long one decision takes: ours in its three ways, other engines, and a bit mask by hand, on the same questions in one run.
//!
//! Measured: the time from "all that can be prepared is prepared" to a yes or no, in ns a question, about a thousand subjects in random
//! order, one question after the other without waiting for the answer. Each engine is prepared as favourably as its API honestly
//! allows; how, its module says. Before anything is timed every engine answers every question, and again with every round: one
//! answer that is not as it must be ends the run with an error.
//!
//! Warm means that all has just been used, not that all is in the nearest cache: a thousand subjects are 64 kB of packed states, but
//! some 12 MB of records, so the full rule waits for memory more than it computes. The same is true of others' contexts and entities.
//!
//! Not measured: preparing (parsing, compiling, packing a record, building a request), finding a subject among many, a subject
//! that nobody has asked about for long, more than one thread. And only ours also says why and until when; [`ours::FullRule`] says
//! all of that, with the obligations. The others answer yes or no to a question that they can all express: see [`scenario`].

#![allow(clippy::disallowed_methods, reason = "the clock is what is read here; the rule is for what decides by it")]

mod casbin;
mod cedar;
mod cel;
mod engine;
mod ours;
mod rego;
mod scenario;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::engine::Engine;
use crate::scenario::Scenario;

/// Rounds are begun for so long.
const ROUNDS_DURATION: Duration = Duration::from_secs(45);
/// And at least so many, however slow the machine is: a median of fewer says little.
const ROUNDS_MIN: usize = 5;
/// Pairs answered untimed before every timed turn, so that what the engine before has pushed out of the caches is back.
const WARM_UP_PAIRS: usize = 4_096;

fn main() -> Result<()> {
    let scenario = Scenario::draw()?;
    // The ratios are to the first, and to the full rule.
    let mut engines: Vec<Box<dyn Engine>> = vec![
        Box::new(ours::Resolved::new(&scenario)?),
        Box::new(ours::ByName::new(&scenario)?),
        Box::new(ours::FullRule::new(&scenario)),
        Box::new(ours::BitMask::new(&scenario)?),
        Box::new(cel::ProgramPerQuestion::new(&scenario)?),
        Box::new(cel::OneProgram::new(&scenario)?),
        Box::new(rego::Machine::new(&scenario)?),
        Box::new(rego::Interpreter::new(&scenario)?),
        Box::new(cedar::Cedar::new(&scenario, cedar::Granted::Groups)?),
        Box::new(cedar::Cedar::new(&scenario, cedar::Granted::Sets)?),
        Box::new(casbin::Casbin::new(&scenario)?),
    ];

    for engine in &mut engines {
        turn(engine.as_mut(), &scenario)?;
    }
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); engines.len()];
    let start = Instant::now();
    let mut rounds = 0;
    while rounds < ROUNDS_MIN || start.elapsed() < ROUNDS_DURATION {
        for (engine, times) in engines.iter_mut().zip(&mut times) {
            times.push(turn(engine.as_mut(), &scenario)?);
        }
        rounds += 1;
    }

    let allowed = scenario.expected.iter().filter(|allowed| **allowed).count();
    println!(
        "{} questions about {} subjects, {} targets, {:.1} % allowed; {} engines agree on all of them; {rounds} rounds.\n",
        scenario.pairs.len(),
        scenario.subjects.len(),
        scenario.targets.len(),
        percent(allowed, scenario.pairs.len()),
        engines.len(),
    );
    let rows: Vec<Row> = engines.iter().zip(times).map(|(engine, times)| Row::of(engine.as_ref(), times)).collect();
    print!("{}", table(&rows));
    Ok(())
}

/// Lets the engine answer every question once, checks that it is right, and says how many ns it took for each.
fn turn(engine: &mut dyn Engine, scenario: &Scenario) -> Result<f64> {
    let Scenario { pairs, expected, .. } = scenario;
    let mut answers = vec![false; pairs.len()];
    engine.answer(&pairs[..WARM_UP_PAIRS], &mut answers[..WARM_UP_PAIRS])?;
    // Each answer must be given anew: none is right because it was already there.
    answers.iter_mut().zip(expected).for_each(|(answer, expected)| *answer = !expected);
    let took = engine.answer(pairs, &mut answers)?;
    let wrong = answers.iter().zip(expected).filter(|(answer, expected)| answer != expected).count();
    ensure!(wrong == 0, "{} answers {wrong} of {} questions wrongly", engine.name(), pairs.len());
    Ok(took.as_secs_f64() * 1e9 / to_f64(pairs.len()))
}

struct Row {
    name: &'static str,
    median: f64,
    min: f64,
}

impl Row {
    fn of(engine: &dyn Engine, mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self { name: engine.name(), median: times[times.len() / 2], min: times[0] }
    }
}

/// In Markdown. The ratios are of the minima, which other work on the machine disturbs least.
fn table(rows: &[Row]) -> String {
    let (resolved, full) = (rows[0].min, rows[2].min);
    let mut table =
        String::from("| engine | ns, median | ns, min | × names resolved | × full rule |\n|---|--:|--:|--:|--:|\n");
    for Row { name, median, min } in rows {
        let (to_resolved, to_full) = (min / resolved, min / full);
        table.push_str(&format!("| {name} | {median:.1} | {min:.1} | {to_resolved:.2} | {to_full:.2} |\n"));
    }
    table
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * to_f64(part) / to_f64(whole)
}

/// Exact up to 2^53, which no count here comes near.
fn to_f64(count: usize) -> f64 {
    count as f64
}
