//! How a site's pages are wired to its policy: what waits for which target, and what other systems call it.
//!
//! No promise is made here, so nothing of it is part of a policy's hash, and nobody is asked again because of it. What it
//! looks like in a file, and what can be wrong with it there, is for `page_file`.

use crate::Target;
use crate::word::words;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// Longest host, in bytes (RFC 1035 section 2.3.4).
pub const HOST_BYTES_MAX: usize = 253;
/// Longest pattern of a cookie's or a storage key's name, in bytes.
pub const PATTERN_BYTES_MAX: usize = 128;
/// Longest name that another system calls a target by, in bytes.
pub const OTHER_NAME_BYTES_MAX: usize = 64;
/// Most hosts, patterns or names in one of the page's tables.
pub const LISTED_MAX: usize = 256;

words! {
    /// Where the banner stands.
    pub enum Layout {
        /// Along the bottom of the window.
        Bar = "bar",
        /// A box at the bottom, beside the text.
        Box = "box",
        /// A small box in a corner.
        Corner = "corner",
        /// Where the page has put it.
        Inline = "inline",
    }
}

words! {
    /// What Google's tags ask consent for (Google Consent Mode, version 2).
    pub enum GoogleSignal {
        /// Storage for advertising.
        AdStorage = "ad_storage",
        /// Sending data about somebody to Google for advertising.
        AdUserData = "ad_user_data",
        /// Advertising by what is known of somebody.
        AdPersonalization = "ad_personalization",
        /// Storage for statistics.
        AnalyticsStorage = "analytics_storage",
        /// Storage that the site works with.
        FunctionalityStorage = "functionality_storage",
        /// Storage for personalisation.
        PersonalizationStorage = "personalization_storage",
        /// Storage for security.
        SecurityStorage = "security_storage",
    }
}

words! {
    /// The categories of the WordPress Consent API.
    pub enum WordpressCategory {
        /// What the site cannot do without.
        Functional = "functional",
        /// Remembering how somebody likes the page.
        Preferences = "preferences",
        /// Counting and measuring.
        Statistics = "statistics",
        /// The same, of nobody in particular.
        StatisticsAnonymous = "statistics-anonymous",
        /// Advertising.
        Marketing = "marketing",
    }
}

words! {
    /// Other systems whose stored choices can be taken over.
    pub enum OtherSystem {
        /// vanilla-cookieconsent.
        Cookieconsent = "cookieconsent",
        /// Klaro.
        Klaro = "klaro",
        /// c15t.
        C15t = "c15t",
        /// OneTrust.
        Onetrust = "onetrust",
        /// Cookiebot.
        Cookiebot = "cookiebot",
    }
}

/// A host, which stands for its subdomains, too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host(Box<str>); // INVARIANT: labels of `a-z0-9-` between dots, two of them at least unless it is `localhost`.

/// Why a text is not a [`Host`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a host alone, such as `stats.example`: no scheme, port, path or `*`; its subdomains are meant, too")]
pub struct HostError;

impl Host {
    /// The host as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `host` is it, or a subdomain of it.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        host.strip_suffix(&*self.0).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let is_label = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        };
        let is_host = text.len() <= HOST_BYTES_MAX
            && text.split('.').all(is_label)
            // A top-level domain alone would hold back half of the web.
            && (text.contains('.') || text == "localhost");
        if is_host { Ok(Self(text.into())) } else { Err(HostError) }
    }
}

/// Names of cookies or storage keys; `*` stands for anything, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Box<str>); // INVARIANT: 1 to PATTERN_BYTES_MAX bytes, visible ASCII that a cookie's name may have, not of `*` alone.

/// Why a text is not a [`Pattern`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It names nothing, or what has no such name.
    #[error("expected a name of 1 to {PATTERN_BYTES_MAX} visible characters without `;`, `=` and `,`, such as `_ga*`")]
    Form,
    /// It names all there is.
    #[error("expected more than `*`, which stands for everything that the page keeps")]
    Everything,
}

impl Pattern {
    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names `name`.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(first) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            match rest.split_once(part) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let is_of_name = |b: u8| b.is_ascii_graphic() && !matches!(b, b';' | b'=' | b',');
        if !(1..=PATTERN_BYTES_MAX).contains(&text.len()) || !text.bytes().all(is_of_name) {
            return Err(PatternError::Form);
        }
        if text.bytes().all(|b| b == b'*') { Err(PatternError::Everything) } else { Ok(Self(text.into())) }
    }
}

