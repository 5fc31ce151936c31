//! Makes JavaScript small: comments, white space and dead code go, local names become short.
//!
//! Deliberately absent: modules, source maps and lowering. Sources are written for the browsers that are meant, and
//! what comes out needs no newer one.

use anyhow::{Context, Result, anyhow, bail};
use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_compat::EngineTargets;
use oxc_minifier::{CompressOptions, MangleOptions, Minifier, MinifierOptions};
use oxc_parser::Parser;
use oxc_span::SourceType;

/// The newest syntax that minifying may bring in. `www/tsconfig.json` holds the sources to the same.
const BASELINE: &str = "es2020";
/// What a function is assigned to while it is minified, so that it is not dropped as unused. Never seen outside.
const HANDLE: &str = "consentry_function=";

/// A script put together from named parts.
#[derive(Default)]
pub(crate) struct Script {
    text: String,
    /// Name of each part, and the byte at which it begins.
    parts: Vec<(String, usize)>,
}

impl Script {
    /// Appends a part, which sees the names of those before it.
    pub(crate) fn push(&mut self, name: &str, text: &str) {
        self.parts.push((name.to_owned(), self.text.len()));
        self.text.push_str(text);
        // A part may end in a line comment, or without the semicolon that the next one needs.
        self.text.push_str("\n;\n");
    }

    /// The parts as the body of one strict function expression, minified, in parentheses and without a semicolon
    /// after it: what follows can call it. `parameters` as they stand between a function's parentheses.
    pub(crate) fn into_function(self, parameters: &str) -> Result<String> {
        let opening = format!("{HANDLE}function({parameters}){{\"use strict\";\n");
        let whole = format!("{opening}{}}};", self.text);
        let minified = minify(&whole, |byte| self.place(byte.saturating_sub(opening.len())))?;
        let function = minified.trim_end().trim_end_matches(';').strip_prefix(HANDLE);
        let function = function.context("the minifier did not keep the function that it was given")?;
        Ok(format!("({function})"))
    }

    /// `name:line` of a byte.
    fn place(&self, byte: usize) -> String {
        let within = self.parts.iter().rev().find(|(_, start)| *start <= byte);
        let Some((name, start)) = within else { return String::new() };
        let before = self.text.get(*start..byte).unwrap_or_default();
        format!("{name}:{}", before.matches('\n').count() + 1)
    }
}

fn minify(source: &str, place: impl Fn(usize) -> String) -> Result<String> {
    let allocator = Allocator::default();
    let mut parsed = Parser::new(&allocator, source, SourceType::script()).parse();
    if let Some(error) = parsed.diagnostics.first() {
        let byte = error.labels.first().and_then(|label| usize::try_from(label.span().start).ok());
        let place = byte.map(place).unwrap_or_default();
        bail!("{place}: {}", error.message);
    }
    let target = EngineTargets::from_target(BASELINE);
    let target = target.map_err(|error| anyhow!("the minifier does not know `{BASELINE}`: {error}"))?;
    let options = MinifierOptions {
        mangle: Some(MangleOptions::default()),
        mangle_properties: None,
        compress: Some(CompressOptions { target, ..CompressOptions::smallest() }),
    };
    let minified = Minifier::new(options).minify(&allocator, &mut parsed.program);
    let code = Codegen::new().with_options(CodegenOptions::minify()).with_scoping(minified.scoping);
    Ok(code.build(&parsed.program).code)
}

/// A text as a string literal.
pub(crate) fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(parts: &[(&str, &str)]) -> Result<String> {
        let mut script = Script::default();
        for (name, text) in parts {
            script.push(name, text);
        }
        script.into_function("boot")
    }

    #[test]
    fn parts_share_one_strict_scope_with_short_names() {
        let minified = function(&[
            ("a.js", "/** Counts. */\nlet counter = 0;\nfunction count() { return (counter += boot.step) } // end"),
            ("b.js", "window.count = count\n"),
            ("c.js", "(window.unused || count)()"),
        ]);
        let minified = minified.unwrap();
        assert!(minified.starts_with("(function(") && minified.ends_with("})"), "{minified}");
        assert!(minified.contains("use strict") && minified.contains("window.count="), "{minified}");
        assert!(!minified.contains("counter") && !minified.contains("boot") && !minified.contains("end"), "{minified}");
    }

    #[test]
    fn only_the_baselines_syntax_comes_out() {
        let minified =
            function(&[("a.js", "let a = boot.a; if (a === null || a === undefined) a = 1; a || (a = 2); f(a)")]);
        assert!(!minified.unwrap().contains("||="));
    }

    #[test]
    fn an_error_names_part_and_line() {
        let error = function(&[("a.js", "f();\n"), ("b.js", "g();\n\nlet = = 3;")]).unwrap_err().to_string();
        assert!(error.starts_with("b.js:3: "), "{error}");
    }

    #[test]
    fn a_literal_is_the_text() {
        assert_eq!(literal("a\"b\\\n"), r#""a\"b\\\n""#);
    }
}
