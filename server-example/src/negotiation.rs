//! What a client would rather have: languages and encodings with their weights (RFC 9110 section 12.5).

use axum::http::{HeaderMap, HeaderName, header};
use consentry_core::Language;

/// Most alternatives that are looked at. Browsers name fewer than ten.
const ALTERNATIVES_MAX: usize = 64;

/// The language of those offered that suits best: what the page asks for, else what the visitor's browser asks for,
/// else the first.
pub(crate) fn language<'a>(
    offered: &'a [Language],
    asked_by_page: Option<&str>,
    headers: &HeaderMap,
) -> Option<&'a Language> {
    let by_visitor = || {
        let mut ranges = weighted(headers, header::ACCEPT_LANGUAGE);
        ranges.retain(|(_, weight)| *weight > 0);
        // Stable: of equal weight, the one named first.
        ranges.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        ranges.into_iter().find_map(|(range, _)| look_up(offered, range))
    };
    asked_by_page.and_then(|tag| look_up(offered, tag)).or_else(by_visitor).or_else(|| offered.first())
}

/// The language of those offered that suits somebody who reads this one; the first where none does.
pub(crate) fn nearest<'a>(offered: &'a [Language], read: &Language) -> Option<&'a Language> {
    look_up(offered, read.as_str()).or_else(|| offered.first())
}

/// Look-up by RFC 4647 section 3.4: the tag, and then what is left of it as subtags are cut off its end.
fn look_up<'a>(offered: &'a [Language], tag: &str) -> Option<&'a Language> {
    if tag == "*" {
        return offered.first();
    }
    let mut tag = tag;
    loop {
        if let Some(found) = offered.iter().find(|language| language.as_str().eq_ignore_ascii_case(tag)) {
            return Some(found);
        }
        tag = tag.rsplit_once('-')?.0;
    }
}

/// The media type of those offered that the client would rather have; the first where it is as glad of any, or of none.
pub(crate) fn media_type<'a>(offered: &[&'a str], headers: &HeaderMap) -> Option<&'a str> {
    let accepted = weighted(headers, header::ACCEPT);
    let weight_of = |offer: &str| {
        let fits = |range: &str| range.eq_ignore_ascii_case(offer);
        let of_any = || accepted.iter().find(|(range, _)| *range == "*/*");
        let found = accepted.iter().find(|(range, _)| fits(range)).or_else(of_any);
        found.map_or(0, |(_, weight)| *weight)
    };
    // Of equal weight, the last one would win.
    offered.iter().rev().max_by_key(|offer| weight_of(offer)).copied()
}

/// Whether the client takes Brotli.
pub(crate) fn takes_brotli(headers: &HeaderMap) -> bool {
    let codings = weighted(headers, header::ACCEPT_ENCODING);
    let weight_of = |name: &str| codings.iter().find(|(coding, _)| coding.eq_ignore_ascii_case(name)).map(|(_, w)| *w);
    weight_of("br").or_else(|| weight_of("*")).is_some_and(|weight| weight > 0)
}

/// Whether the client names this media type among those that it takes.
pub(crate) fn takes(headers: &HeaderMap, media_type: &str) -> bool {
    let named = weighted(headers, header::ACCEPT).into_iter();
    named.filter(|(name, _)| name.eq_ignore_ascii_case(media_type)).any(|(_, weight)| weight > 0)
}

/// The alternatives in all headers of that name, with their weights in thousandths, in the order in which they stand.
fn weighted(headers: &HeaderMap, name: HeaderName) -> Vec<(&str, u16)> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let alternatives = values.flat_map(|value| value.split(',')).filter_map(|alternative| {
        let mut parts = alternative.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?;
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Some((name, weight.map_or(1000, thousandths)))
    });
    alternatives.take(ALTERNATIVES_MAX).collect()
}

/// `0.8` as 800. What is no weight counts for nothing.
fn thousandths(weight: &str) -> u16 {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    let fraction: Option<u16> = match fraction.len() {
        0 => Some(0),
        1..=3 => format!("{fraction:0<3}").parse().ok(),
        _ => None,
    };
    match (whole, fraction) {
        ("1", Some(0)) => 1000,
        ("0", Some(fraction)) => fraction,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(page: Option<&str>, visitor: &str, expected: &str) {
        let offered: Vec<Language> = ["en", "de", "pt-BR"].map(|tag| tag.parse().unwrap()).into();
        let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, visitor.parse().unwrap())]);
        let found = language(&offered, page, &headers).unwrap();
        assert_eq!(found.as_str(), expected, "{page:?} {visitor}");
    }

    #[test]
    fn the_page_beats_the_visitor_who_beats_the_policy() {
        check(Some("de"), "en", "de");
        check(Some("DE-AT"), "en", "de");
        check(None, "de", "de");
        check(None, "", "en");
        check(Some("fr"), "de", "de");
        check(Some("fr"), "it", "en");
    }

    #[test]
    fn the_visitors_languages_count_by_their_weight() {
        check(None, "fr, de;q=0.5, en;q=0.9", "en");
        check(None, "de-AT, en;q=0.9", "de");
        check(None, "de-Latn-AT", "de");
        check(None, "pt", "en");
        check(None, "pt-br", "pt-BR");
        check(None, "de;q=0, *;q=0.1", "en");
        check(None, "de;q=0.801, en;q=0.8", "de");
        check(None, "*, de;q=0.1", "en");
        check(None, "de;q=2, ,;;, en;q=x", "en");
    }

    #[test]
    fn a_media_type_is_had_by_those_who_ask_for_it() {
        for (accepts, expected) in [
            ("", "application/json"),
            ("*/*", "application/json"),
            ("text/html", "application/json"),
            ("application/jose", "application/jose"),
            ("Application/JOSE, */*;q=0.1", "application/jose"),
            ("application/jose;q=0.5, application/json", "application/json"),
            ("application/json;q=0, */*", "application/jose"),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accepts.parse().unwrap())]);
            let found = media_type(&["application/json", "application/jose"], &headers);
            assert_eq!(found, Some(expected), "{accepts}");
        }
    }

    #[test]
    fn brotli_is_taken_where_it_is_said_so() {
        for (accepts, expected) in [
            ("gzip, deflate, br, zstd", true),
            ("gzip", false),
            ("br;q=0", false),
            ("BR;q=0.1", true),
            ("*", true),
            ("br;q=0, *", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, accepts.parse().unwrap())]);
            assert_eq!(takes_brotli(&headers), expected, "{accepts}");
        }
        assert!(!takes_brotli(&HeaderMap::new()));
    }
}
