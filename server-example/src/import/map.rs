//! What the columns of another system's rows mean, as somebody wrote it down in TOML. docs/data.md has the form, and examples.

use consentry_core::source::Published;
use consentry_core::{Language, Regime, Stance, Target};
use serde::Deserialize;

/// Longest name of a system, in bytes.
const SYSTEM_BYTES_MAX: usize = 64;

/// The meaning of a row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Map {
    /// Which system it was. It is part of what ids are derived from, so that it must not change between two runs.
    pub(crate) system: String,
    /// The language of the notice that the rows are taken to answer; the policy's first if nothing is said.
    #[serde(default)]
    pub(crate) language: Option<Language>,
    /// What stands between the fields of CSV; a comma if nothing is said.
    #[serde(default)]
    pub(crate) delimiter: Option<char>,
    pub(crate) subject: SubjectColumn,
    pub(crate) time: TimeColumn,
    pub(crate) stance: Vec<StanceColumn>,
}

/// Whose choice it was.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubjectColumn {
    pub(crate) column: String,
    pub(crate) is: SubjectForm,
}

/// What stands in the subject's column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SubjectForm {
    /// The UUID of one of our devices.
    Device,
    /// The hash of an account's id, as it is kept: 64 hexadecimal digits.
    Account,
    /// An account's id, or whatever the other system called a person. It is hashed under the server's key, and not kept.
    AccountId,
}

/// When it was.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimeColumn {
    pub(crate) column: String,
    /// `rfc3339`, `ms`, `seconds`, or a pattern such as `%d/%m/%Y %H:%M:%S`, at Greenwich.
    #[serde(default = "rfc3339")]
    pub(crate) is: String,
}

fn rfc3339() -> String {
    "rfc3339".into()
}

/// What was said of one target.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StanceColumn {
    #[serde(deserialize_with = "target")]
    pub(crate) target: Target,
    pub(crate) column: String,
    /// Which item of the column, where that holds a list or an object.
    #[serde(default)]
    pub(crate) item: Option<String>,
    /// Only in rows in which another column says this.
    #[serde(default)]
    pub(crate) when: Option<When>,
    pub(crate) grant: Vec<String>,
    pub(crate) refuse: Vec<String>,
}

/// Another column, and what it must say.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct When {
    pub(crate) column: String,
    pub(crate) is: String,
}

fn target<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Target, D::Error> {
    Target::deserialize(deserializer)
}

/// Why a map cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MapError {
    /// Not TOML of this form.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    /// No name.
    #[error("`system` needs 1 to {SYSTEM_BYTES_MAX} characters of `a` to `z`, `0` to `9` and `-`")]
    System,
    /// Not one byte.
    #[error("`delimiter` is one character of ASCII")]
    Delimiter,
    /// No such text.
    #[error("the policy has no texts in `{0}`")]
    Language(Language),
    /// Nothing that a choice can be about.
    #[error(
        "the policy has no switch for `{0}`: name a purpose, or a purpose and its processor, that people can choose about"
    )]
    Target(Target),
    /// A word means both.
    #[error("`{word}` means both yes and no for `{target}`")]
    Both { word: String, target: Target },
    /// Nothing to import.
    #[error("at least one `[[stance]]` is needed")]
    Nothing,
}

impl Map {
    /// Reads a map, and looks whether it fits the policy.
    ///
    /// # Errors
    /// [`MapError`].
    pub(crate) fn parse(text: &str, published: &Published) -> Result<Self, MapError> {
        let map: Self = toml::from_str(text)?;
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if map.system.is_empty() || map.system.len() > SYSTEM_BYTES_MAX || !map.system.chars().all(is_name) {
            return Err(MapError::System);
        }
        if map.delimiter.is_some_and(|delimiter| !delimiter.is_ascii()) {
            return Err(MapError::Delimiter);
        }
        if let Some(language) = &map.language
            && published.notice(language, Regime::OptIn).is_none()
        {
            return Err(MapError::Language(language.clone()));
        }
        if map.stance.is_empty() {
            return Err(MapError::Nothing);
        }
        for StanceColumn { target, grant, refuse, .. } in &map.stance {
            if !published.policy.choosable().any(|choosable| choosable == *target) {
                return Err(MapError::Target(target.clone()));
            }
            if let Some(word) = grant.iter().find(|word| refuse.contains(word)) {
                return Err(MapError::Both { word: word.clone(), target: target.clone() });
            }
        }
        Ok(map)
    }

    /// Every column that a row must have.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        let of_stances = self.stance.iter().flat_map(|stance| {
            let when = stance.when.as_ref().map(|when| when.column.as_str());
            core::iter::once(stance.column.as_str()).chain(when)
        });
        [self.subject.column.as_str(), self.time.column.as_str()].into_iter().chain(of_stances)
    }
}

impl StanceColumn {
    /// What a word means; nothing for one that was not mapped.
    pub(crate) fn stance(&self, word: &str) -> Option<Stance> {
        let is_among = |words: &[String]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
        match (is_among(&self.grant), is_among(&self.refuse)) {
            (true, _) => Some(Stance::Grant),
            (false, true) => Some(Stance::Refuse),
            (false, false) => None,
        }
    }
}
