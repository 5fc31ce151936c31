//! What `consentry check` prints: a policy in short, or what is wrong with it, shown as rustc shows errors.

use crate::folder::SiteFolder;
use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use consentry_core::source::{Page, Pattern, Published, SourceError};
use consentry_core::{Processor, Purpose, Target, Terms, Version};
use std::fmt::{self, Write};

/// A policy in short: what it is called, what it promises.
pub(crate) fn summary(published: &Published) -> String {
    let parts = published.policy.parts();
    let mut table = Table::default();
    table.row("site", format!("{}, {}, {}", parts.site, parts.controller.name, parts.controller.contact));
    table.row("policy", published.policy.hash());
    table.row("a choice", format!("holds {}; a decision {}", parts.validity, parts.recheck));
    if let Some(age) = parts.minimum_age {
        table.row("ages", format!("not for people younger than {age}"));
    }
    for version in published.history.versions() {
        let Version { policy, published, effective } = version;
        if effective.as_ms() > 0 {
            table.row("history", format!("{} published {published}, holds from {effective}", policy.hash()));
        }
    }
    for notice in &published.notices {
        table.row("notices", format!("{:<9} {:<8} {}", notice.language.as_str(), notice.regime.as_str(), notice.hash));
    }
    for origin in &published.origins {
        table.row("origins", origin);
    }
    for line in page(&published.page) {
        table.row("page", line);
    }
    for purpose in &parts.purposes {
        table.row("purposes", format!("{:<24} {}", purpose.id.as_str(), terms(purpose)));
    }
    for processor in &parts.processors {
        table.row("processors", format!("{:<24} {}", processor.id.as_str(), handling(processor)));
    }
    for feature in &parts.features {
        table.row("features", format!("{:<24} needs {}", feature.id.as_str(), list(&feature.needs)));
    }
    for mode in &parts.modes {
        let kept = mode.retention.map_or_else(String::new, |retention| format!("; kept: {retention}"));
        table.row("modes", format!("{:<24} denies {}{kept}", mode.id.as_str(), list(&mode.denies)));
    }
    table.text
}

/// How the page is wired, as far as that is not the least that it can be.
fn page(page: &Page) -> Vec<String> {
    let each = |of: &[(Target, Vec<Pattern>)]| -> Vec<String> {
        of.iter().map(|(target, patterns)| format!("{} ({target})", list(patterns))).collect()
    };
    let google = page.google.iter().flatten();
    let rows = [
        ("layout", vec![page.layout.to_string()]),
        ("google", google.map(|(target, signals)| format!("{} ({target})", list(signals))).collect()),
        ("microsoft", page.microsoft.iter().map(ToString::to_string).collect()),
        ("wordpress", page.wordpress.iter().map(|(category, target)| format!("{category} ({target})")).collect()),
        ("holds back", page.hosts.iter().map(|(host, target)| format!("{host} ({target})")).collect()),
        ("removes cookies", each(&page.cookies)),
        ("removes keys", each(&page.storage)),
        ("reloads for", page.reload.iter().map(ToString::to_string).collect()),
        ("names", page.names.iter().map(|(name, target)| format!("{name} ({target})")).collect()),
        ("imports", page.imports.iter().map(|import| import.from.to_string()).collect()),
    ];
    let said = rows.into_iter().filter(|(_, items)| !items.is_empty());
    said.map(|(what, items)| format!("{what:<24} {}", items.join(", "))).collect()
}

/// Lines under titles; a title is written once.
#[derive(Default)]
struct Table {
    text: String,
    title: &'static str,
}

impl Table {
    fn row(&mut self, title: &'static str, line: impl fmt::Display) {
        let shown = if title == self.title { "" } else { title };
        self.title = title;
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{shown:<12}{line}");
    }
}

fn terms(purpose: &Purpose) -> String {
    let of = |terms: Terms| format!("{} by {}", terms.control, terms.basis);
    let strictest = of(purpose.terms);
    let looser = purpose.opt_out_terms.map(|terms| format!(" ({} where the law allows it)", of(terms)));
    let looser = looser.unwrap_or_default();
    format!("{strictest}{looser}; {}; kept: {}", list(&purpose.data), purpose.retention)
}

fn handling(processor: &Processor) -> String {
    let Processor { name, country, safeguard, trains, own_use, retention, uses, .. } = processor;
    let uses = uses.iter().map(|usage| format!("{} ({})", usage.purpose, list(&usage.data)));
    let handling = format!("{safeguard}; trains: {trains}; own use: {own_use}; kept: {retention}");
    format!("{name}, {country}, {handling}; for {}", list(&uses.collect::<Vec<_>>()))
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The errors of one site, with excerpts of its files.
pub(crate) fn errors(folder: &SiteFolder, errors: &[SourceError], renderer: &Renderer) -> String {
    let mut text = String::new();
    for error in errors {
        text.push_str(&render(folder, error, renderer));
        text.push_str("\n\n");
    }
    let plural = if errors.len() == 1 { "" } else { "s" };
    let _ = writeln!(text, "{} error{plural} in `{}`", errors.len(), folder.path.display());
    text
}

fn render(folder: &SiteFolder, error: &SourceError, renderer: &Renderer) -> String {
    let path = folder.path.join(&error.file).display().to_string();
    let place = match folder.files.iter().find(|file| file.name == error.file) {
        // An error about a file as a whole points at nothing in it.
        Some(file) if !(error.span.is_empty() && error.note.is_none()) => {
            let mut snippet =
                Snippet::source(&file.text).path(path).annotation(AnnotationKind::Primary.span(error.span.clone()));
            if let Some(note) = &error.note {
                snippet =
                    snippet.annotation(AnnotationKind::Context.span(note.span.clone()).label("this says otherwise"));
            }
            Element::from(snippet)
        }
        Some(_) | None => Element::from(Origin::path(path).line(error.line).char_column(error.column)),
    };
    let report: [Group<'_>; 1] = [Level::ERROR
        .primary_title(error.message.replace('\n', ", "))
        .element(place)
        .element(Level::HELP.message(&*error.help))];
    renderer.render(&report).to_string()
}
