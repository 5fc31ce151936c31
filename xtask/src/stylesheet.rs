//! Makes a style sheet small without understanding it: comments go, and white space where CSS gives it no meaning.
//!
//! Deliberately absent: anything that needs to know properties or selectors. Libraries were tried: the lean one turned
//! `& :hover` into `&:hover` and `max((1px + 2px))` into what no browser reads; the careful one takes longer to
//! compile than all our style sheets are worth.

use std::iter::Peekable;
use std::str::Chars;

use anyhow::{Result, bail};

/// The same style sheet, smaller.
pub(crate) fn minify(css: &str) -> Result<String> {
    let mut minified = Minified::default();
    let mut rest = css.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            quote @ ('"' | '\'') => {
                minified.push(quote);
                minified.copy_through(quote, &mut rest)?;
            }
            '/' if rest.peek() == Some(&'*') => {
                rest.next();
                skip_comment(&mut rest)?;
                minified.separate(rest.peek().copied());
            }
            white if white.is_ascii_whitespace() => minified.space = true,
            '\\' => {
                minified.push('\\');
                // An escaped brace is a letter.
                minified.text.extend(rest.next());
                minified.last = Some('\\');
            }
            other => {
                let address = minified.text.ends_with("url(");
                minified.push(other);
                if address && other != ')' {
                    minified.copy_through(')', &mut rest)?;
                }
            }
        }
    }
    Ok(minified.text)
}

#[derive(Default)]
struct Minified {
    text: String,
    /// What was pushed last, with all that came with it.
    last: Option<char>,
    /// White space was read and not written yet.
    space: bool,
}

impl Minified {
    fn push(&mut self, next: char) {
        let last = self.last.replace(next);
        if self.space && last.is_some_and(|last| has_meaning_between(last, next)) {
            self.text.push(' ');
        }
        self.space = false;
        if next == '}' && last == Some(';') {
            self.text.pop();
        }
        self.text.push(next);
    }

    /// Copies a string or an address as it is.
    fn copy_through(&mut self, end: char, rest: &mut Peekable<Chars<'_>>) -> Result<()> {
        self.last = Some(end);
        while let Some(next) = rest.next() {
            self.text.push(next);
            match next {
                '\\' => self.text.extend(rest.next()),
                next if next == end => return Ok(()),
                _ => {}
            }
        }
        bail!("the style sheet ends before a `{end}` that it needs");
    }

    /// Where a comment alone stood between two tokens, it was what kept them apart.
    fn separate(&mut self, next: Option<char>) {
        let touches =
            |side: Option<char>| side.is_some_and(|side| !side.is_ascii_whitespace() && !"{};,".contains(side));
        if !self.space && touches(self.last) && touches(next) {
            self.text.push_str("/**/");
        }
    }
}

/// Whether white space between these two can mean something. Before `:` it can: `a :hover` is not `a:hover`. So it can
/// after a parenthesis, as in `) and (`, and around `+` and `-`, as in `calc(1px + 2px)`.
fn has_meaning_between(last: char, next: char) -> bool {
    match (last, next) {
        // A custom property that is empty: some browsers want to see its space.
        (':', ';' | '}') => true,
        ('{' | '}' | ';' | ',' | ':', _) | (_, '{' | '}' | ';' | ',' | '!') => false,
        _ => true,
    }
}

fn skip_comment(rest: &mut Peekable<Chars<'_>>) -> Result<()> {
    while let Some(next) = rest.next() {
        if next == '*' && rest.next_if_eq(&'/').is_some() {
            return Ok(());
        }
    }
    bail!("the style sheet ends within a comment");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(css: &str, expected: &str) {
        assert_eq!(minify(css).unwrap(), expected);
    }

    #[test]
    fn white_space_and_comments_go() {
        check(
            "/* a */\n:host {\n  all: initial !important;\n  inset: auto 0 0;\n}\n\n/* b */\nh2,\np { margin: 0; }\n",
            ":host{all:initial!important;inset:auto 0 0}h2,p{margin:0}",
        );
        check("a { b: c; /* d */ e: f }", "a{b:c;e:f}");
        check("@media (min-width: 44em) and print { a { b: c } }", "@media (min-width:44em) and print{a{b:c}}");
    }

    #[test]
    fn what_has_a_meaning_stays() {
        check(".n { & :hover { a: b } &:hover { a: b } }", ".n{& :hover{a:b}&:hover{a:b}}");
        check("a { width: max(1px, (1px + 2px) * 3) }", "a{width:max(1px,(1px + 2px) * 3)}");
        check("a { flex: 1 1 calc((20em - 100%) * 999) }", "a{flex:1 1 calc((20em - 100%) * 999)}");
        check("a { --empty: ; --x: y }", "a{--empty: ;--x:y}");
        check("a::before { content: \"a  /* x */ ; \\\" b\" }", "a::before{content:\"a  /* x */ ; \\\" b\"}");
        check("a { b: url(data:x;y,/*z*/) , c }", "a{b:url(data:x;y,/*z*/),c}");
        check(".a\\{ b, .c/* */.d { e: 1px/**/2px }", ".a\\{ b,.c/**/.d{e:1px/**/2px}");
    }

    #[test]
    fn half_a_style_sheet_is_refused() {
        for css in ["a { b: \"c }", "/* a", "a { b: url(c }"] {
            assert!(minify(css).is_err(), "{css}");
        }
    }
}
