//! Runs other programs, and names the one that failed.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

/// What `cargo run` tells a program about itself. A build script that watches one of these would see a change, and
/// cargo would build again what is up to date.
const OWN_PREFIXES: [&str; 5] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs to the end, with its output where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", line(command)))?;
    succeeded(command, status)
}

/// Runs to the end and hands back what it printed. Its errors go where ours go.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {}", line(command)))?;
    succeeded(command, output.status)?;
    String::from_utf8(output.stdout).with_context(|| format!("{} does not print UTF-8", line(command)))
}

/// Runs to the end, shows what it prints as it comes, and hands that back whether or not it failed.
pub(crate) fn tee(command: &mut Command) -> Result<(ExitStatus, String)> {
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run {}", line(command)))?;
    let mut printed = String::new();
    if let Some(stdout) = child.stdout.take() {
        for text in BufReader::new(stdout).split(b'\n') {
            let text = text.with_context(|| format!("cannot read from {}", line(command)))?;
            let text = String::from_utf8_lossy(&text);
            printed.push_str(&text);
            printed.push('\n');
            // A reader that has left (`| head`) must not end the tests.
            let _ = writeln!(std::io::stdout(), "{text}");
        }
    }
    Ok((child.wait().with_context(|| format!("cannot wait for {}", line(command)))?, printed))
}

/// Whether the program is there and answers well. Says nothing.
pub(crate) fn answers(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// An error that names the command, unless it succeeded.
pub(crate) fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("{} ended with {status}", line(command));
    }
    Ok(())
}

/// As one would type it.
fn line(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or_else(|| command.get_program());
    let words: Vec<_> = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    format!("`{}`", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_its_command() {
        let error = run(cargo().args(["no-such-chore"]).stderr(Stdio::null())).unwrap_err();
        assert!(error.to_string().starts_with("`cargo no-such-chore` ended with "), "{error}");
    }

    #[test]
    fn tee_hands_back_what_was_printed() {
        let (status, printed) = tee(cargo().args(["--version"])).unwrap();
        assert!(status.success() && printed.starts_with("cargo "), "{printed}");
    }
}
