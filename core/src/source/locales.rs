//! The languages that Consentry itself speaks, and which of them a policy's language takes.
//!
//! Deliberately absent: negotiation with a browser. A policy names its languages; here it is only seen whose words they share.

use crate::Language;

/// The words that all sites share, in one language.
#[derive(Debug)]
pub(super) struct Locale {
    /// Its tag, and the name of its file.
    pub(super) tag: &'static str,
    /// The file's content.
    pub(super) text: &'static str,
}

macro_rules! locales {
    ($($tag:literal)+) => {
        /// Every locale, by tag, ascending.
        pub(super) const LOCALES: &[Locale] =
            &[$(Locale { tag: $tag, text: include_str!(concat!("../../locales/", $tag, ".toml")) }),+];
    };
}

locales! {
    "ar" "bg" "ca" "cs" "da" "de" "el" "en" "es" "et" "fa" "fi" "fr" "ga" "he" "hi" "hr" "hu" "id"
    "is" "it" "ja" "ko" "lt" "lv" "ms" "mt" "nb" "nl" "pl" "pt" "pt-BR" "ro" "ru" "sk" "sl" "sr"
    "sv" "th" "tr" "uk" "ur" "vi" "zh" "zh-Hant"
}

/// Tags whose words stand under one that is no prefix of theirs: Norwegian as such, and the places that write Chinese in
/// traditional characters.
const ALSO: [(&str, &str); 4] = [("no", "nb"), ("zh-HK", "zh-Hant"), ("zh-MO", "zh-Hant"), ("zh-TW", "zh-Hant")];

/// Tags of a script in which nobody reads the words of their prefix: rather none than those.
const OTHERWISE_WRITTEN: [&str; 3] = ["hi-Latn", "ms-Arab", "sr-Latn"];

/// The locale that `language` takes: its own, or that of its longest prefix which has one (RFC 4647, section 3.4), so that
/// `de-AT` speaks the words of `de`.
pub(super) fn find(language: &Language) -> Option<&'static Locale> {
    let prefixes =
        core::iter::successors(Some(language.as_str()), |tag| tag.rsplit_once('-').map(|(prefix, _)| prefix));
    let readable = prefixes.take_while(|tag| !OTHERWISE_WRITTEN.iter().any(|other| other.eq_ignore_ascii_case(tag)));
    readable.filter_map(of_tag).next()
}

/// Tags are the same in upper and lower case (RFC 5646, section 2.1.1): `pt-br` must not become the Portuguese of Portugal.
fn of_tag(tag: &str) -> Option<&'static Locale> {
    let tag = ALSO.iter().find(|(also, _)| also.eq_ignore_ascii_case(tag)).map_or(tag, |(_, tag)| tag);
    LOCALES.iter().find(|locale| locale.tag.eq_ignore_ascii_case(tag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plural::Plurals;
    use alloc::vec::Vec;

    #[test]
    fn a_language_takes_the_locale_of_its_longest_prefix() {
        for (language, tag) in [
            ("de", "de"),
            ("de-AT", "de"),
            ("en-GB", "en"),
            ("de-CH-1996", "de"),
            ("pt-PT", "pt"),
            ("pt-br", "pt-BR"),
            ("no", "nb"),
            ("zh-Hans-CN", "zh"),
            ("zh-Hant-TW", "zh-Hant"),
            ("zh-TW", "zh-Hant"),
        ] {
            let language: Language = language.parse().expect("a language");
            assert_eq!(find(&language).map(|locale| locale.tag), Some(tag), "{language}");
        }
    }

    #[test]
    fn no_language_takes_words_that_are_not_its_own() {
        for language in ["tlh", "den", "enm-en", "sr-Latn", "sr-Latn-ME"] {
            let found = language.parse::<Language>().ok().and_then(|language| find(&language));
            assert_eq!(found.map(|locale| locale.tag), None, "{language}");
        }
    }

    #[test]
    fn locales_stand_in_the_order_of_their_tags() {
        assert!(LOCALES.is_sorted_by_key(|locale| locale.tag));
    }

    #[test]
    fn few_numbers_show_the_categories_of_all() {
        for locale in LOCALES {
            let plurals = Plurals::of(locale.tag);
            let categories = plurals.categories();
            let others = (0..=10_000).chain([100_000, 123_456, 2_000_000, 1_000_001, u32::MAX]);
            let unseen: Vec<_> = others.map(|n| plurals.category(n)).filter(|c| !categories.contains(c)).collect();
            assert!(unseen.is_empty(), "{}: {unseen:?}", locale.tag);
        }
    }
}
