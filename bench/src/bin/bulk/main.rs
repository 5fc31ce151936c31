//! What it takes to filter a list of ten million ids by one question, in Rust and in Python, beside Polars and DuckDB with the answers in a
//! table.
//!
//! All have the same ids and the same facts in memory beforehand, and as many threads as there are cores. Ours is a replica of ten million
//! subjects; what was decided of their states is remembered, which the first row shows without. Theirs is a table of ids with the answer
//! to this one question at this one moment. Before anything is timed, what each of them says of each id is compared; one that differs
//! ends the run with an error. In each round everybody has a turn.
//!
//! In Python ours is the client as it is installed: it has fetched the replica from this program, and goes through one column of UUIDs, the same
//! that the others are given.
//!
//! Not measured: reading ids from a file or a network, and making the others' table.

#![allow(clippy::disallowed_methods, reason = "the clock is what is read here; the rule is for what decides by it")]

mod lists;
mod peers;
mod served;

use std::fs;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use axum::body::Bytes;
use consentry_bench::policy;
use consentry_bench::population::{NOW, Population};
use consentry_client::bulk::{Asked, Filter, IdMap, Options};
use consentry_core::packed::{
    Behind, Builder, Follower, Origin, PACK_KEY_BYTES, PackKey, Prepared, When, before_snapshot,
};
use consentry_core::{Context, DeviceId, PolicyHistory, Question, Time};
use cpu_time::ProcessTime;
use fastrand::Rng;
use memmap2::Mmap;

use crate::lists::Lists;
use crate::peers::{Asking, Peers};

/// How many subjects there are, and ids, unless the environment says otherwise.
const SUBJECTS: u64 = 10_000_000;
const ROUNDS: usize = 7;
/// The question: the twelfth of those that the policy has, as in the benchmark of the replica.
const TARGET: usize = 11;

/// The secret under which the replica is made.
const SECRET: [u8; PACK_KEY_BYTES] = [9; PACK_KEY_BYTES];

type Mapped = Follower<Behind<Bytes>>;

fn main() -> Result<()> {
    let subjects = std::env::var("CONSENTRY_SUBJECTS").ok().map_or(Ok(SUBJECTS), |n| n.parse())?;
    let folder = std::env::temp_dir().join(format!("consentry-bulk-{}", std::process::id()));
    fs::create_dir(&folder)?;
    let result = measure(&folder, subjects);
    fs::remove_dir_all(&folder)?;
    result
}

/// What is timed.
type Run<'a> = Box<dyn FnMut() -> Result<()> + 'a>;

/// One way in which a list is filtered, and how long that took, in ns for each id.
struct Row {
    case: &'static str,
    what: String,
    is_ours: bool,
    times: Vec<f64>,
    /// The same of all processors together.
    work: Vec<f64>,
}

impl Row {
    fn median(&self) -> f64 {
        median(&self.times)
    }

    fn worked(&self) -> f64 {
        median(&self.work)
    }

