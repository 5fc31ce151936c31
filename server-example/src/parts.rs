//! The parts of a site's script that its policy asks for in `[page]`, each called with what it has to know.
//!
//! A part sees nothing of the loader: what it is called with here, DOM events and `window.consentry` are all it has.

use crate::assets::BrowserFiles;
use crate::boot::json_in_script;
use consentry_core::source::{Page, Pattern, Published};
use consentry_core::{Regime, SiteId, Target};
use serde::Serialize;
use std::collections::BTreeMap;

/// Tells other systems on the page what is allowed.
#[derive(Debug, Serialize)]
struct SignalsConfig<'a> {
    /// For each of Google's signals the targets that it takes, all of them.
    google: Option<BTreeMap<&'a str, Vec<&'a Target>>>,
    microsoft: Option<&'a Target>,
    wordpress: Option<BTreeMap<&'a str, &'a Target>>,
    /// Whether people are asked first, which WordPress wants to know.
    optin: bool,
}

/// Holds back what untagged elements would ask of these hosts.
#[derive(Debug, Serialize)]
struct GuardConfig<'a> {
    hosts: BTreeMap<&'a str, &'a Target>,
}

/// Takes over what was chosen with another system.
#[derive(Debug, Serialize)]
struct ImportsConfig<'a> {
    site: &'a SiteId,
    from: Vec<&'a str>,
    cookie: BTreeMap<&'a str, &'a str>,
    names: BTreeMap<&'a str, &'a Target>,
    targets: Vec<Target>,
    validity_ms: u64,
}

/// Removes what a target keeps in the browser, and reloads the page where that does not undo it.
#[derive(Debug, Serialize)]
struct CleanConfig<'a> {
    clean: Vec<(&'a Target, Vec<&'a str>, Vec<&'a str>)>,
    reload: &'a [Target],
}

/// The calls that stand before the loader's; empty where the policy asks for none.
pub(crate) fn calls(published: &Published, regime: Regime, files: &BrowserFiles) -> String {
    let page = &published.page;
    let parts = [
        (&files.signals, signals(page, regime).map(|config| json_in_script(&config))),
        (&files.guard, guard(page).map(|config| json_in_script(&config))),
        (&files.imports, imports(published).map(|config| json_in_script(&config))),
        (&files.clean, clean(page).map(|config| json_in_script(&config))),
    ];
    parts.into_iter().filter_map(|(part, config)| Some(format!("{part}({});", config?))).collect()
}

fn signals(page: &Page, regime: Regime) -> Option<SignalsConfig<'_>> {
    let google = page.google.as_ref().map(|google| {
        let mut targets: BTreeMap<&str, Vec<&Target>> = BTreeMap::new();
        for (target, signals) in google {
            for signal in signals {
                targets.entry(signal.as_str()).or_default().push(target);
            }
        }
        targets
    });
    let wordpress: BTreeMap<&str, &Target> =
        page.wordpress.iter().map(|(category, target)| (category.as_str(), target)).collect();
    let wordpress = (!wordpress.is_empty()).then_some(wordpress);
    let is_wanted = google.is_some() || page.microsoft.is_some() || wordpress.is_some();
    let optin = regime != Regime::OptOut;
    is_wanted.then_some(SignalsConfig { google, microsoft: page.microsoft.as_ref(), wordpress, optin })
}

fn guard(page: &Page) -> Option<GuardConfig<'_>> {
    let hosts: BTreeMap<&str, &Target> = page.hosts.iter().map(|(host, target)| (host.as_str(), target)).collect();
    (!hosts.is_empty()).then_some(GuardConfig { hosts })
}

fn imports(published: &Published) -> Option<ImportsConfig<'_>> {
    let Published { policy, page, .. } = published;
    let named = page.imports.iter().filter_map(|import| Some((import.from.as_str(), import.cookie.as_deref()?)));
    (!page.imports.is_empty()).then(|| ImportsConfig {
        site: &policy.parts().site,
        from: page.imports.iter().map(|import| import.from.as_str()).collect(),
        cookie: named.collect(),
        names: page.names.iter().map(|(name, target)| (name.as_str(), target)).collect(),
        targets: policy.choosable().collect(),
        validity_ms: policy.shortest_validity().as_ms(),
    })
}

fn clean(page: &Page) -> Option<CleanConfig<'_>> {
    let mut clean: BTreeMap<&Target, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    for (target, patterns) in &page.cookies {
        clean.entry(target).or_default().0 = texts(patterns);
    }
    for (target, patterns) in &page.storage {
        clean.entry(target).or_default().1 = texts(patterns);
    }
    let clean: Vec<_> = clean.into_iter().map(|(target, (cookies, storage))| (target, cookies, storage)).collect();
    let is_wanted = !clean.is_empty() || !page.reload.is_empty();
    is_wanted.then_some(CleanConfig { clean, reload: &page.reload })
}

fn texts(patterns: &[Pattern]) -> Vec<&str> {
    patterns.iter().map(Pattern::as_str).collect()
}
