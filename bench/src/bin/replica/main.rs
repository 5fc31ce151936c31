//! What a replica of ten million subjects takes, in time and in memory: 10 purposes, 8 processors for each of them.
//!
//! Before anything is timed some ten thousand answers are compared with what `decide` says of the same events: one that differs ends
//! the run with an error. Beside the questions stands what memory takes by itself in the same run (`memory.rs`), since a random question
//! about one of ten million subjects is a wait for memory more than anything else.
//!
//! *One after the other* means that a question is known only once the answer to the one before is: which subject is next depends on
//! it. *Independent* questions do not wait for each other's answers, and a processor overlaps them as far as it can see. A *batch* is
//! asked at once.
//!
//! Not measured: HTTP, more than one thread, a file that is not in the operating system's cache.

#![allow(clippy::disallowed_methods, reason = "the clock is what is read here; the rule is for what decides by it")]

mod memory;

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use consentry_bench::policy;
use consentry_bench::population::{NOW, Population};
use consentry_core::packed::{Builder, Origin, PackKey, Packed, Past, Prepared, Replica};
use consentry_core::{
    AccountId, Context, Decision, DeviceId, Event, PolicyHistory, Question, Record, Subject, Time, decide,
};
use fastrand::Rng;
use memmap2::Mmap;

use crate::memory::Chase;

/// How many subjects there are, unless the environment says otherwise.
const SUBJECTS: u64 = 10_000_000;
/// How many questions there are: so many that none finds in a cache what it needs because it was asked before.
const QUESTIONS: usize = 1_000_000;
/// How many a round asks, one part of them after the other: so few that a round is often over before somebody else's turn comes.
const ROUND: usize = 10_000;
const ROUNDS: usize = 100;
/// Rounds of what takes long.
const ROUNDS_FEW: usize = 7;
const BATCH: usize = 1_000;
/// So few that all of them stay in a cache.
const WARM: usize = 1_000;
/// Of a hundred asked about, how many nobody has heard of.
const STRANGERS: u64 = 5;
/// Answers that are compared with those of `decide`.
const COMPARED: usize = 10_000;
/// Those who all say something else.
const ALONE: u64 = 200_000;
/// What changes until a snapshot is made anew.
const CHANGED_SHARE: u64 = 100;

const MIB: f64 = 1024.0 * 1024.0;

type Mapped = Replica<Mmap>;

fn main() -> Result<()> {
    let subjects = std::env::var("CONSENTRY_SUBJECTS").ok().map_or(Ok(SUBJECTS), |n| n.parse())?;
    let mut rng = Rng::with_seed(7);
    let history = policy()?;
    let population = Population::new(history.clone());
    let key = PackKey::new(&[9; 16]);
    let path = std::env::temp_dir().join(format!("consentry-replica-{}.pack", std::process::id()));

    let mut builder = Builder::new(&key, &history);
    let start = Instant::now();
    population.build(&mut builder, subjects)?;
    let added = start.elapsed();
    let start = Instant::now();
    let bytes = builder.finish(origin(&history))?;
    let finished = start.elapsed();
    let start = Instant::now();
    let mut file = File::create(&path)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    let written = start.elapsed();
    drop(bytes);
    let opened = open(&path, &key)?;
    // The name can go: the map keeps the file.
    let result = measure(opened, &path, &key, &population, subjects, &mut rng);
    fs::remove_file(&path)?;
    let rows = result?;

    println!(
        "{subjects} subjects, {} targets; {COMPARED} answers as `decide` gives them. Adding them took {:.1} s, sorting and making the \
         snapshot {:.1} s, writing and syncing it {:.1} s.\n",
        history.newest().targets().count(),
        added.as_secs_f64(),
        finished.as_secs_f64(),
        written.as_secs_f64(),
    );
    println!("| what | median | fastest | limit |\n|---|--:|--:|--:|");
    for Row { what, median, fastest, unit, limit } in rows {
        let digits = if fastest < 10.0 { 2 } else { 1 };
        println!("| {what} | {median:.digits$} {unit} | {fastest:.digits$} {unit} | {limit} |");
    }
    Ok(())
}

struct Row {
    what: String,
    median: f64,
    fastest: f64,
    unit: &'static str,
    limit: &'static str,
}

fn row(what: impl Into<String>, mut times: Vec<f64>, unit: &'static str, limit: &'static str) -> Row {
    times.sort_by(f64::total_cmp);
    Row { what: what.into(), median: times[times.len() / 2], fastest: times[0], unit, limit }
}

