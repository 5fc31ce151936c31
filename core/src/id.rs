//! Names: of sites, purposes, processors, data, features, policies, notices and choices.
//! Each is its own type, so that one cannot be asked for where the other is meant.

use crate::time::Time;
use alloc::boxed::Box;
use core::fmt;
use core::str::FromStr;

use uuid::Uuid;

/// Longest name of a site, purpose, processor, data category or feature, in bytes.
pub const ID_BYTES_MAX: usize = 64;
/// Longest language tag, in bytes: what RFC 5646 section 4.4.1 asks every reader to hold.
pub const LANGUAGE_BYTES_MAX: usize = 35;
/// Length of a policy's or notice's hash, in bytes.
pub const HASH_BYTES: usize = 32;

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 1 to 64 bytes of the permitted letters.
    #[error("expected 1 to 64 characters of `a` to `z`, `0` to `9` and `-`")]
    Name,
    /// Not a purpose, nor a purpose and a processor.
    #[error("expected `purpose` or `purpose/processor`")]
    Target,
    /// Not 64 digits.
    #[error("expected a SHA-256 hash as 64 lower-case hexadecimal digits")]
    Hash,
    /// Not a UUIDv7.
    #[error("expected a version 7 UUID in lower case with hyphens")]
    EventId,
    /// Not a subject.
    #[error(
        "expected `device:` and a version 4 UUID in lower case with hyphens, or `account:` and 64 hexadecimal digits"
    )]
    Subject,
    /// Not shaped like a language tag.
    #[error("expected a language tag such as `de` or `pt-BR`")]
    Language,
}

/// What names are kept in: without a heap where decisions are made by the million, and as little code as can be in a page.
#[cfg(feature = "whole")]
type Name = smol_str::SmolStr;
#[cfg(not(feature = "whole"))]
type Name = Box<str>;

macro_rules! names {
    ($( $(#[$meta:meta])* $name:ident; )+) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Name); // INVARIANT: 1 to 64 bytes of `a-z0-9-`; only `from_str` builds one.

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// A name that code is written with, for constants: there the compiler refuses what is none.
            ///
            /// # Panics
            /// If the text is no name and this is no constant; whatever comes from elsewhere is for `from_str`.
            #[cfg(feature = "whole")]
            #[must_use]
            pub const fn named(text: &'static str) -> Self {
                assert!(is_name(text), "expected 1 to 64 characters of `a` to `z`, `0` to `9` and `-`");
                Self(Name::new_static(text))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                if is_name(text) { Ok(Self(text.into())) } else { Err(IdError::Name) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+ };
}

names! {
    /// Names a site, e.g. `adforge`: the unit that has a policy and a ledger of its own.
    SiteId;
    /// Names a purpose within a policy, e.g. `ai-training`.
    PurposeId;
    /// Names a processor within a policy, e.g. `kling`.
    ProcessorId;
    /// Names a category of personal data within a policy, e.g. `product-images`.
    DataId;
    /// Names a plan that a subject may be on, e.g. `premium`.
    PlanId;
    /// Names a way of working, e.g. `private`.
    ModeId;
    /// Names a feature of the site that needs a purpose or processor, e.g. `clip-generation`.
    FeatureId;
}

const fn is_name(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let [byte, others @ ..] = rest {
        if !matches!(*byte, b'a'..=b'z' | b'0'..=b'9' | b'-') {
            return false;
        }
        rest = others;
    }
    !text.is_empty() && text.len() <= ID_BYTES_MAX
}

/// What one switch stands for: a purpose, or one processor within it (R8).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The purpose.
    pub purpose: PurposeId,
    /// The processor within the purpose; none for the purpose itself.
    pub processor: Option<ProcessorId>,
}

impl Target {
    /// The purpose itself.
    #[must_use]
    pub const fn purpose(purpose: PurposeId) -> Self {
        Self { purpose, processor: None }
    }

    /// One processor within the purpose.
    #[must_use]
    pub const fn processor(purpose: PurposeId, processor: ProcessorId) -> Self {
        Self { purpose, processor: Some(processor) }
    }
}

impl FromStr for Target {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (purpose, processor) = match text.split_once('/') {
            Some((purpose, processor)) => (purpose, Some(processor)),
            None => (text, None),
        };
        Ok(Self {
            purpose: purpose.parse().map_err(|_| IdError::Target)?,
            processor: processor.map(str::parse).transpose().map_err(|_| IdError::Target)?,
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.purpose.as_str())?;
        if let Some(processor) = &self.processor {
            f.write_str("/")?;
            f.write_str(processor.as_str())?;
        }
        Ok(())
    }
}

macro_rules! hashes {
    ($( $(#[$meta:meta])* $name:ident; )+) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; HASH_BYTES]);

        impl $name {
            /// The name that these bytes are.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; HASH_BYTES]) -> Self {
                Self(bytes)
            }

            /// The hash's bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                hash_from_hex(text).map(Self).ok_or(IdError::Hash)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt_hex(&self.0, f)
            }
        }
    )+ };
}

hashes! {
    /// Names an account: the site's own account id under a keyed hash, so that no raw id is ever kept (R17).
    AccountId;
    /// Names a policy: SHA-256 of its canonical form, so never by a date alone (P27).
    ///
    /// The canonical form holds what is promised (controller, purposes, processors, features, how long
    /// a choice holds). It holds no wording, so that new wording alone asks nobody again (R29).
    PolicyHash;
    /// Names a notice: SHA-256 of the exact texts shown in one language, and the policy they belong to (R14).
    NoticeHash;
}

fn hash_from_hex(text: &str) -> Option<[u8; HASH_BYTES]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * HASH_BYTES {
        return None;
    }
    let mut bytes = [0; HASH_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            *byte = *byte << 4 | value;
        }
    }
    Some(bytes)
}

