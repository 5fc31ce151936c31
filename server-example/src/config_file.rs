//! The operator's file, in TOML. What is wrong with it is said with line and column, and with what could be written instead.

use crate::config::{EXAMPLES, Keys};
use std::io;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// Longest file, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// What a file says, and where.
#[derive(Debug, Default)]
pub(crate) struct ConfigFile {
    pub(crate) keys: Keys,
    path: PathBuf,
    text: String,
}

/// Why a file says nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigFileError {
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("`{0}` is longer than {FILE_BYTES_MAX} bytes: it is some other file")]
    TooLong(PathBuf),
    #[error("{path}:{line}:{column}: {message}; {help}")]
    Wrong { path: String, line: usize, column: usize, message: String, help: String },
}

impl ConfigFile {
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigFileError> {
        let cannot_read = |source| ConfigFileError::Read { path: path.into(), source };
        if std::fs::metadata(path).map_err(cannot_read)?.len() > FILE_BYTES_MAX {
            return Err(ConfigFileError::TooLong(path.into()));
        }
        Self::parse(path, &std::fs::read_to_string(path).map_err(cannot_read)?)
    }

    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, ConfigFileError> {
        match toml::from_str(text) {
            Ok(keys) => Ok(Self { keys, path: path.into(), text: text.into() }),
            Err(error) => {
                let start = error.span().map_or(0, |span| span.start);
                let (line, column) = position(text, start);
                let message = error.message().lines().collect::<Vec<_>>().join(", ");
                let help = help(text, start);
                Err(ConfigFileError::Wrong { path: path.display().to_string(), line, column, message, help })
            }
        }
    }

    /// Where the file says something of that key, as the beginning of a message; empty if it does not.
    pub(crate) fn place(&self, key: &str) -> String {
        let table = DeTable::parse(&self.text).ok();
        let start = table.and_then(|table| table.get_ref().get_key_value(key).map(|(key, _)| key.span().start));
        start.map_or_else(String::new, |start| {
            let (line, column) = position(&self.text, start);
            format!("{}:{line}:{column}: ", self.path.display())
        })
    }
}

/// What could be written in the line with that byte.
fn help(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or_default();
    let line =
        text.get(before.rfind('\n').map_or(0, |i| i + 1)..).unwrap_or_default().lines().next().unwrap_or_default();
    let key = line.split('=').next().unwrap_or_default().trim();
    match EXAMPLES.iter().find(|(known, _)| *known == key) {
        Some((_, example)) => format!("write for instance `{example}`"),
        None => "docs/operating.md has every key with an example".into(),
    }
}

/// Line and column, both from 1, of a byte; the column in characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let error = ConfigFile::parse(Path::new("etc/consentry.toml"), text).unwrap_err().to_string();
        let shown = if expected.ends_with('…') { &error[..expected.len() - '…'.len_utf8()] } else { &error };
        assert_eq!(shown, expected.trim_end_matches('…'));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place_and_what_to_write() {
        check(
            "\nlisten = \"8080\"",
            "etc/consentry.toml:2:10: `8080`: invalid socket address syntax; write for instance `listen = \"127.0.0.1:8080\"`",
        );
        check(
            "log = \"json\"\nkey_requests_per_second = \"many\"",
            "etc/consentry.toml:2:27: invalid type: string \"many\", expected u32; write for instance `key_requests_per_second = 2000`",
        );
        check("origins = [\"https://shop.example\", \"shop.example\"]", "etc/consentry.toml:1:11: `shop.example`: …");
        check(
            "jurisdiction_from = \"akamai\"",
            "etc/consentry.toml:1:21: `akamai`: expected `cloudflare` or `cloudfront`; of any other, …",
        );
        check(
            "databse = \"sqlite:x\"",
            "etc/consentry.toml:1:1: unknown field `databse`, expected one of `policies`, `database`, …",
        );
        check(
            "requests_in_flight_max = 0",
            "etc/consentry.toml:1:26: invalid value: integer `0`, expected a nonzero u32; …",
        );
        check("listen = ", "etc/consentry.toml:1:10: …");
        check(
            "log = \"text\"\nlog = \"json\"",
            "etc/consentry.toml:2:1: duplicate key; write for instance `log = \"json\"`",
        );
    }

    #[test]
    fn the_examples_are_all_the_keys_and_can_be_written() {
        for (key, example) in EXAMPLES {
            assert!(example.starts_with(&format!("{key} = ")), "{example}");
            ConfigFile::parse(Path::new("consentry.toml"), example).unwrap();
        }
        let unknown = ConfigFile::parse(Path::new("consentry.toml"), "nothing = 1").unwrap_err().to_string();
        let (_, listed) = unknown.split_once("expected one of ").unwrap();
        let listed: Vec<&str> =
            listed.split(';').next().unwrap().split(", ").map(|key| key.trim_matches('`')).collect();
        assert_eq!(listed, EXAMPLES.iter().map(|(key, _)| *key).collect::<Vec<_>>());
    }

    #[test]
    fn the_example_of_the_documentation_has_every_key_and_can_be_read() {
        let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operating.md")).unwrap();
        let example = docs.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
        Keys::default().setup(ConfigFile::parse(Path::new("consentry.toml"), example).unwrap()).unwrap();
        for (key, _) in EXAMPLES {
            // One that would contradict another stands there as a comment.
            let line = example.lines().find_map(|line| {
                let line = line.trim_start_matches("# ");
                line.starts_with(&format!("{key} = ")).then_some(line)
            });
            let line = line.unwrap_or_else(|| panic!("`{key}` is not in the example"));
            ConfigFile::parse(Path::new("consentry.toml"), line).unwrap();
            assert!(docs.contains(&format!("| `{key}` |")), "`{key}` is not in the table");
        }
    }
}
