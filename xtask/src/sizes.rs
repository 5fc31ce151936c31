//! What a visitor downloads, against what we allow ourselves (docs/decisions tell why so little).

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::server::{self, Build};
use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{assets, command, files, progress};

/// The loader alone.
const LOADER_BR_BYTES_MAX: usize = 6_144;
/// All that a first visit needs before it can ask: the loader, the parts that the policy asks for, and the boot document, in
/// one response.
const FIRST_VISIT_BR_BYTES_MAX: usize = 8_192;
/// What "choose" fetches: the widget's script and WebAssembly.
const WIDGET_BR_BYTES_MAX: usize = 81_920;
/// The policy whose boot document is measured.
const POLICY: &str = "policies/adforge";

/// Builds what is to be measured, prints the table, and counts the budgets kept.
pub(crate) fn print(workspace: &Workspace) -> Result<Tally> {
    assets::build(workspace)?;
    measure(workspace, Build::Dev)
}

/// As [`print()`], of the assets that are there and of the server from this build.
pub(crate) fn measure(workspace: &Workspace, build: Build) -> Result<Tally> {
    let programs = progress::step("server, for its boot documents", || server::build(workspace, build))?;
    let asset = |name: &str| -> Result<Size> {
        let path = workspace.assets().join(name);
        Ok(Size { raw: files::read(&path)?.len(), br: files::read(&files::with_br(&path))?.len() })
    };
    let mut rows = vec![Row { name: "loader".into(), size: asset("loader.js")?, br_max: Some(LOADER_BR_BYTES_MAX) }];
    // What a part costs, a site decides for itself by asking for it.
    for part in assets::PARTS {
        rows.push(Row { name: format!("part: {part}"), size: asset(&format!("{part}.js"))?, br_max: None });
    }
    for language in languages(workspace)? {
        let mut boot = Command::new(&programs.consentry);
        let boot = command::output(boot.current_dir(&workspace.root).args(["boot", POLICY, "--lang", &language]))?;
        let size = Size { raw: boot.len(), br: files::brotli(boot.as_bytes())?.len() };
        let name = format!("loader + boot document of adforge, {language}");
        rows.push(Row { name, size, br_max: Some(FIRST_VISIT_BR_BYTES_MAX) });
    }
    for name in assets::LATER.map(|name| format!("{name}.js")) {
        rows.push(Row { size: asset(&name)?, name, br_max: None });
    }
    let (glue, wasm) = (asset("widget.js")?, asset("widget.wasm")?);
    rows.push(Row { name: "widget.js".into(), size: glue, br_max: None });
    rows.push(Row { name: "widget.wasm".into(), size: wasm, br_max: None });
    let both = Size { raw: glue.raw + wasm.raw, br: glue.br + wasm.br };
    rows.push(Row { name: "widget.js + widget.wasm".into(), size: both, br_max: Some(WIDGET_BR_BYTES_MAX) });

    print!("{}", table(&rows));
    Ok(rows.iter().map(Row::tally).sum())
}

/// Those that the policy has texts for: each is a file beside it.
fn languages(workspace: &Workspace) -> Result<Vec<String>> {
    let folder = workspace.root.join(POLICY);
    let mut languages = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read `{}`", folder.display()))? {
        let name = entry.with_context(|| format!("cannot read `{}`", folder.display()))?.file_name();
        let language = name.to_str().and_then(|name| name.strip_suffix(".toml")).filter(|stem| *stem != "policy");
        languages.extend(language.map(str::to_owned));
    }
    languages.sort_unstable();
    Ok(languages)
}

#[derive(Clone, Copy)]
struct Size {
    raw: usize,
    br: usize,
}

struct Row {
    name: String,
    size: Size,
    br_max: Option<usize>,
}

impl Row {
    fn tally(&self) -> Tally {
        match self.br_max {
            None => Tally::default(),
            Some(br_max) if self.size.br <= br_max => Tally::PASSED,
            Some(_) => Tally::FAILED,
        }
    }
}

fn table(rows: &[Row]) -> String {
    let mut table = format!("{:<40} {:>9} {:>9} {:>9}\n", "bytes", "raw", "brotli", "budget");
    for row in rows {
        let (budget, verdict) = match row.br_max {
            None => (String::new(), ""),
            Some(br_max) => (grouped(br_max), if row.size.br <= br_max { "  ok" } else { "  over" }),
        };
        let line =
            format!("{:<40} {:>9} {:>9} {budget:>9}{verdict}", row.name, grouped(row.size.raw), grouped(row.size.br));
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}

/// 81920 as `81 920`.
fn grouped(number: usize) -> String {
    if number < 1000 { number.to_string() } else { format!("{} {:03}", grouped(number / 1000), number % 1000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_marks_what_is_over() {
        let rows = [
            Row { name: "loader".into(), size: Size { raw: 14_210, br: 6_144 }, br_max: Some(6_144) },
            Row { name: "widget.js".into(), size: Size { raw: 999, br: 1_000_007 }, br_max: None },
            Row { name: "both".into(), size: Size { raw: 0, br: 6_145 }, br_max: Some(6_144) },
        ];
        let expected = "\
bytes                                          raw    brotli    budget
loader                                      14 210     6 144     6 144  ok
widget.js                                      999 1 000 007
both                                             0     6 145     6 144  over
";
        assert_eq!(table(&rows), expected);
        assert_eq!(rows.iter().map(Row::tally).sum::<Tally>(), Tally { passed: 1, failed: 1, skipped: 0 });
    }
}
