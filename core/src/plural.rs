//! Which form of a text goes with a number: the plural categories of Unicode CLDR.
//!
//! In goes the tag of a locale, out comes the category of a whole number. Deliberately absent: fractions and
//! ordinals, in which nothing is counted here, and the texts themselves.

use alloc::vec::Vec;
use icu_locale_core::Locale;
use icu_plurals::{PluralCategory, PluralRules};

/// The category whose text stands in where there is none for another.
pub(crate) const OTHER: &str = "other";

/// The categories in the order in which CLDR names them.
const CATEGORIES: [PluralCategory; 6] = [
    PluralCategory::Zero,
    PluralCategory::One,
    PluralCategory::Two,
    PluralCategory::Few,
    PluralCategory::Many,
    PluralCategory::Other,
];

/// Beyond their own value, whole numbers differ by their last two digits, and in being whole millions or not.
const SAMPLES_BELOW: u32 = 200;
const MILLION: u32 = 1_000_000;

/// The plural rules of one language. A language without rules has one category, `other`.
#[derive(Debug)]
pub(crate) struct Plurals(Option<PluralRules>);

impl Plurals {
    /// The rules of the language with this tag.
    pub(crate) fn of(tag: &str) -> Self {
        let locale = Locale::try_from_str(tag).ok();
        Self(locale.and_then(|locale| PluralRules::try_new_cardinal((&locale).into()).ok()))
    }

    /// The category of `number`, as text files name it.
    pub(crate) fn category(&self, number: u32) -> &'static str {
        self.0.as_ref().map_or(OTHER, |rules| word(rules.category_for(number)))
    }

    /// The categories that whole numbers can have. CLDR has further ones for fractions alone, whose texts nobody would ever see.
    pub(crate) fn categories(&self) -> Vec<&'static str> {
        let taken: Vec<&str> = (0..SAMPLES_BELOW).chain([MILLION]).map(|number| self.category(number)).collect();
        CATEGORIES.into_iter().map(word).filter(|category| taken.contains(category)).collect()
    }
}

const fn word(category: PluralCategory) -> &'static str {
    match category {
        PluralCategory::Zero => "zero",
        PluralCategory::One => "one",
        PluralCategory::Two => "two",
        PluralCategory::Few => "few",
        PluralCategory::Many => "many",
        PluralCategory::Other => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_the_category_of_its_language() {
        for (tag, number, category) in [
            ("en", 1, "one"),
            ("en", 21, "other"),
            ("cs", 3, "few"),
            ("cs", 5, "other"),
            ("pl", 5, "many"),
            ("pl", 22, "few"),
            ("uk", 21, "one"),
            ("uk", 11, "many"),
            ("ar", 2, "two"),
            ("ar", 11, "many"),
            ("ar", 100, "other"),
            ("ga", 7, "many"),
            ("lv", 30, "zero"),
            ("fr", 1_000_000, "many"),
            ("pt-BR", 1_000_000, "many"),
            ("zh-Hant", 1, "other"),
            ("nb", 1, "one"),
        ] {
            assert_eq!(Plurals::of(tag).category(number), category, "{tag} {number}");
        }
    }

    #[test]
    fn a_language_has_the_categories_that_whole_numbers_take() {
        for (tag, categories) in [
            ("ja", &["other"][..]),
            ("de", &["one", "other"]),
            ("cs", &["one", "few", "other"]),
            ("pl", &["one", "few", "many"]),
            ("he", &["one", "two", "other"]),
            ("es", &["one", "many", "other"]),
            ("sl", &["one", "two", "few", "other"]),
            ("ar", &["zero", "one", "two", "few", "many", "other"]),
        ] {
            assert_eq!(Plurals::of(tag).categories(), categories, "{tag}");
        }
    }

    #[test]
    fn a_language_without_rules_has_one_category() {
        assert_eq!(Plurals::of("not a tag").categories(), [OTHER]);
    }
}