    fn fastest(&self) -> f64 {
        self.times.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Each kind of list, what it is called, and how many times as quick as the quicker of the two it should be.
const CASES: [(&str, &str, &str); 7] = [
    ("counted", "sorted numbers, counted up", "10 ×"),
    ("counted-row", "the same, beside a column that is looked up by row", ""),
    ("scattered", "sorted numbers, scattered over 63 bits", "10 ×"),
    ("uuids", "sorted UUIDs", ""),
    ("random", "random UUIDs", "3 ×"),
    ("random-column", "random UUIDs, one column in Python", "2 ×"),
    ("uuids-column", "sorted UUIDs, one column in Python", "2 ×"),
];

fn measure(folder: &Path, subjects: u64) -> Result<()> {
    let mut rng = Rng::with_seed(7);
    let history = policy()?;
    let population = Population::new(history.clone());
    let file = replica(folder, &population, &history, subjects)?;
    let replica: Mapped = Follower::open(file.clone())?;
    replica.replica().packed().verify()?;
    let lists = Lists::new(&population, subjects, &mut rng);
    let ids = lists.random.len();

    let target = history.newest().targets().nth(TARGET).context("a target")?;
    let question = Prepared::new(Arc::new(history.clone()), Question::about(target.clone()), Context::at(NOW));
    let options = Options::all_cores(When::Now(NOW));
    let threads = options.threads.get();

    let start = Instant::now();
    let mut filter = Filter::new(&question, &options);
    let first = filter.filter(&replica, &lists.random)?;
    let first_took = start.elapsed().as_secs_f64();

    // One after the other, as whoever makes a table would: what everything else is compared with.
    let mut one = question.clone();
    let allowed: Vec<bool> = lists
        .known
        .iter()
        .map(|id| Ok(replica.replica().answer(&mut one, (*id).into(), NOW)?.reason.allows()))
        .collect::<Result<_>>()?;
    let expected = Expected::new(&lists, &allowed);
    expected.check("our list of random UUIDs", "random", &first.bits)?;
    ensure!(first.counts.total() == ids as u64 && first.counts.allowed() == expected.count, "counts that differ");

    let start = Instant::now();
    let of = |ids: &[u64]| IdMap::new(&replica, ids.iter().copied().zip(lists.known.iter().map(|id| (*id).into())));
    let counted = of(&lists.counted_known)?;
    let map_took = start.elapsed().as_secs_f64();
    let scattered = of(&lists.scattered_known)?;
    let uuids = IdMap::new(&replica, lists.known.iter().map(|id| (*id, (*id).into())))?;
    let counted_asked = counted.ask(&replica, &mut filter)?;
    let scattered_asked = scattered.ask(&replica, &mut filter)?;
    let uuids_asked = uuids.ask(&replica, &mut filter)?;
    expected.check("our counted numbers", "counted", &counted_asked.allowed(&lists.counted, &filter))?;
    expected.check("our scattered numbers", "scattered", &scattered_asked.allowed(&lists.scattered, &filter))?;
    expected.check("our sorted UUIDs", "uuids", &uuids_asked.allowed(&lists.sorted, &filter))?;
    expected.check("our sorted UUIDs without a map", "uuids", &filter.filter(&replica, &lists.sorted)?.bits)?;

    lists.write(folder, &allowed)?;
    let mut peers = match std::env::var_os("CONSENTRY_PYTHON") {
        Some(python) => {
            let url = served::serve(file, &history)?;
            let asked = Asking { url, site: history.newest().parts().site.to_string(), target, now: NOW };
            Peers::start(&python, folder, threads, &asked)?
        }
        None => Peers::none(),
    };
    for way in 0..peers.ways.len() {
        peers.check(way)?;
        let case = peers.ways[way].case.trim_end_matches("-row").trim_end_matches("-column").to_owned();
        expected.check_out(&peers.ways[way].what, &case, &fs::read(folder.join("out"))?)?;
    }

    let mut rows = Vec::new();
    let mut filter_single = Filter::new(&question, &Options { threads: std::num::NonZeroUsize::MIN, ..options });
    let then = When::AsOf(Time::from_ms(NOW.as_ms() - 100 * 86_400_000));
    let mut filter_then = Filter::new(&question, &Options { when: then, ..options });
    filter_single.filter(&replica, &lists.random)?;
    filter_then.filter(&replica, &lists.random)?;
    let numbers = |asked: &Asked<'_, u64>, ids: &[u64]| {
        black_box(asked.allowed(black_box(ids), &filter));
        Ok(())
    };
    let mut filter_all = filter.clone();
    let mut ours: Vec<(&'static str, &'static str, Run<'_>)> = vec![
        ("counted", "all of a map asked", {
            let (counted_asked, lists) = (&counted_asked, &lists);
            Box::new(move || numbers(counted_asked, &lists.counted))
        }),
        ("counted-row", "all of a map asked", {
            let (counted_asked, lists) = (&counted_asked, &lists);
            Box::new(move || numbers(counted_asked, &lists.counted))
        }),
        ("scattered", "all of a map asked", {
            let (scattered_asked, lists) = (&scattered_asked, &lists);
            Box::new(move || numbers(scattered_asked, &lists.scattered))
        }),
        ("uuids", "all of a map asked", {
            let (uuids_asked, lists, filter) = (&uuids_asked, &lists, &filter);
            Box::new(move || {
                black_box(uuids_asked.allowed(black_box(&lists.sorted), filter));
                Ok(())
            })
        }),
        ("random", "with counts by reason", filtering(&replica, &mut filter_all, &lists.random)),
        (
            "random",
            "with counts by reason, as of 100 days before",
            filtering(&replica, &mut filter_then, &lists.random),
        ),
        ("random", "with counts by reason, one thread", filtering(&replica, &mut filter_single, &lists.random)),
    ];
    for (case, what, _) in &ours {
        rows.push(Row { case, what: format!("Consentry, {what}"), is_ours: true, times: Vec::new(), work: Vec::new() });
    }
    for way in &peers.ways {
        let case = CASES.iter().find(|(name, ..)| *name == way.case).context("a kind of list")?.0;
        rows.push(Row { case, what: way.what.clone(), is_ours: way.is_ours(), times: Vec::new(), work: Vec::new() });
    }
    let (mut asking, mut asking_filter) = (Vec::new(), filter.clone());
    for _ in 0..ROUNDS {
        let count = ours.len();
        for ((.., run), row) in ours.iter_mut().zip(&mut rows) {
            let (start, start_of_work) = (Instant::now(), ProcessTime::now());
            run()?;
            row.times.push(start.elapsed().as_secs_f64() * 1e9 / ids as f64);
            row.work.push(start_of_work.elapsed().as_secs_f64() * 1e9 / ids as f64);
        }
        for (way, row) in rows.iter_mut().skip(count).enumerate() {
            let (took, worked) = peers.run(way)?;
            row.times.push(took * 1e9 / ids as f64);
            row.work.push(worked * 1e9 / ids as f64);
        }
        let start = Instant::now();
        black_box(counted.ask(&replica, &mut asking_filter)?);
        asking.push(start.elapsed().as_secs_f64() * 1e3);
    }
    peers.end()?;
    asking.sort_by(f64::total_cmp);

    println!(
        "{ids} ids, {subjects} subjects known, {} allowed; all say the same of each id. {threads} threads for each, {ROUNDS} rounds. The first list \
         that a question is asked about: {first_took:.2} s. Making a map of ids: {map_took:.1} s. Asking about all of a map: {:.0} ms.\n",
        expected.count,
        asking[ROUNDS / 2],
    );
    print_table(&rows);
    Ok(())
}

fn filtering<'a>(replica: &'a Mapped, filter: &'a mut Filter, ids: &'a [DeviceId]) -> Run<'a> {
    Box::new(move || {
        black_box(filter.filter(replica, black_box(ids))?);
        Ok(())
    })
}

