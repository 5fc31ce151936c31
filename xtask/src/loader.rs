//! Puts scripts together from a folder of sources: those that `order.txt` names as one function expression, the folder's
//! style sheets inside it. What calls the function is for others: the server appends the loader's boot document.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::javascript::{self, Script};
use crate::{files, stylesheet};

/// Names the scripts, one a line, in the order in which they share a scope.
const ORDER: &str = "order.txt";
/// What a style sheet's name ends with. Its place in the scripts is `"@<name>"`, quotes included.
const STYLE: &str = ".css";

/// The function of these parameters from the folder of its sources.
pub(crate) fn compose(folder: &Path, parameters: &str) -> Result<String> {
    let order = files::read_text(&folder.join(ORDER))?;
    let mut texts = Vec::new();
    for name in order.lines().map(str::trim).filter(|name| !name.is_empty()) {
        texts.push((name, files::read_text(&folder.join(name))?));
    }
    for style in styles(folder)? {
        let css = stylesheet::minify(&files::read_text(&folder.join(&style))?);
        let css = javascript::literal(&css.with_context(|| format!("cannot read `{style}`"))?);
        let token = format!("\"@{style}\"");
        let places: usize = texts.iter().map(|(_, text)| text.matches(&token).count()).sum();
        ensure!(places == 1, "`{token}` stands {places} times in the scripts that `{ORDER}` names, not once");
        for (_, text) in &mut texts {
            *text = text.replace(&token, &css);
        }
    }
    let mut script = Script::default();
    for (name, text) in texts {
        script.push(name, &text);
    }
    script.into_function(parameters).with_context(|| format!("cannot minify the scripts of `{}`", folder.display()))
}

/// The function of these parameters that one script is the body of.
pub(crate) fn compose_one(source: &Path, parameters: &str) -> Result<String> {
    let mut script = Script::default();
    script.push(&source.display().to_string(), &files::read_text(source)?);
    script.into_function(parameters).with_context(|| format!("cannot minify `{}`", source.display()))
}

/// The names of the folder's style sheets, in their order.
fn styles(folder: &Path) -> Result<Vec<String>> {
    let mut styles = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))? {
        let name = entry.with_context(|| format!("cannot read `{}`", folder.display()))?.file_name();
        styles.extend(name.to_str().filter(|name| name.ends_with(STYLE)).map(str::to_owned));
    }
    styles.sort_unstable();
    Ok(styles)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, sources: &[(&str, &str)]) -> Result<String> {
        let folder = std::env::temp_dir().join(format!("xtask-loader-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in sources {
            fs::write(folder.join(name), text).unwrap();
        }
        let loader = compose(&folder, "boot");
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
    fn a_folder_needs_no_style_sheet() {
        let script = check("plain", &[("order.txt", "a.js"), ("a.js", "f(boot)")]).unwrap();
        assert!(script.starts_with("(function(") && script.contains("f("), "{script}");
    }

    #[test]
    fn one_script_is_a_function_and_its_error_names_it() {
        let folder = std::env::temp_dir().join(format!("xtask-part-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str| {
            fs::write(folder.join(name), text).unwrap();
            compose_one(&folder.join(name), "config")
        };
        let part = write("guard.js", "/** Holds back. */\nfor (const host of config.hosts) hold(host) // all of them");
        let broken = write("broken.js", "f();\nlet = = 3").unwrap_err();
        fs::remove_dir_all(&folder).unwrap();
        let part = part.unwrap();
        assert!(part.starts_with("(function(") && part.ends_with("})") && part.contains(".hosts)"), "{part}");
        assert!(format!("{broken:#}").contains("broken.js:2: "), "{broken:#}");
    }

    #[test]
    fn a_missing_script_is_named() {
        let error = check("missing", &[("order.txt", "gone.js"), ("banner.css", "")]).unwrap_err();
        assert!(error.to_string().contains("gone.js"), "{error}");
    }
}
