//! The texts of one language: the site's own file over the locale that all sites share, complete and with nothing left over.

use super::error::{Report, SourceError};
use super::locales::{self, LOCALES};
use super::{POLICY_FILE, SourceFile, TEXT_CHARS_MAX};
use crate::notice::{self, Texts};
use crate::plural::Plurals;
use crate::{Language, Policy};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is counted: these keys have a text for each plural category of the language.
const COUNTED: [&str; 3] = ["period.minutes", "period.hours", "period.days"];

/// Every text in `language`, if none is missing and none is unknown.
pub(super) fn read(
    language: &Language,
    span: &Range<usize>,
    policy: &Policy,
    policy_file: &SourceFile,
    files: &[SourceFile],
) -> Result<Texts, Vec<SourceError>> {
    let mut of_policy = Report::new(policy_file);
    let Some(locale) = locales::find(language) else {
        let spoken: Vec<&str> = LOCALES.iter().map(|locale| locale.tag).collect();
        let message = format!("no locale for `{language}`");
        of_policy.error(span.clone(), message, format!("choose among {}", spoken.join(", ")));
        return Err(of_policy.errors);
    };
    let name = format!("{language}.toml");
    let Some(file) = files.iter().find(|f| f.name == name) else {
        of_policy.error(
            span.clone(),
            format!("no file `{name}`"),
            "write the texts in this language beside the policy",
        );
        return Err(of_policy.errors);
    };

    let plurals = Plurals::of(locale.tag);
    let locale_file = SourceFile { name: format!("locales/{}.toml", locale.tag), text: locale.text.to_string() };
    let mut of_locale = Report::new(&locale_file);
    let locale = flatten(&locale_file, &mut of_locale);
    let mut report = Report::new(file);
    let own = flatten(file, &mut report);
    if !of_locale.errors.is_empty() || !report.errors.is_empty() {
        report.errors.append(&mut of_locale.errors);
        return Err(report.errors);
    }

    let expected: BTreeSet<String> = notice::own_keys(policy).collect();
    for (key, (_, span)) in &own {
        if !expected.contains(key) && !locale.contains_key(key) {
            let (message, help) = stranger(key, language, &plurals);
            report.error(span.clone(), message, help);
        }
    }
    for key in expected.iter().filter(|key| !own.contains_key(*key)) {
        report.error(0..0, format!("no text for `{key}`"), format!("add `{key} = \"…\"`"));
    }
    for country in notice::country_keys(policy) {
        if !own.contains_key(&country) && !locale.contains_key(&country) {
            report.error(0..0, format!("no name for `{country}`"), format!("add `{country} = \"…\"`"));
        }
    }
    if !report.errors.is_empty() {
        return Err(report.errors);
    }
    let mut texts: BTreeMap<String, String> = locale.into_iter().map(|(key, (text, _))| (key, text)).collect();
    texts.extend(own.into_iter().map(|(key, (text, _))| (key, text)));
    Ok(Texts { by_key: texts, plurals })
}

/// What is wrong with a key that nothing is called, and what to do.
fn stranger(key: &str, language: &Language, plurals: &Plurals) -> (String, String) {
    let categories = plurals.categories().join(", ");
    if COUNTED.contains(&key) {
        let forms = plurals.categories().join(" = \"…\", ");
        let message = format!("`{key}` is one text, and `{language}` has the plural categories {categories}");
        return (message, format!("write `{key} = {{ {forms} = \"…\" }}`"));
    }
    match key.rsplit_once('.') {
        Some((counted, category)) if COUNTED.contains(&counted) => (
            format!("`{language}` has no plural category `{category}` for `{counted}`"),
            format!("choose among {categories}"),
        ),
        Some(_) | None => (
            format!("nothing is called `{key}`"),
            format!("remove it, or correct the name to what `{POLICY_FILE}` says"),
        ),
    }
}

/// Text files in a language that the policy does not list: forgotten, or misspelt.
pub(super) fn unlisted(languages: &[(Language, Range<usize>)], files: &[SourceFile]) -> Vec<SourceError> {
    let is_listed = |name: &str| {
        name == POLICY_FILE
            || super::is_earlier(name)
            || languages.iter().any(|(l, _)| name.strip_suffix(".toml") == Some(l.as_str()))
    };
    let unlisted = files.iter().filter(|f| f.name.ends_with(".toml") && !is_listed(&f.name));
    unlisted
        .map(|f| {
            let help = format!("add it to `languages` in `{POLICY_FILE}`, or remove the file");
            SourceError::whole_file(&f.name, "the policy does not list this language", &help)
        })
        .collect()
}

type Flat = BTreeMap<String, (String, Range<usize>)>;

/// Every text of a file by its dotted key.
fn flatten(file: &SourceFile, report: &mut Report<'_>) -> Flat {
    let mut flat = Flat::new();
    match DeTable::parse(&file.text) {
        Ok(table) => flatten_table("", table.get_ref(), &mut flat, report),
        Err(error) => {
            report.error(error.span().unwrap_or_default(), error.message(), "correct it; text files are TOML 1.1");
        }
    }
    flat
}

fn flatten_table(prefix: &str, table: &DeTable<'_>, flat: &mut Flat, report: &mut Report<'_>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.get_ref().to_string() } else { format!("{prefix}.{}", name.get_ref()) };
        flatten_value(key, value, flat, report);
    }
}

fn flatten_value(key: String, value: &Spanned<DeValue<'_>>, flat: &mut Flat, report: &mut Report<'_>) {
    match value.get_ref() {
        DeValue::Table(table) => flatten_table(&key, table, flat, report),
        DeValue::String(text) => {
            if text.trim().is_empty() {
                report.error(value.span(), format!("`{key}` is empty"), "write what is to be shown");
            } else if text.chars().count() > TEXT_CHARS_MAX {
                let message = format!("`{key}` is longer than {TEXT_CHARS_MAX} characters");
                report.error(value.span(), message, "say it in fewer words");
            }
            flat.insert(key, (text.to_string(), value.span()));
        }
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) => {
            report.error(value.span(), format!("`{key}` is not a text"), "put it in quotes")
        }
    }
}
