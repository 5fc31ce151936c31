//! From a site's files to what can be published: the [`Policy`], and its [`Notice`] in every language and regime.
//!
//! In go the texts of `policy.toml` and of one file per language; the caller reads them from wherever they
//! are. Out comes a [`Published`], or every error with file, line, column and what to do.

mod error;
mod file;
mod origin;
mod texts;

pub use error::{Note, SourceError};
pub use origin::{ORIGIN_BYTES_MAX, Origin, OriginError};

use crate::notice::Notice;
use crate::regime::Regime;
use crate::{Language, Policy};
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
    /// What is promised.
    pub policy: Policy,
    /// The origins of the pages that may send choices.
    pub origins: Vec<Origin>,
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
                "write the policy there; `policies/adforge` shows how",
            )]);
        };
        for file in files {
            if file.text.len() > FILE_BYTES_MAX {
                let message = format!("longer than {FILE_BYTES_MAX} bytes");
                return Err(alloc::vec![SourceError::whole_file(&file.name, &message, "shorten it")]);
            }
        }
        let mut report = Report::new(policy_file);
        let Some((head, parts)) = file::parse(policy_file, &mut report) else {
            return Err(report.errors);
        };
        let hash = crate::notice::policy_hash(&parts);
        let policy = match Policy::new(parts, hash) {
            Ok(policy) => policy,
            Err(faults) => {
                file::report_faults(policy_file, &faults, &mut report);
                return Err(report.errors);
            }
        };
        let mut notices = Vec::new();
        let mut errors = report.errors;
        for (language, span) in &head.languages {
            match texts::read(language, span, &policy, policy_file, files) {
                Ok(texts) => {
                    notices.extend(Regime::ALL.iter().map(|regime| Notice::compose(&policy, language, *regime, &texts)))
                }
                Err(found) => errors.extend(found),
            }
        }
        errors.extend(texts::unlisted(&head.languages, files));
        if errors.is_empty() { Ok(Self { policy, origins: head.origins, notices }) } else { Err(errors) }
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