fn print_table(rows: &[Row]) {
    println!(
        "| list, and who filters it | ns an id, median | fastest | ns of all processors | × the quicker of the two, median | fastest | of all \
         processors | wanted |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
    for (case, title, wanted) in CASES {
        println!("| **{title}** | | | | | | | |");
        let quickest = |of: fn(&Row) -> f64| {
            rows.iter().filter(|row| row.case == case && !row.is_ours).map(of).fold(f64::INFINITY, f64::min)
        };
        for (number, row) in rows.iter().filter(|row| row.case == case).enumerate() {
            print!("| {} | {:.2} | {:.2} | {:.2} |", row.what, row.median(), row.fastest(), row.worked());
            if row.is_ours {
                for of in [Row::median, Row::fastest, Row::worked] {
                    print!(" {:.1} × |", quickest(of) / of(row));
                }
                println!(" {} |", if number == 0 { wanted } else { "" });
            } else {
                println!(" | | | |");
            }
        }
    }
}

/// What is to come out.
struct Expected<'a> {
    lists: &'a Lists,
    /// The allowed among those who are known, ascending.
    uuids: Vec<DeviceId>,
    counted: Vec<u64>,
    scattered: Vec<u64>,
    count: u64,
}

impl<'a> Expected<'a> {
    fn new(lists: &'a Lists, allowed: &[bool]) -> Self {
        fn those<T: Copy>(ids: &[T], allowed: &[bool]) -> Vec<T> {
            ids.iter().zip(allowed).filter(|(_, is)| **is).map(|(id, _)| *id).collect()
        }
        let uuids = those(&lists.known, allowed);
        let count = lists.sorted.iter().filter(|id| uuids.binary_search(id).is_ok()).count() as u64;
        let (counted, scattered) = (those(&lists.counted_known, allowed), those(&lists.scattered_known, allowed));
        Self { lists, uuids, counted, scattered, count }
    }

