//! Puts the loader together: the scripts of `www/loader/` as one function expression, its style sheet inside it.
//! The server appends the boot document in parentheses.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::javascript::{self, Script};
use crate::{files, stylesheet};

/// Names the scripts, one a line, in the order in which they share a scope.
const ORDER: &str = "order.txt";
/// The banner's style sheet, and, within quotes, its place in the scripts.
const STYLE: &str = "banner.css";

/// The loader from the folder of its sources.
pub(crate) fn compose(folder: &Path) -> Result<String> {
    let order = files::read_text(&folder.join(ORDER))?;
    let style = stylesheet::minify(&files::read_text(&folder.join(STYLE))?);
    let style = javascript::literal(&style.with_context(|| format!("cannot read `{STYLE}`"))?);
    let mut script = Script::default();
    let mut places = 0;
    for name in order.lines().map(str::trim).filter(|name| !name.is_empty()) {
        let text = files::read_text(&folder.join(name))?;
        let token = format!("\"@{STYLE}\"");
        places += text.matches(&token).count();
        script.push(name, &text.replace(&token, &style));
    }
    ensure!(places == 1, "`\"@{STYLE}\"` stands {places} times in the scripts that `{ORDER}` names, not once");
    script.into_function("boot").with_context(|| format!("cannot minify the scripts of `{}`", folder.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn check(name: &str, sources: &[(&str, &str)]) -> Result<String> {
        let folder = std::env::temp_dir().join(format!("xtask-loader-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in sources {
            fs::write(folder.join(name), text).unwrap();
        }
        let loader = compose(&folder);
        fs::remove_dir_all(folder).unwrap();
        loader
    }

    #[test]
    fn a_loader_is_one_function_with_its_style_sheet() {
        let loader = check(
            "whole",
            &[
                ("order.txt", "b.js\na.js\n"),
                ("a.js", "paint(boot.title)"),
                ("b.js", "function paint(title) { sheet.replaceSync(\"@banner.css\", title); }"),
                ("banner.css", "a { content: \"x\"; }\n"),
            ],
        );
        let loader = loader.unwrap();
        assert!(loader.starts_with("(function(") && loader.ends_with(')'), "{loader}");
        assert!(["`a{content:\"x\"}`", "'a{content:\"x\"}'"].iter().any(|css| loader.contains(css)), "{loader}");
    }

    #[test]
    fn a_style_sheet_without_a_place_is_an_error() {
        let error = check("lost", &[("order.txt", "a.js"), ("a.js", "f()"), ("banner.css", "a{}")]).unwrap_err();
        assert!(error.to_string().contains("stands 0 times"), "{error}");
    }

    #[test]
    fn a_missing_script_is_named() {
        let error = check("missing", &[("order.txt", "gone.js"), ("banner.css", "")]).unwrap_err();
        assert!(error.to_string().contains("gone.js"), "{error}");
    }
}