fn once(what: impl Into<String>, value: f64, unit: &'static str, limit: &'static str) -> Row {
    row(what, vec![value], unit, limit)
}

fn origin(history: &PolicyHistory) -> Origin {
    Origin { site: history.newest().parts().site.clone(), entries: 1, root: [0; 32], made: NOW }
}

fn open(path: &std::path::Path, key: &PackKey) -> Result<Mapped> {
    let file = File::open(path)?;
    // SAFETY: the file is this program's own, and nobody changes it.
    let map = unsafe { Mmap::map(&file)? };
    Ok(Replica::new(Packed::open(map, key)?))
}

/// One question of those that the policy has.
fn question(history: &PolicyHistory, number: usize) -> Prepared {
    let target = history.newest().targets().nth(number).unwrap_or_else(|| unreachable!());
    Prepared::new(Arc::new(history.clone()), Question::about(target), Context::at(NOW))
}

/// Runs it for one part of the questions after the other, for ns each of `count`.
fn timed(count: usize, mut run: impl FnMut(usize) -> Result<()>) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let start = Instant::now();
        run(round * ROUND % QUESTIONS)?;
        times.push(start.elapsed().as_secs_f64() * 1e9 / count as f64);
    }
    Ok(times)
}

fn measure(
    replica: Mapped,
    path: &std::path::Path,
    key: &PackKey,
    population: &Population,
    subjects: u64,
    rng: &mut Rng,
) -> Result<Vec<Row>> {
    let history = policy()?;
    let mut rows = Vec::new();
    let length = fs::metadata(path)?.len();
    rows.push(once("bytes a subject, the whole snapshot", length as f64 / subjects as f64, "B", "24 B"));
    rows.push(once("states of records in it", replica.packed().states() as f64, "", ""));
    rows.push(once("bytes a subject where each says something else", alone(population, key, &history)?, "B", ""));

    let mut first = Vec::new();
    for _ in 0..ROUNDS_FEW {
        let device = population.somebody(rng.u64(..subjects)).device;
        let start = Instant::now();
        let replica = open(path, key)?;
        let answer = replica.answer(&mut question(&history, 11), device.into(), NOW)?;
        first.push(start.elapsed().as_secs_f64() * 1e3);
        black_box(answer);
    }
    rows.push(row("first answer after opening", first, "ms", "10 ms"));
    let start = Instant::now();
    replica.packed().verify()?;
    rows.push(once("checking all of it", start.elapsed().as_secs_f64() * 1e3, "ms", ""));

    let ids: Vec<DeviceId> = (0..QUESTIONS).map(|_| asked_about(population, subjects, rng)).collect();
    compare(&replica, population, &history, subjects, rng)?;

    let mut wide = Chase::over(1 << 30, rng);
    let chase = timed_by(|| wide.run());
    drop(wide);
    let mut narrow = Chase::over(usize::try_from(length)?, rng);
    let chase_of_size = timed_by(|| narrow.run());
    let at_once = timed_by(|| narrow.run_at_once());
    drop(narrow);
    let memory = row("one place of 1 GiB after the other", chase, "ns", "");
    let memory_of_size = row("one place of as much as the snapshot after the other", chase_of_size, "ns", "");

    let mut prepared = question(&history, 11);
    let start = Instant::now();
    replica.allowed(&mut prepared, &ids, NOW)?;
    let first = start.elapsed().as_secs_f64() * 1e3;
    rows.push(once("a million ids, the first time a question is asked", first, "ms", ""));
    let one = timed(ROUND / 2, |mut at| {
        for _ in 0..ROUND / 2 {
            let answer = replica.answer(&mut prepared, ids[at].into(), black_box(NOW))?;
            at += 1 + usize::from(answer.reason.allows());
        }
        black_box(at);
        Ok(())
    })?;
    let one = row("a random question, one after the other", one, "ns", "");
    let ratio = |memory: &Row| (one.median / memory.median, one.fastest / memory.fastest);
    let ((median, fastest), (median_of_size, fastest_of_size)) = (ratio(&memory), ratio(&memory_of_size));
    rows.extend([memory, memory_of_size, one]);
    rows.push(row("16 places of as much as the snapshot at once, for each", at_once, "ns", ""));
    rows.push(Row { what: "as many times one place of 1 GiB".into(), median, fastest, unit: "×", limit: "1.6 ×" });
    let what = "as many times one place of as much as the snapshot".into();
    rows.push(Row { what, median: median_of_size, fastest: fastest_of_size, unit: "×", limit: "" });

    let independent = timed(ROUND, |from| {
        let mut allowed = 0;
        for id in &ids[from..from + ROUND] {
            allowed += usize::from(replica.answer(&mut prepared, (*id).into(), black_box(NOW))?.reason.allows());
        }
        black_box(allowed);
        Ok(())
    })?;
    rows.push(row("random questions, independent", independent, "ns", ""));

    let warm = &ids[..WARM];
    let independent = timed(ROUND, |_| {
        let mut allowed = 0;
        for id in warm.iter().cycle().take(ROUND) {
            let answer = replica.answer(&mut prepared, (*black_box(id)).into(), black_box(NOW))?;
            allowed += usize::from(black_box(answer).reason.allows());
        }
        black_box(allowed);
        Ok(())
    })?;
    rows.push(row("warm: 1000 subjects, independent", independent, "ns", "25 ns"));
    let dependent = timed(ROUND, |_| {
        let mut at = 0;
        for _ in 0..ROUND {
            let answer = replica.answer(&mut prepared, warm[at].into(), black_box(NOW))?;
            at = (at + 1 + usize::from(answer.reason.allows())) % WARM;
        }
        black_box(at);
        Ok(())
    })?;
    rows.push(row("warm: 1000 subjects, one after the other", dependent, "ns", ""));

    rows.extend(batches(&replica, &mut prepared, &ids, "")?);

    let moments: Vec<Time> = ids.iter().map(|_| Time::from_ms(NOW.as_ms() - rng.u64(..500 * 86_400_000))).collect();
    let mut prepared = question(&history, 11);
    let mut as_of = |from: usize| {
        let mut allowed = 0;
        for (id, then) in ids.iter().zip(&moments).skip(from).take(ROUND) {
            let answer = replica.answer_as_of(&mut prepared, (*id).into(), *then)?;
            allowed += usize::from(answer.reason.allows());
        }
        black_box(allowed);
        Ok(())
    };
    (0..QUESTIONS / ROUND).try_for_each(|round| as_of(round * ROUND))?;
    rows.push(row("as of a random time, random subjects, independent", timed(ROUND, as_of)?, "ns", "150 ns"));
    let then = moments[0];
    let of_set = |prepared: &mut Prepared, from: usize| -> Result<()> {
        for ids in ids[from..from + ROUND].chunks(BATCH) {
            black_box(replica.allowed_as_of(prepared, ids, black_box(then))?);
        }
        Ok(())
    };
    (0..QUESTIONS / ROUND).try_for_each(|round| of_set(&mut prepared, round * ROUND))?;
    let of_set = timed(ROUND, |from| of_set(&mut prepared, from))?;
    rows.push(row("as of one time, batches of 1000 random ids, for each id", of_set, "ns", "150 ns"));
    let warm_as_of = timed(ROUND, |_| {
        let mut allowed = 0;
        for (id, then) in warm.iter().zip(&moments).cycle().take(ROUND) {
            let answer = replica.answer_as_of(&mut prepared, (*black_box(id)).into(), *then)?;
            allowed += usize::from(answer.reason.allows());
        }
        black_box(allowed);
        Ok(())
    })?;
    rows.push(row("as of a random time, 1000 subjects, independent", warm_as_of, "ns", "150 ns"));
    let one = timed(ROUND / 2, |mut at| {
        for _ in 0..ROUND / 2 {
            let answer = replica.answer_as_of(&mut prepared, ids[at].into(), moments[at])?;
            at += 1 + usize::from(answer.reason.allows());
        }
        black_box(at);
        Ok(())
    })?;
    rows.push(row("as of a random time, random subjects, one after the other", one, "ns", ""));

    let few = ROUND / 100;
    let joined = timed(few, |from| {
        for device in &ids[from..from + few] {
            black_box(replica.answer_on(&prepared, AccountId::from_bytes([1; 32]), *device, NOW)?);
        }
        Ok(())
    })?;
    rows.push(row("an account on a device", joined, "ns", ""));

    rows.extend(changed(replica, population, &history, subjects, &ids)?);
    Ok(rows)
}

