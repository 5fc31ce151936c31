//! From a site's files to what can be published: the [`Policy`], and its [`Notice`] in every language and regime.
//!
//! In go the texts of `policy.toml` and of one file per language; the caller reads them from wherever they
//! are. Out comes a [`Published`], or every error with file, line, column and what to do.

mod error;
mod file;
mod locales;
mod origin;
mod page;
mod page_file;
mod schema;
mod texts;

pub use error::{Note, SourceError};
pub use origin::{ORIGIN_BYTES_MAX, Origin, OriginError};
pub use page::{
    GoogleSignal, HOST_BYTES_MAX, Host, HostError, Import, LISTED_MAX, Layout, OTHER_NAME_BYTES_MAX, OtherName,
    OtherNameError, OtherSystem, PATTERN_BYTES_MAX, Page, Pattern, PatternError, WordpressCategory,
};
pub use schema::policy_schema;

use crate::notice::Notice;
use crate::regime::Regime;
use crate::{Change, Language, Policy, PolicyHistory, Target, Time, Version};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use error::Report;

/// Longest policy or text file, in bytes.
pub const FILE_BYTES_MAX: usize = 256 * 1024;
/// Longest single text, in characters.
pub const TEXT_CHARS_MAX: usize = 2_000;
/// Name of the file with the policy's structure.
pub const POLICY_FILE: &str = "policy.toml";

/// Whether a file holds an earlier policy of the site: `policy.<anything>.toml`.
fn is_earlier(name: &str) -> bool {
    name.strip_prefix("policy.").is_some_and(|rest| rest.ends_with(".toml") && rest != "toml")
}

/// A file that somebody has read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name within the site's folder, e.g. `policy.toml` or `de.toml`.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// A site's policy with everything that is shown of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// What is promised: the newest policy.
    pub policy: Policy,
    /// That policy and those before it.
    pub history: PolicyHistory,
    /// The origins of the pages that may send choices.
    pub origins: Vec<Origin>,
    /// How those pages are wired.
    pub page: Page,
    /// The notices: for each regime, one in each language, the policy's first language first.
    pub notices: Vec<Notice>,
}

impl Published {
    /// Parses the files of one site.
    ///
    /// # Errors
    /// Everything that is wrong with them, as far as it can be seen at once.
    pub fn parse(files: &[SourceFile]) -> Result<Self, Vec<SourceError>> {
        let Some(policy_file) = files.iter().find(|f| f.name == POLICY_FILE) else {
            return Err(alloc::vec![SourceError::whole_file(
                POLICY_FILE,
                "the file is missing",
                "write the policy there; `policies/starter` shows how",
            )]);
        };
        for file in files {
            if file.text.len() > FILE_BYTES_MAX {
                let message = format!("longer than {FILE_BYTES_MAX} bytes");
                return Err(alloc::vec![SourceError::whole_file(&file.name, &message, "shorten it")]);
            }
        }
        let Dated { policy, head, page } = read_policy(policy_file)?;
        let mut notices = Vec::new();
        let mut errors = Vec::new();
        for (language, span) in &head.languages {
            match texts::read(language, span, &policy, policy_file, files) {
                Ok(texts) => {
                    notices.extend(Regime::ALL.iter().map(|regime| Notice::compose(&policy, language, *regime, &texts)))
                }
                Err(found) => errors.extend(found),
            }
        }
        errors.extend(texts::unlisted(&head.languages, files));
        let history = read_history(files);
        match history {
            Ok(history) if errors.is_empty() => Ok(Self { policy, history, origins: head.origins, page, notices }),
            Ok(_) => Err(errors),
            Err(found) => {
                errors.extend(found);
                Err(errors)
            }
        }
    }

    /// What has changed since `older`, words included: a text of a purpose or processor that differs in a language which both have.
    pub fn diff<'a>(&'a self, older: &'a Self) -> impl Iterator<Item = (Target, Change)> + 'a {
        crate::change::diff(&older.policy, &self.policy).map(|(target, change)| {
            let change = match change {
                Change::Unchanged if self.is_reworded(older, &target) => Change::Reworded,
                change => change,
            };
            (target, change)
        })
    }

