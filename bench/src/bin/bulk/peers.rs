//! The others, and ours in Python: a program that filters the same lists when it is told to.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use consentry_core::{Target, Time};

/// One way in which it filters a list.
pub(crate) struct Way {
    pub(crate) name: String,
    pub(crate) case: String,
    pub(crate) what: String,
}

/// The program, once it has read its tables; or nobody.
pub(crate) struct Peers {
    running: Option<(Child, ChildStdin, BufReader<ChildStdout>)>,
    pub(crate) ways: Vec<Way>,
}

impl Way {
    /// Whether it is ours, in another language.
    pub(crate) fn is_ours(&self) -> bool {
        self.what.starts_with("Consentry")
    }
}

/// What the client in Python is asked, and of whom.
pub(crate) struct Asking {
    pub(crate) url: String,
    pub(crate) site: String,
    pub(crate) target: Target,
    pub(crate) now: Time,
}

impl Peers {
    /// Whoever works on ours alone.
    pub(crate) fn none() -> Self {
        Self { running: None, ways: Vec::new() }
    }

    /// Starts it, and waits until it has its tables.
    pub(crate) fn start(python: &OsStr, folder: &Path, threads: usize, asking: &Asking) -> Result<Self> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("bulk/peers.py");
        let mut command = Command::new(python);
        let Asking { url, site, target, now } = asking;
        command.arg(program).arg(folder).arg(threads.to_string()).args([url, site, target.purpose.as_str()]);
        command.arg(target.processor.as_ref().map_or("", |processor| processor.as_str()));
        command.arg(now.as_ms().to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let to = child.stdin.take().context("its input")?;
        let mut from = BufReader::new(child.stdout.take().context("its output")?);
        let mut ways = Vec::new();
        loop {
            let mut line = String::new();
            ensure!(from.read_line(&mut line)? > 0, "the other program ended before it had its tables");
            match line.trim_end().split('\t').collect::<Vec<_>>()[..] {
                [name, case, what] => ways.push(Way { name: name.into(), case: case.into(), what: what.into() }),
                _ => return Ok(Self { running: Some((child, to, from)), ways }),
            }
        }
    }

    /// Runs one of the ways, for seconds: by the clock, and of all processors together.
    pub(crate) fn run(&mut self, way: usize) -> Result<(f64, f64)> {
        self.tell("run", way)
    }

    /// Runs one, and has what came out written to `out`: `b` and a byte for each, or `i` and the ids that are left, the highest byte first.
    pub(crate) fn check(&mut self, way: usize) -> Result<()> {
        self.tell("check", way).map(|_| ())
    }

    fn tell(&mut self, what: &str, way: usize) -> Result<(f64, f64)> {
        let (_, to, from) = self.running.as_mut().context("nobody to ask")?;
        writeln!(to, "{what} {}", self.ways[way].name)?;
        to.flush()?;
        let mut line = String::new();
        from.read_line(&mut line)?;
        let times =
            line.trim().split_once(' ').and_then(|(took, worked)| Some((took.parse().ok()?, worked.parse().ok()?)));
        times.with_context(|| format!("{} failed", self.ways[way].what))
    }

    /// Ends it.
    pub(crate) fn end(self) -> Result<()> {
        let Some((mut child, to, _)) = self.running else { return Ok(()) };
        drop(to);
        ensure!(child.wait()?.success(), "the other program failed");
        Ok(())
    }
}