fn timed_by(mut run: impl FnMut() -> f64) -> Vec<f64> {
    (0..ROUNDS).map(|_| run()).collect()
}

fn batches(replica: &Mapped, prepared: &mut Prepared, ids: &[DeviceId], how: &str) -> Result<Vec<Row>> {
    // What is decided for the first time is no part of it.
    replica.allowed(prepared, ids, NOW)?;
    let random = timed(ROUND, |from| {
        for ids in ids[from..from + ROUND].chunks(BATCH) {
            black_box(replica.allowed(prepared, ids, black_box(NOW))?);
        }
        Ok(())
    })?;
    let warm = timed(ROUND, |_| {
        for _ in 0..ROUND / BATCH {
            black_box(replica.allowed(prepared, black_box(&ids[..BATCH]), black_box(NOW))?);
        }
        Ok(())
    })?;
    let millions = |times: &[f64]| times.iter().map(|ns| 1e3 / ns).collect::<Vec<f64>>();
    let per_second = millions(&random);
    let fastest = per_second.iter().copied().fold(0.0, f64::max);
    let mut per_second = row(format!("the same, M a second{how}"), per_second, "M", "15 M, through HTTP");
    per_second.fastest = fastest;
    Ok(vec![
        row(format!("batches of 1000 random ids, for each id{how}"), random, "ns", "50 ns"),
        per_second,
        row(format!("the same batch of 1000 ids again, for each id{how}"), warm, "ns", ""),
    ])
}