/// In one piece: whoever writes JSON looks for what to escape in each piece by itself.
fn fmt_hex(bytes: &[u8; HASH_BYTES], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    let mut digits = [0; 2 * HASH_BYTES];
    let (pairs, _) = digits.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    f.write_str(core::str::from_utf8(&digits).unwrap_or_default())
}

/// Names one choice or other event: a UUIDv7 (RFC 9562), minted where it happens, so that sending it twice is harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Uuid); // INVARIANT: version 7.

impl EventId {
    /// The id of what happened at `ms` milliseconds since the Unix epoch (the maker's clock), with `random` bytes.
    #[must_use]
    pub const fn from_parts(ms: u64, random: &[u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(ms, random).into_uuid())
    }

    /// The id that these bytes are; none if they are no UUIDv7.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        let uuid = Uuid::from_bytes(bytes);
        (uuid.get_version_num() == 7).then_some(Self(uuid))
    }

    /// When it happened, by the clock of whoever minted the id (RFC 9562 section 5.7). It can take away and never give:
    /// see [`crate::AsOf`].
    #[must_use]
    pub fn happened_at(&self) -> Time {
        let [a, b, c, d, e, f, ..] = *self.as_bytes();
        Time::from_ms(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    /// The sixteen bytes of the UUID.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl FromStr for EventId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        uuid_of_version(7, text).map(Self).ok_or(IdError::EventId)
    }
}

/// One spelling only: an id that can be written in two ways is two ids to somebody.
fn uuid_of_version(version: usize, text: &str) -> Option<Uuid> {
    let uuid = Uuid::try_parse_ascii(text.as_bytes()).ok()?;
    let mut spelling = Uuid::encode_buffer();
    let is_same = uuid.get_version_num() == version && uuid.hyphenated().encode_lower(&mut spelling) == text;
    is_same.then_some(uuid)
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

/// Whose data it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A browser, by a random pseudonym.
    Device(DeviceId),
    /// An account, by the keyed hash of the site's own account id.
    Account(AccountId),
}

impl From<DeviceId> for Subject {
    fn from(device: DeviceId) -> Self {
        Self::Device(device)
    }
}

impl From<AccountId> for Subject {
    fn from(account: AccountId) -> Self {
        Self::Account(account)
    }
}

impl FromStr for Subject {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.split_once(':') {
            Some(("device", device)) => device.parse().map(Self::Device),
            Some(("account", account)) => account.parse().map(Self::Account).map_err(|_| IdError::Subject),
            Some(_) | None => Err(IdError::Subject),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(device) => write!(f, "device:{device}"),
            Self::Account(account) => write!(f, "account:{account}"),
        }
    }
}

/// The pseudonym of a browser: a random UUID (version 4) that it draws at its first choice. It identifies, and authorises nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(Uuid); // INVARIANT: version 4.

