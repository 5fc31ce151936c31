//! Names, words, hashes and times as JSON strings and numbers.

use super::choice::Outcome;
use crate::*;
use core::fmt;
use core::marker::PhantomData;
use core::str::FromStr;
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

/// The version of a document. Reads and writes 1, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct V1;

impl Serialize for V1 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(1)
    }
}

impl<'de> Deserialize<'de> for V1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            1 => Ok(Self),
            _ => Err(D::Error::custom("expected version 1")),
        }
    }
}

/// Reads a field that may be left out (`#[serde(default, deserialize_with = "said")]`). Where it is there it says something: `null` may
/// be a variable that nobody has set, and a question that leaves out its processor is a wider one.
///
/// # Errors
/// Whatever is wrong with the value; `null` is no value.
pub fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.as_ms())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer).map(Self::from_ms)
    }
}

/// Reads a whole number, however it is written: JSON has one kind of numbers (RFC 8259 section 6), and `84052.0` is what some languages
/// write for 84052.
///
/// # Errors
/// Whatever is no number, or none of those that 64 bits count.
pub fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_u64(Whole)
}

struct Whole;

impl Visitor<'_> for Whole {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("u64")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        u64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<u64, E> {
        let whole = number as u64;
        // Up to 2^64, which itself a conversion would round to.
        if (0.0..18_446_744_073_709_551_616.0).contains(&number) && whole as f64 == number {
            return Ok(whole);
        }
        Err(E::invalid_value(Unexpected::Float(number), &self))
    }
}

/// Reads whatever has a `FromStr` from a string, borrowed or not.
struct Text<T>(PhantomData<T>);

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|error| E::custom(format_args!("`{text}`: {error}")))
    }
}

macro_rules! as_text {
    ($($name:ty),+ $(,)?) => { $(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Text(PhantomData))
            }
        }
    )+ };
}

as_text!(SiteId, PurposeId, ProcessorId, DataId, FeatureId, PlanId, ModeId, Target, PolicyHash, NoticeHash, EventId);
as_text!(Language, Subject, DeviceId, Jurisdiction, Country, Period, Retention);
as_text!(Activity, Announcement, AgeBand, Channel, CookieFunction, DataForm, DemandKind, ModelOwner, Role, Signal);
as_text!(Standing);
#[cfg(feature = "whole")]
as_text!(Change, Asking);
as_text!(Stance, Surface, Outcome, Regime, PurposeKind, Control, LegalBasis, Training, OwnUse, Safeguard, Reason);

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn a_time_is_a_whole_number_however_it_is_written() {
        let read = |text: &str| serde_json::from_str::<Time>(text).ok().map(Time::as_ms);
        for (text, ms) in
            [("0", 0), ("84052", 84_052), ("84052.0", 84_052), ("8.4052e4", 84_052), ("18446744073709551615", u64::MAX)]
        {
            assert_eq!(read(text), Some(ms), "{text}");
        }
        for text in ["-1", "-1.0", "0.5", "18446744073709551616", "1e300", "null", "\"0\""] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_field_that_may_be_left_out_is_not_null() {
        let subject = "device:7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f";
        let question = |more: &str| format!(r#"{{"subject":"{subject}","purpose":"ads"{more}}}"#);
        let reads = |text: &str| serde_json::from_str::<crate::wire::AskDoc>(text).is_ok();
        assert!(reads(&question("")) && reads(&question(r#","processor":"kling""#)));
        for field in ["processor", "data", "guardian", "as_of_ms", "questions"] {
            assert!(!reads(&question(&format!(r#","{field}":null"#))), "{field}");
        }
        let demand =
            |more: &str| format!(r#"{{"v":1,"id":"0198c0de-0000-7000-8000-000000000001","demand":"objection"{more}}}"#);
        let reads = |text: &str| serde_json::from_str::<crate::wire::DemandDoc>(text).is_ok();
        assert!(reads(&demand("")) && !reads(&demand(r#","purpose":null"#)));
    }
}
