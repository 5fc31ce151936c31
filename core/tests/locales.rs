//! Locales: that each says all that English says, in the plural forms of its language, and that a notice speaks it.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on should say so at once")]

use consentry_core::notice::Direction;
use consentry_core::source::{Published, SourceFile};
use consentry_core::{Language, Regime};
use expect_test::{Expect, expect};
use icu_locale_core::Locale as Tag;
use icu_plurals::{PluralCategory, PluralRules};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/locales");
/// How many languages Consentry speaks at least.
const LOCALES_MIN: usize = 43;
/// Written from right to left.
const RIGHT_TO_LEFT: [&str; 4] = ["ar", "fa", "he", "ur"];
/// Keys below this have a text for each plural category, and everything else one text.
const COUNTED: &str = "period.";
/// Of two buttons side by side, the longer is at most so many times as long as the shorter: neither may look like the main one.
const BUTTONS_RATIO_MAX: f64 = 2.2;

/// What stands between the parts of a list, with the space that its script wants there.
const COMMA: &str = "ui.comma";

/// Words and names that many languages write as English does.
const LOANS: [&str; 7] = ["Cookies", "Marketing", "e-mail", "SMS", "China", "France", "Singapore"];
/// Texts that a language has in common with English by kinship. Whatever else is the same was forgotten.
const KIN: &[(&str, &str)] = &[
    ("da", "channel.post"),
    ("fr", "period.minutes.other"),
    ("ms", "country.GB"),
    ("ms", "country.IE"),
    ("nb", "channel.post"),
    ("nl", "channel.post"),
    ("sv", "channel.post"),
    ("vi", "country.IE"),
];

/// One file of `core/locales`.
struct Locale {
    tag: String,
    texts: BTreeMap<String, String>,
}

impl Locale {
    fn text(&self, key: &str) -> &str {
        self.texts.get(key).map_or("", String::as_str)
    }

    /// The keys, each counted one named without its category.
    fn keys(&self) -> BTreeSet<&str> {
        self.texts.keys().map(|key| counted(key).map_or(key.as_str(), |(stem, _)| stem)).collect()
    }

    /// The plural category of a number.
    fn category(&self, number: u32) -> &'static str {
        let tag: Tag = self.tag.parse().expect("the name of a locale's file is a language tag");
        let rules = PluralRules::try_new_cardinal((&tag).into()).expect("CLDR knows the language");
        match rules.category_for(number) {
            PluralCategory::Zero => "zero",
            PluralCategory::One => "one",
            PluralCategory::Two => "two",
            PluralCategory::Few => "few",
            PluralCategory::Many => "many",
            PluralCategory::Other => "other",
        }
    }

    /// The plural categories of whole numbers, each with how many of the numbers above zero have it.
    fn categories(&self) -> BTreeMap<&'static str, usize> {
        let mut categories = BTreeMap::new();
        for number in (0..=10_000).chain([100_000, 1_000_000, 1_000_001, 52_560_000]) {
            *categories.entry(self.category(number)).or_default() += usize::from(number > 0);
        }
        categories
    }
}

/// A counted key: what is counted, and the category.
fn counted(key: &str) -> Option<(&str, &str)> {
    key.rsplit_once('.').filter(|(stem, _)| key.starts_with(COUNTED) && stem.contains('.'))
}

fn locales() -> Vec<Locale> {
    let files = fs::read_dir(FOLDER).expect("core/locales can be read").map(|file| file.expect("an entry").path());
    let mut locales: Vec<Locale> = files
        .map(|path| {
            let tag = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_string();
            let text = fs::read_to_string(&path).expect("a text file");
            let table: toml::Table = text.parse().unwrap_or_else(|e| panic!("core/locales/{tag}.toml: {e}"));
            let mut texts = BTreeMap::new();
            flatten("", &toml::Value::Table(table), &mut texts);
            Locale { tag, texts }
        })
        .collect();
    locales.sort_by(|a, b| a.tag.cmp(&b.tag));
    locales
}

