//! A server in a process of its own, on an empty database.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that listens on a port of its own, and how long it took until it said so.
pub struct Server {
    process: Child,
    pub port: u16,
    pub ready: Duration,
}

impl Server {
    /// Ours.
    pub fn consentry(program: &Path, root: &Path, database: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.arg("serve").arg("--policies").arg(root.join("policies/adforge"));
        command.arg("--database").arg(format!("sqlite:{}", database.display())).args(["--listen", "127.0.0.1:0"]);
        // All of the load comes from one address, with one key, about one site.
        for limit in ["ADDRESS", "KEY", "SITE"] {
            command.env(format!("CONSENTRY_{limit}_REQUESTS_PER_SECOND"), "0");
        }
        Self::start(command)
    }

    /// A bare handler, by this program.
    pub fn bare() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("bare");
        Self::start(command)
    }

    fn start(mut command: Command) -> Result<Self> {
        let begun = Instant::now();
        // One core serves, the other asks.
        let mut process = command
            .env("TOKIO_WORKER_THREADS", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        let mut line = String::new();
        let stdout = process.stdout.take().context("no stdout")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let ready = begun.elapsed();
        let Some(port) = line.trim().rsplit(':').next().and_then(|port| port.parse().ok()) else {
            bail!("it printed `{line}`");
        };
        Ok(Self { process, port, ready })
    }

    /// What it has used of the processor so far.
    pub fn cpu(&self) -> Result<Duration> {
        cpu(&self.process.id().to_string())
    }

    /// What it holds of memory, in MB.
    pub fn memory(&self) -> Result<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = text.lines().find(|line| line.starts_with("VmRSS:")).context("VmRSS")?;
        let kib: f64 = line.split_whitespace().nth(1).context("VmRSS")?.parse()?;
        Ok(kib / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// What a process has used of the processor so far, by its number, or `self`.
pub fn cpu(process: &str) -> Result<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after = text.rsplit(") ").next().context("stat")?;
    let fields: Vec<&str> = after.split(' ').collect();
    let ticks: u64 = fields.get(11..13).context("stat")?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    // Linux counts a hundred a second for whoever asks.
    Ok(Duration::from_millis(ticks * 10))
}