/// What another system's markup, or its stored choice, calls a target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OtherName(Box<str>); // INVARIANT: 1 to OTHER_NAME_BYTES_MAX bytes, no control characters, no space around.

/// Why a text is not an [`OtherName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a name of 1 to {OTHER_NAME_BYTES_MAX} bytes, such as `measurement` or `C0002`")]
pub struct OtherNameError;

impl OtherName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OtherName {
    type Err = OtherNameError;

    fn from_str(text: &str) -> Result<Self, OtherNameError> {
        let is_name = (1..=OTHER_NAME_BYTES_MAX).contains(&text.len())
            && text.trim() == text
            && !text.chars().any(char::is_control);
        if is_name { Ok(Self(text.into())) } else { Err(OtherNameError) }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for OtherName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where choices that were made with another system are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Which system.
    pub from: OtherSystem,
    /// The name of its cookie, where that is not its usual one.
    pub cookie: Option<Box<str>>,
}

/// How a site's pages are wired. Every target is one of the policy's, and one that people can choose about, but for those of
/// [`Page::names`], which may be what people are only told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Where the banner stands.
    pub layout: Layout,
    /// Whether the site's own code may grant without a click.
    pub script_choices: bool,
    /// Google's signals that each target stands for; none where Consent Mode is not used.
    pub google: Option<Vec<(Target, Vec<GoogleSignal>)>>,
    /// What `ad_storage` of Microsoft's UET follows; none where that is not used.
    pub microsoft: Option<Target>,
    /// What each category of the WordPress Consent API follows; empty where that is not used.
    pub wordpress: Vec<(WordpressCategory, Target)>,
    /// The targets whose withdrawal reloads the page.
    pub reload: Vec<Target>,
    /// Hosts that are asked for nothing while the target is denied.
    pub hosts: Vec<(Host, Target)>,
    /// Cookies that are removed while the target is denied.
    pub cookies: Vec<(Target, Vec<Pattern>)>,
    /// The same of `localStorage` and `sessionStorage`.
    pub storage: Vec<(Target, Vec<Pattern>)>,
    /// What other systems call a target.
    pub names: Vec<(OtherName, Target)>,
    /// The systems whose choices are taken over.
    pub imports: Vec<Import>,
}

impl Default for Page {
    /// Nothing but the banner, along the bottom.
    fn default() -> Self {
        Self {
            layout: Layout::Bar,
            script_choices: false,
            google: None,
            microsoft: None,
            wordpress: Vec::new(),
            reload: Vec::new(),
            hosts: Vec::new(),
            cookies: Vec::new(),
            storage: Vec::new(),
            names: Vec::new(),
            imports: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_host_alone_and_stands_for_its_subdomains() {
        for text in ["stats.example", "a.b-c.d", "127.0.0.1", "localhost"] {
            assert!(text.parse::<Host>().is_ok(), "{text}");
        }
        for text in [
            "",
            "com",
            ".example",
            "stats.example.",
            "a..b",
            "-a.b",
            "a-.b",
            "*.stats.example",
            "https://stats.example",
            "stats.example:443",
            "stats.example/x",
            "Stats.example",
            "ü.example",
            "a b.example",
        ] {
            assert_eq!(text.parse::<Host>(), Err(HostError), "{text}");
        }
        let host: Host = "stats.example".parse().expect("a host");
        assert!(host.covers("stats.example") && host.covers("a.stats.example"));
        assert!(!host.covers("mystats.example") && !host.covers("example") && !host.covers("stats.example.org"));
    }

    #[test]
    fn a_pattern_names_what_fits_it() {
        for (pattern, fits, does_not) in [
            ("_gid", ["_gid", "_gid"], ["_gi", "_gid2"]),
            ("_ga*", ["_ga", "_ga_X1"], ["ga", "x_ga"]),
            ("*_id", ["_id", "a_id_id"], ["_idx", "id"]),
            ("a*b*c", ["abc", "a1b2bc"], ["ab", "acb"]),
            ("a*a", ["aa", "aba"], ["a", "ab"]),
        ] {
            let read: Pattern = pattern.parse().expect("a pattern");
            assert!(fits.iter().all(|name| read.names(name)), "{pattern}");
            assert!(!does_not.iter().any(|name| read.names(name)), "{pattern}");
        }
        for text in ["", "a;b", "a=b", "a,b", "a b", "ä", "a\n"] {
            assert_eq!(text.parse::<Pattern>(), Err(PatternError::Form), "{text}");
        }
        assert_eq!("**".parse::<Pattern>(), Err(PatternError::Everything));
    }
}