fn flatten(key: &str, value: &toml::Value, texts: &mut BTreeMap<String, String>) {
    match value {
        toml::Value::Table(table) => {
            for (name, value) in table {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                flatten(&key, value, texts);
            }
        }
        other => {
            let text = other.as_str().unwrap_or_else(|| panic!("`{key}` is not a text; put it in quotes"));
            texts.insert(key.to_string(), text.to_string());
        }
    }
}

fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap_or(rest)).collect()
}

/// Asks each locale, with English beside it, for what is wrong with it: a key, and what to do.
fn check(faults: impl Fn(&Locale, &Locale) -> Vec<(String, String)>) {
    let locales = locales();
    let english = locales.iter().find(|locale| locale.tag == "en").expect("core/locales/en.toml");
    let found: Vec<String> = locales
        .iter()
        .flat_map(|locale| {
            let faults = faults(locale, english).into_iter();
            faults.map(|(key, help)| format!("core/locales/{}.toml: `{key}` {help}", locale.tag))
        })
        .collect();
    assert!(found.is_empty(), "{} faults\n{}\n", found.len(), found.join("\n"));
}

#[test]
fn every_locale_has_the_keys_of_english() {
    check(|locale, english| {
        let (has, wanted) = (locale.keys(), english.keys());
        let missing =
            wanted.difference(&has).map(|key| (key.to_string(), "is missing; translate what en.toml has".into()));
        let unknown = has.difference(&wanted).map(|key| (key.to_string(), "is not in en.toml; remove it".into()));
        missing.chain(unknown).collect()
    });
}

#[test]
fn what_is_counted_has_a_text_for_each_plural_category_of_the_language() {
    check(|locale, english| {
        let categories: BTreeSet<&str> = locale.categories().into_keys().collect();
        let stems: BTreeSet<&str> = english.texts.keys().filter_map(|key| counted(key)).map(|(stem, _)| stem).collect();
        assert_eq!(stems.len(), 3, "en.toml counts minutes, hours and days");
        let faults = stems.into_iter().filter_map(|stem| {
            let of_stem = locale.texts.keys().filter_map(|key| counted(key)).filter(|(of, _)| *of == stem);
            let has: BTreeSet<&str> = of_stem.map(|(_, category)| category).collect();
            let help = format!("has {}; give a text to each of {}, and to no other", list(&has), list(&categories));
            (has != categories).then(|| (stem.to_string(), help))
        });
        faults.collect()
    });
}

fn list(words: &BTreeSet<&str>) -> String {
    words.iter().copied().collect::<Vec<_>>().join(", ")
}

#[test]
fn every_text_has_the_placeholders_of_english() {
    check(|locale, english| {
        let plain = english.texts.iter().filter(|(key, _)| counted(key).is_none());
        let differing = plain.filter_map(|(key, text)| {
            let wanted = placeholders(text);
            let differs = locale.texts.get(key).is_some_and(|own| placeholders(own) != wanted);
            differs.then(|| (key.clone(), format!("needs exactly these placeholders in braces: {}", list(&wanted))))
        });
        differing.collect()
    });
}

#[test]
fn a_number_is_left_out_only_where_the_form_itself_says_it() {
    check(|locale, _| {
        let categories = locale.categories();
        let forms = locale.texts.iter().filter_map(|(key, text)| Some((key, text, counted(key)?.1)));
        let faulty = forms.filter_map(|(key, text, category)| {
            let has = placeholders(text);
            let is_of_many = categories.get(category).is_some_and(|numbers| *numbers > 1);
            let help = match has.iter().find(|name| **name != "n") {
                Some(name) => format!("has the placeholder {name}; only {{n}} is filled in here"),
                None if is_of_many && has.is_empty() => {
                    "goes with several numbers; write {n} in place of the number".into()
                }
                None => return None,
            };
            Some((key.clone(), help))
        });
        faulty.collect()
    });
}

#[test]
fn no_text_is_empty_or_has_space_around_it() {
    check(|locale, _| {
        let bare =
            locale.texts.iter().filter(|(key, text)| text.is_empty() || *key != COMMA && text.trim() != text.as_str());
        bare.map(|(key, _)| (key.clone(), "is empty or has space around it; write what is to be shown".into()))
            .collect()
    });
}

