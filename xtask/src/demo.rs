//! Shows the whole house at work: assets, server, and a site that embeds it, until Ctrl-C. Needs Rust alone.

use std::fs;
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::server::{self, Build, Running};
use crate::workspace::Workspace;
use crate::{assets, command, progress};

/// Where the server is looked for first; nothing special but that it is rarely taken.
const SERVER_PORT: u16 = 4870;
/// Where the site is looked for first: with the same origin a browser keeps what was chosen.
const SITE_PORT: u16 = 4871;
/// How often we look whether a server has ended.
const LOOK_MS: u64 = 200;

/// Builds, starts, prints where to look, and waits.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    assets::build(workspace)?;
    let programs = progress::step("server and demo site, in release", || server::build(workspace, Build::Release))?;

    let data = workspace.target.join("demo");
    fs::create_dir_all(&data).with_context(|| format!("cannot create `{}`", data.display()))?;
    let database = format!("sqlite:{}", data.join("consentry.db").display());

    // Before the first server starts, so that no signal can end us and leave one behind.
    let (sender, interrupted) = mpsc::channel();
    let interrupt = move || _ = sender.send(());
    ctrlc::set_handler(interrupt).context("cannot watch for Ctrl-C")?;

    // The server answers only origins that it knows, so the site's comes first.
    let site_address = server::free_address(SITE_PORT)?;
    let mut serve = Command::new(&programs.consentry);
    serve.current_dir(&workspace.root).args(["serve", "--policies", "policies", "--database", &database]);
    serve.args(["--listen", &server::free_address(SERVER_PORT)?, "--origin", &format!("http://{site_address}")]);
    let mut consentry = Running::start("the server", &mut serve)?;

    let mut key = Command::new(&programs.consentry);
    key.current_dir(&workspace.root).args([
        "key",
        "new",
        "--database",
        &database,
        "--site",
        "adforge",
        "--name",
        "demo",
    ]);
    let key = command::output(&mut key)?.trim().to_owned();

    let mut site = Command::new(&programs.site);
    site.current_dir(&workspace.root).args(["--listen", &site_address, "--consentry", &consentry.url, "--key", &key]);
    let mut site = Running::start("the demo site", &mut site)?;

    print!("{}", where_to_look(&consentry.url, &site.url, &key));
    while let Err(RecvTimeoutError::Timeout) = interrupted.recv_timeout(Duration::from_millis(LOOK_MS)) {
        consentry.check()?;
        site.check()?;
    }
    eprintln!("\nxtask: stopping");
    Ok(())
}

fn where_to_look(consentry: &str, site: &str, key: &str) -> String {
    format!(
        "
Demo site:
  AdForge  {site}/

Ask before processing. Nobody has this subject, so the answer is a denial with its reason; the site shows its visitor's:
  curl -s {consentry}/v1/sites/adforge/decisions -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\
    -d '{{\"subject\":\"device:00000000-0000-4000-8000-000000000000\",\"purpose\":\"downstream-ai\",\"processor\":\"kling\"}}'

Ctrl-C ends it.
"
    )
}