impl DeviceId {
    /// The id that these bytes are; none if they are no random UUID.
    #[inline]
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        let uuid = Uuid::from_bytes(bytes);
        (uuid.get_version_num() == 4).then_some(Self(uuid))
    }

    /// The sixteen bytes of the UUID.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl FromStr for DeviceId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        uuid_of_version(4, text).map(Self).ok_or(IdError::Subject)
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

/// A language tag (BCP 47), e.g. `de` or `pt-BR`, compared as it is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(Box<str>); // INVARIANT: subtags of 1 to 8 letters or digits, the first of 2 or 3 letters.

impl Language {
    /// No language in particular: `und`.
    #[must_use]
    pub fn undetermined() -> Self {
        Self("und".into())
    }

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Language {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut subtags = text.split('-');
        let primary = subtags.next().unwrap_or_default();
        let well_formed = text.len() <= LANGUAGE_BYTES_MAX
            && (2..=3).contains(&primary.len())
            && primary.bytes().all(|b| b.is_ascii_lowercase())
            && subtags.all(|s| (1..=8).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric()));
        if well_formed { Ok(Self(text.into())) } else { Err(IdError::Language) }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};

    #[test]
    fn a_name_is_1_to_64_of_its_letters() {
        assert!("ai-training".parse::<PurposeId>().is_ok());
        assert!("a".repeat(64).parse::<PurposeId>().is_ok());
        for text in ["", "AI", "a b", "a/b", "ü", "a_b", &"a".repeat(65)] {
            assert_eq!(text.parse::<PurposeId>(), Err(IdError::Name), "{text}");
        }
    }

    #[cfg(feature = "whole")]
    #[test]
    fn a_name_that_code_is_written_with_is_the_same_as_one_that_is_read() {
        const KLING: ProcessorId = ProcessorId::named("kling");
        assert_eq!("kling".parse(), Ok(KLING));
    }

    #[cfg(feature = "whole")]
    #[test]
    #[should_panic(expected = "expected 1 to 64 characters")]
    fn code_that_is_written_with_no_name_goes_nowhere() {
        let _ = ProcessorId::named("Kling AI");
    }

    #[test]
    fn a_target_reads_back_as_it_is_written() {
        for text in ["analytics", "downstream-ai/kling"] {
            assert_eq!(text.parse::<Target>().map(|t| t.to_string()), Ok(text.into()));
        }
        for text in ["", "/", "a/", "/a", "a/b/c", "A/b"] {
            assert_eq!(text.parse::<Target>(), Err(IdError::Target), "{text}");
        }
    }

    #[test]
    fn a_hash_has_one_spelling() {
        let text: String = "0123456789abcdef".repeat(4);
        assert_eq!(text.parse::<PolicyHash>().map(|h| h.to_string()), Ok(text.clone()));
        for wrong in [text.to_uppercase(), text[1..].into(), text.replace('0', "g")] {
            assert_eq!(wrong.parse::<PolicyHash>(), Err(IdError::Hash), "{wrong}");
        }
    }

    #[test]
    fn a_choice_id_is_a_version_7_uuid_with_one_spelling() {
        let id = EventId::from_parts(1_763_800_000_000, &[7; 10]);
        assert_eq!(id.to_string().parse(), Ok(id));
        let version_4 = "7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f";
        for wrong in [version_4, &id.to_string().to_uppercase(), &id.to_string().replace('-', ""), ""] {
            assert_eq!(wrong.parse::<EventId>(), Err(IdError::EventId), "{wrong}");
        }
    }

    #[test]
    fn a_subject_says_what_it_is() {
        let text = "device:7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f";
        assert_eq!(text.parse::<Subject>().map(|s| s.to_string()), Ok(text.into()));
        for wrong in [
            "",
            "7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f",
            "account:7",
            "person:7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f",
            "device:1",
            "device:7F9C0C52-7A41-4F5E-9D0E-0A2B1C3D4E5F",
        ] {
            assert_eq!(wrong.parse::<Subject>(), Err(IdError::Subject), "{wrong}");
        }
    }

    #[test]
    fn a_language_is_a_tag() {
        for text in ["en", "de", "pt-BR", "zh-Hant-TW", "sgn"] {
            assert!(text.parse::<Language>().is_ok(), "{text}");
        }
        for text in ["", "e", "english", "en_US", "en-", "EN", "../en"] {
            assert_eq!(text.parse::<Language>(), Err(IdError::Language), "{text}");
        }
    }
}