#[test]
fn no_text_was_left_in_english() {
    check(|locale, english| {
        if locale.tag == "en" {
            return Vec::new();
        }
        let is_kin = |key: &str| KIN.contains(&(locale.tag.as_str(), key));
        let has_words = |text: &str| {
            let mut outside = true;
            text.chars().any(|c| {
                outside = c == '}' || (outside && c != '{');
                outside && c.is_alphabetic()
            })
        };
        let same = locale.texts.iter().filter(|(key, text)| {
            *key != "dir"
                && english.texts.get(*key) == Some(text)
                && has_words(text)
                && !LOANS.contains(&text.as_str())
                && !is_kin(key)
        });
        same.map(|(key, text)| (key.clone(), format!("is English: “{text}”; translate it, or add it to KIN"))).collect()
    });
}

#[test]
fn four_languages_run_from_right_to_left() {
    check(|locale, _| {
        let wanted = if RIGHT_TO_LEFT.contains(&locale.tag.as_str()) { "rtl" } else { "ltr" };
        let is_wrong = locale.text("dir") != wanted;
        is_wrong
            .then(|| ("dir".to_string(), format!("is not `{wanted}`; write `dir = \"{wanted}\"`")))
            .into_iter()
            .collect()
    });
}

#[test]
fn refusing_takes_no_longer_a_word_than_accepting() {
    check(|locale, _| {
        let length = |key: &str| locale.text(key).chars().count();
        let (accept, refuse) = (length("ui.accept"), length("ui.refuse"));
        let (shorter, longer) = (accept.min(refuse), accept.max(refuse));
        let is_lopsided = longer as f64 > shorter as f64 * BUTTONS_RATIO_MAX;
        let help = format!("has {refuse} characters and `ui.accept` {accept}; say the longer in fewer");
        is_lopsided.then(|| ("ui.refuse".to_string(), help)).into_iter().collect()
    });
}

/// A site that keeps one thing for a period.
const POLICY: &str = r#"schema = 1
site = "small"
languages = [LANGUAGES]
origins = ["https://small.example"]
validity = "365 days"
recheck = "5 minutes"

[controller]
name = "Small"
contact = "mailto:privacy@small.example"

[[data]]
id = "logs"

[[purpose]]
id = "security"
kind = "security"
control = "notified"
basis = "legitimate-interest"
data = ["logs"]
retention = "PERIOD"
"#;

const TEXTS: &str = r#"banner = { title = "Your data", text = "We ask." }
purpose.security = { title = "Security", text = "We keep logs." }
data.logs = "logs"
"#;

fn publish(languages: &[&str], period: &str, texts: &str) -> Result<Published, String> {
    let quoted: Vec<String> = languages.iter().map(|language| format!("\"{language}\"")).collect();
    let policy = POLICY.replace("LANGUAGES", &quoted.join(", ")).replace("PERIOD", period);
    let mut files = vec![SourceFile { name: "policy.toml".into(), text: policy }];
    files.extend(languages.iter().map(|l| SourceFile { name: format!("{l}.toml"), text: texts.into() }));
    Published::parse(&files).map_err(|errors| errors.iter().map(|e| format!("{e}\n")).collect())
}

/// The line that says how long the logs are kept.
fn details(published: &Published, language: &str) -> String {
    let language: Language = language.parse().expect("a language");
    let notice = published.notice(&language, Regime::OptIn).expect("a notice");
    notice.texts.get("purpose.security.details").to_string()
}

fn check_period(language: &str, period: &str, expected: &str) {
    let published = publish(&[language], period, TEXTS).expect("reads");
    let said = details(&published, language);
    assert!(said.contains(expected), "{language}, {period}: {said}");
}

fn check_texts(language: &str, more: &str, expected: Expect) {
    let errors = publish(&[language], "2 days", &format!("{TEXTS}{more}\n")).map(|p| p.policy.hash());
    expected.assert_eq(&errors.expect_err("must be refused"));
}

