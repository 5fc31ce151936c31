//! Builds the server and the demo site, starts them, learns where they listen, and leaves none behind.

use std::env::consts::EXE_SUFFIX;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::command;
use crate::progress::Stopwatch;
use crate::workspace::{SERVER, SERVER_BINARY, SITE_EXAMPLE, Workspace};

/// What a server prints once it can be asked, before its URL.
const READY: &str = "listening on ";
/// A server that says nothing for so long will not say anything.
const READY_SECONDS_MAX: u64 = 60;
/// For finishing the requests under way; after that it is killed.
const STOP_SECONDS_MAX: u64 = 5;

/// Which of cargo's builds to take.
#[derive(Clone, Copy)]
pub(crate) enum Build {
    /// For running.
    Release,
    /// Soon there.
    Dev,
    /// The one that `cargo test` made for its own use. To build the server alone would select other features, and so
    /// compile half of its dependencies once more.
    Tested,
}

/// The programs, built.
pub(crate) struct Programs {
    /// `consentry`.
    pub(crate) consentry: PathBuf,
    /// The example site.
    pub(crate) site: PathBuf,
}

/// Builds server and demo site, with the assets that are in `dist/assets/` by then.
pub(crate) fn build(workspace: &Workspace, build: Build) -> Result<Programs> {
    let programs = ["--package", SERVER, "--bin", SERVER_BINARY, "--example", SITE_EXAMPLE];
    let mut cargo = command::cargo();
    let folder = match build {
        Build::Release => {
            cargo.args(["build", "--release"]).args(programs);
            "release"
        }
        Build::Dev => {
            cargo.arg("build").args(programs);
            "debug"
        }
        Build::Tested => {
            cargo.args(["test", "--no-run", "--quiet"]).args(workspace.native());
            "debug"
        }
    };
    command::run(cargo.current_dir(&workspace.root))?;
    let folder = workspace.target.join(folder);
    Ok(Programs {
        consentry: folder.join(format!("{SERVER_BINARY}{EXE_SUFFIX}")),
        site: folder.join("examples").join(format!("{SITE_EXAMPLE}{EXE_SUFFIX}")),
    })
}

/// An address on this machine that is free now: the wanted port's if it can be had, so that a browser finds the same
/// origin again, and with it what it stored.
pub(crate) fn free_address(wanted: u16) -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", wanted)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)));
    let listener = listener.context("cannot listen on 127.0.0.1")?;
    Ok(listener.local_addr().context("cannot tell the free port")?.to_string())
}

/// A server that runs until this is dropped.
pub(crate) struct Running {
    name: &'static str,
    child: Child,
    /// Where it listens: `http://127.0.0.1:…`.
    pub(crate) url: String,
}

impl Running {
    /// Starts it and waits until it says where it listens.
    pub(crate) fn start(name: &'static str, command: &mut Command) -> Result<Running> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let child = child.with_context(|| format!("cannot start {name}"))?;
        // From here on dropping it ends it, whichever way we leave.
        let mut running = Running { name, child, url: String::new() };
        let stdout = running.child.stdout.take().with_context(|| format!("cannot read what {name} prints"))?;
        match lines(stdout).recv_timeout(Duration::from_secs(READY_SECONDS_MAX)) {
            Ok(url) => running.url = url,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                bail!("{name} did not print `{READY}…` within {READY_SECONDS_MAX} s")
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                let status = running.child.wait().with_context(|| format!("cannot wait for {name}"))?;
                bail!("{name} ended before it listened, with {status}");
            }
        }
        Ok(running)
    }

    /// An error if it has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait().with_context(|| format!("cannot wait for {}", self.name))? {
            Some(status) => bail!("{} ended by itself, with {status}", self.name),
            None => Ok(()),
        }
    }

    /// Polls, because the standard library waits for a child either not at all or for ever.
    fn wait(&mut self, at_most: Duration) -> Option<ExitStatus> {
        let stopwatch = Stopwatch::start();
        while stopwatch.elapsed() < at_most {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        ask_to_stop(&mut self.child);
        if self.wait(Duration::from_secs(STOP_SECONDS_MAX)).is_none() {
            eprintln!("xtask: {} did not stop when asked, and is killed", self.name);
            // Fails only where it has ended by now.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Hands over the URL when it is printed, and goes on reading: a full pipe would halt the server.
fn lines(stdout: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            match line.strip_prefix(READY) {
                // Whoever waited may have given up.
                Some(url) => drop(sender.send(url.trim().to_owned())),
                None => println!("{line}"),
            }
        }
    });
    receiver
}

#[cfg(unix)]
fn ask_to_stop(child: &mut Child) {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    // A child that has been waited for has no id any more: another program may have it.
    if let (Ok(None), Ok(id)) = (child.try_wait(), i32::try_from(child.id())) {
        // Fails only where it has ended by now.
        let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
    }
}

#[cfg(not(unix))]
fn ask_to_stop(child: &mut Child) {
    let _ = child.kill();
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<Running> {
        Running::start("the test's server", Command::new("sh").args(["-c", script]))
    }

    #[test]
    fn a_server_tells_where_it_listens_and_stops_when_dropped() {
        let mut running = shell("echo starting; echo listening on http://127.0.0.1:1; exec sleep 100").unwrap();
        assert_eq!(running.url, "http://127.0.0.1:1");
        running.check().unwrap();
        let id = running.child.id();
        drop(running);
        assert!(!command::answers(Command::new("sh").args(["-c", &format!("kill -0 {id}")])));
    }

    #[test]
    fn a_server_that_ends_early_is_an_error() {
        let error = shell("exit 3").map(drop).unwrap_err().to_string();
        assert!(error.contains("ended before it listened") && error.contains('3'), "{error}");
    }

    #[test]
    fn a_free_port_is_found_where_the_wanted_one_is_taken() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let wanted = taken.local_addr().unwrap();
        assert_ne!(free_address(wanted.port()).unwrap(), wanted.to_string());
    }

    #[test]
    fn the_wanted_port_is_had_where_it_is_free() {
        // Ports are the whole machine's: another program may take this one in between, though hardly ten times in a row.
        let is_had = |_| {
            let wanted = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
            free_address(wanted.port()).unwrap() == wanted.to_string()
        };
        assert!((0..10).any(is_had));
    }
}