    fn is_reworded(&self, older: &Self, target: &Target) -> bool {
        let keys = match &target.processor {
            None => alloc::vec![format!("purpose.{}.", target.purpose)],
            Some(processor) => {
                alloc::vec![format!("processor.{processor}."), format!("gets.{}/{processor}", target.purpose)]
            }
        };
        let texts = |notice: &Notice| {
            let of_target = |key: &str| keys.iter().any(|prefix| key.starts_with(prefix.as_str()));
            notice.texts.0.iter().filter(|(key, _)| of_target(key)).cloned().collect::<Vec<_>>()
        };
        self.notices.iter().any(|notice| {
            older.notice(&notice.language, notice.regime).is_some_and(|before| texts(before) != texts(notice))
        })
    }

    /// The notice in that language and regime.
    #[must_use]
    pub fn notice(&self, language: &Language, regime: Regime) -> Option<&Notice> {
        self.notices.iter().find(|n| n.language == *language && n.regime == regime)
    }

    /// The languages it is published in, the one to fall back to first.
    pub fn languages(&self) -> impl Iterator<Item = &Language> {
        self.notices.iter().filter(|n| n.regime == Regime::OptIn).map(|n| &n.language)
    }
}

/// A policy, and the file that it stands in.
struct Dated {
    policy: Policy,
    head: file::Head,
    page: Page,
}

fn read_policy(source: &SourceFile) -> Result<Dated, Vec<SourceError>> {
    let mut report = Report::new(source);
    let Some((head, parts)) = file::parse(source, &mut report) else {
        return Err(report.errors);
    };
    let hash = crate::notice::policy_hash(&parts);
    let policy = match Policy::new(parts, hash) {
        Ok(policy) => policy,
        Err(faults) => {
            file::report_faults(source, &faults, &mut report);
            return Err(report.errors);
        }
    };
    let page = match &head.page {
        None => Some(Page::default()),
        Some(table) => page_file::read_page(table, &policy, &head.origins, &mut report),
    };
    page.map(|page| Dated { policy, head, page }).ok_or(report.errors)
}

/// The policy and all earlier ones, in the order of the days from which they hold.
fn read_history(files: &[SourceFile]) -> Result<PolicyHistory, Vec<SourceError>> {
    let mut dated = Vec::new();
    let mut errors = Vec::new();
    for source in files.iter().filter(|f| f.name == POLICY_FILE || is_earlier(&f.name)) {
        match read_policy(source) {
            Ok(Dated { policy, head, .. }) => dated.push((source, head.dated_at.clone(), version(policy, &head))),
            Err(found) => errors.extend(found),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    dated.sort_by_key(|(source, _, version)| (version.effective, source.name == POLICY_FILE));
    let mut history: Option<PolicyHistory> = None;
    let last = dated.len().saturating_sub(1);
    for (n, (source, span, version)) in dated.into_iter().enumerate() {
        let mut report = Report::new(source);
        if n == last && source.name != POLICY_FILE {
            let help = "say in `policy.toml` from when it holds, later than this: `effective = 2026-11-01`";
            report.error(span, "an earlier policy would hold last", help);
            return Err(report.errors);
        }
        history = Some(match history {
            None => PolicyHistory::starting(version),
            Some(earlier) => match earlier.then(version) {
                Ok(history) => history,
                Err(error) => {
                    report.error(span, error, "correct `published` and `effective`");
                    return Err(report.errors);
                }
            },
        });
    }
    history.ok_or_else(Vec::new)
}

/// A policy without dates has held since the beginning of time.
fn version(policy: Policy, head: &file::Head) -> Version {
    let beginning = Time::from_ms(0);
    let effective = head.effective.or(head.published).unwrap_or(beginning);
    Version { policy, published: head.published.unwrap_or(effective), effective }
}