#[test]
fn a_notice_speaks_every_locale_in_its_plural_forms() {
    let locales = locales();
    assert!(locales.len() >= LOCALES_MIN, "{} locales in {FOLDER}", locales.len());
    let tags: Vec<&str> = locales.iter().map(|locale| locale.tag.as_str()).collect();
    for (number, unit) in
        [(1, "day"), (2, "days"), (3, "days"), (7, "hours"), (11, "minutes"), (21, "days"), (1_000_000, "minutes")]
    {
        let published = publish(&tags, &format!("{number} {unit}"), TEXTS)
            .expect("reads; a file of core/locales that is not listed in core/src/source/locales.rs should be");
        for locale in &locales {
            let key = format!("period.{}s.{}", unit.trim_end_matches('s'), locale.category(number));
            let form = locale.text(&key).replace("{n}", &number.to_string());
            let said = details(&published, &locale.tag);
            assert!(
                !form.is_empty() && said.contains(&form),
                "core/locales/{}.toml: `{key}` is not said: {said}",
                locale.tag
            );
        }
        let runs_left = published.notices.iter().filter(|notice| notice.direction == Direction::RightToLeft);
        let runs_left: BTreeSet<&str> = runs_left.map(|notice| notice.language.as_str()).collect();
        assert_eq!(runs_left, BTreeSet::from(RIGHT_TO_LEFT).into_iter().filter(|tag| tags.contains(tag)).collect());
    }
}

#[test]
fn a_period_reads_as_a_person_would_say_it() {
    for (language, period, expected) in [
        ("en", "1 day", "for at most 1 day"),
        ("en", "24 hours", "for at most 1 day"),
        ("en", "36 hours", "for at most 36 hours"),
        ("de", "1 hour", "höchstens 1 Stunde"),
        ("fr", "30 days", "30 jours au plus"),
        ("cs", "1 day", "nejvýše 1 den"),
        ("cs", "3 days", "nejvýše 3 dny"),
        ("cs", "30 days", "nejvýše 30 dní"),
        ("pl", "1 hour", "najwyżej 1 godzinę"),
        ("pl", "22 hours", "najwyżej 22 godziny"),
        ("pl", "5 minutes", "najwyżej 5 minut"),
        ("ar", "2 days", "لمدة يومين كحد أقصى"),
        ("ar", "30 days", "لمدة 30 يومًا كحد أقصى"),
    ] {
        check_period(language, period, expected);
    }
}

#[test]
fn a_language_takes_the_words_of_its_longest_known_prefix() {
    for (language, period, expected) in [
        ("en-GB", "2 days", "for at most 2 days"),
        ("de-AT", "2 days", "höchstens 2 Tage"),
        ("de-CH-1996", "1 day", "höchstens 1 Tag"),
    ] {
        check_period(language, period, expected);
    }
}

#[test]
fn a_site_says_one_plural_form_in_its_own_words() {
    let texts = format!("{TEXTS}period.days.other = \"{{n}} whole days\"\n");
    let said = |period| details(&publish(&["en"], period, &texts).expect("reads"), "en");
    assert_eq!(said("2 days"), "Logs · for at most 2 whole days · Small alone");
    assert_eq!(said("1 day"), "Logs · for at most 1 day · Small alone");
}

#[test]
fn a_plural_form_that_the_language_has_not_is_refused() {
    check_texts(
        "en",
        "period.days.few = \"{n} days\"",
        expect![[r#"
        en.toml:4:19: `en` has no plural category `few` for `period.days`; choose among one, other
    "#]],
    );
    check_texts(
        "pl",
        "period.days.other = \"{n} dnia\"",
        expect![[r#"
        pl.toml:4:21: `pl` has no plural category `other` for `period.days`; choose among one, few, many
    "#]],
    );
    check_texts(
        "de-AT",
        "period.days = \"{n} Tage\"",
        expect![[r#"
        de-AT.toml:4:15: `period.days` is one text, and `de-AT` has the plural categories one, other; write `period.days = { one = "…", other = "…" }`
    "#]],
    );
}