    /// Whether each of a list is allowed.
    fn of(&self, case: &str) -> Vec<bool> {
        match case {
            "random" => self.lists.random.iter().map(|id| self.uuids.binary_search(id).is_ok()).collect(),
            "uuids" => self.lists.sorted.iter().map(|id| self.uuids.binary_search(id).is_ok()).collect(),
            "counted" => self.lists.counted.iter().map(|id| self.counted.binary_search(id).is_ok()).collect(),
            _ => self.lists.scattered.iter().map(|id| self.scattered.binary_search(id).is_ok()).collect(),
        }
    }

    fn check(&self, what: &str, case: &str, bits: &[u8]) -> Result<()> {
        let expected = self.of(case);
        let is_set = |place: usize| bits[place / 8] >> (place % 8) & 1 == 1;
        let differ = expected.iter().enumerate().filter(|(place, is)| is_set(*place) != **is).count();
        ensure!(bits.len() == expected.len().div_ceil(8) && differ == 0, "{what}: {differ} answers differ");
        Ok(())
    }

    /// What another wrote: a byte for each, or the ids that are left, in any order.
    fn check_out(&self, what: &str, case: &str, out: &[u8]) -> Result<()> {
        let expected = self.of(case);
        let (form, out) = out.split_first().context("something")?;
        if *form == b'b' {
            let same = out.len() == expected.len() && out.iter().zip(&expected).all(|(out, is)| (*out == 1) == *is);
            ensure!(same, "{what}: answers differ");
            return Ok(());
        }
        fn left<const N: usize, T: Copy>(ids: &[T], allowed: &[bool], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
            let mut left: Vec<[u8; N]> =
                ids.iter().zip(allowed).filter(|(_, is)| **is).map(|(id, _)| bytes(*id)).collect();
            left.sort_unstable();
            left.concat()
        }
        let same = match case {
            "random" | "uuids" => {
                let mut out = out.as_chunks::<16>().0.to_vec();
                out.sort_unstable();
                let list = if case == "random" { &self.lists.random } else { &self.lists.sorted };
                out.concat() == left(list, &expected, |id: DeviceId| *id.as_bytes())
            }
            _ => {
                let mut out = out.as_chunks::<8>().0.to_vec();
                out.sort_unstable();
                let list = if case == "counted" { &self.lists.counted } else { &self.lists.scattered };
                out.concat() == left(list, &expected, u64::to_be_bytes)
            }
        };
        ensure!(same, "{what}: the ids that are left differ");
        Ok(())
    }
}

/// The file of a replica, as a server sends it.
fn replica(folder: &Path, population: &Population, history: &PolicyHistory, subjects: u64) -> Result<Bytes> {
    let mut builder = Builder::new(&PackKey::new(&SECRET), history);
    population.build(&mut builder, subjects)?;
    let origin = Origin { site: history.newest().parts().site.clone(), entries: 1, root: [0; 32], made: NOW };
    let path = folder.join("replica.pack");
    let mut file = fs::File::create_new(&path)?;
    file.write_all(&before_snapshot(&SECRET, history, &[], &[])?)?;
    file.write_all(&builder.finish(origin)?)?;
    let file = fs::File::open(&path)?;
    // SAFETY: the file is this program's own, and nobody changes it.
    let map = unsafe { Mmap::map(&file)? };
    Ok(Bytes::from_owner(map))
}