/// Some of whom nobody has heard.
fn asked_about(population: &Population, subjects: u64, rng: &mut Rng) -> DeviceId {
    let is_stranger = rng.u64(..100) < STRANGERS;
    population.somebody(if is_stranger { subjects + rng.u64(..subjects) } else { rng.u64(..subjects) }).device
}

/// Asks every question about some, now and as of then, and `decide` as well.
fn compare(
    replica: &Mapped,
    population: &Population,
    history: &PolicyHistory,
    subjects: u64,
    rng: &mut Rng,
) -> Result<()> {
    let targets: Vec<_> = history.newest().targets().collect();
    let mut prepared: Vec<Prepared> = (0..targets.len()).map(|number| question(history, number)).collect();
    for _ in 0..COMPARED / 2 {
        let somebody = population.somebody(rng.u64(..subjects));
        let (subject, events) = (Subject::Device(somebody.device), population.events(&somebody)?);
        let number = rng.usize(..targets.len());
        let then = Time::from_ms(NOW.as_ms() - rng.u64(..500 * 86_400_000));
        let expected = |events: &[Event], now| {
            let (record, question) = (Record::of(subject, events), Question::about(targets[number].clone()));
            Decision { events: Vec::new(), ..decide(history, &record, &question, &Context::at(now)) }
        };
        let answer = replica.answer(&mut prepared[number], subject, NOW)?;
        ensure!(prepared[number].decision(&answer) == Some(expected(&events, NOW)), "a wrong answer about now");
        let by_then: Vec<Event> = events.into_iter().filter(|event| event.at <= then).collect();
        let answer = replica.answer_as_of(&mut prepared[number], subject, then)?;
        ensure!(prepared[number].decision(&answer) == Some(expected(&by_then, then)), "a wrong answer about then");
    }
    Ok(())
}

/// Some change their mind, are answered about, and are merged into a snapshot.
fn changed(
    mut replica: Mapped,
    population: &Population,
    history: &PolicyHistory,
    subjects: u64,
    ids: &[DeviceId],
) -> Result<Vec<Row>> {
    let count = subjects / CHANGED_SHARE;
    let past = |number: u64| -> Result<Past> {
        // With what somebody else said.
        let other = population.past(&population.somebody(number + subjects))?;
        let mut past = Past::empty(population.somebody(number).device.into());
        for (from, record) in other.states() {
            past = past.then(*from, record.clone())?;
        }
        Ok(past)
    };
    let mut kept = Duration::ZERO;
    for number in 0..count {
        let past = past(number * CHANGED_SHARE)?;
        let start = Instant::now();
        replica.keep(&past)?;
        kept += start.elapsed();
    }
    let mut rows =
        vec![once("keeping what changed, for each subject", kept.as_secs_f64() * 1e9 / count as f64, "ns", "")];
    let mut prepared = question(history, 11);
    rows.extend(batches(&replica, &mut prepared, ids, ", a hundredth changed")?);
    let start = Instant::now();
    let merged = replica.merge(origin(history))?;
    rows.push(once("merging what changed into a new snapshot", start.elapsed().as_secs_f64(), "s", ""));
    rows.push(once("which is as long as", merged.len() as f64 / MIB, "MiB", ""));
    Ok(rows)
}

/// Bytes a subject where nobody says the same as anybody else.
fn alone(population: &Population, key: &PackKey, history: &PolicyHistory) -> Result<f64> {
    let mut builder = Builder::new(key, history);
    for number in 0..ALONE {
        builder.add(&population.alone(number)?)?;
    }
    Ok(builder.finish(origin(history))?.len() as f64 / ALONE as f64)
}
