//! `[page]` of `policy.toml`: its shape, and what can be wrong with it beside a policy that holds together.

use super::Origin;
use super::error::Report;
use super::file::{Word, every, optional, read};
use super::page::{
    GoogleSignal, Host, Import, LISTED_MAX, Layout, OtherName, OtherSystem, Page, Pattern, WordpressCategory,
};
use crate::{Policy, Target};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

/// Lists by the target that they are about.
type Lists = BTreeMap<Word, Vec<Word>>;
/// One word by another.
type Pairs = BTreeMap<Word, Word>;
/// Lists that have been read.
type Listed<T> = Vec<(Target, Vec<T>)>;

/// How the site's pages are wired to this policy. It promises nothing, so that nobody is asked again when it changes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PageTable {
    /// Where the banner stands; `bar` if nothing is said.
    #[schemars(with = "Option<Layout>")]
    layout: Option<Word>,
    /// Whether the site's own code may grant without a click. It may always refuse.
    #[serde(default)]
    script_choices: bool,
    /// Google Consent Mode, version 2: denied before any tag, updated at each choice. Needs `google_signals`.
    #[schemars(with = "Option<bool>")]
    google: Option<Spanned<bool>>,
    /// What `ad_storage` of Microsoft's UET follows.
    #[schemars(with = "Option<Target>")]
    microsoft: Option<Word>,
    /// What reloads the page when it is withdrawn, since what has run cannot be unrun.
    #[serde(default)]
    #[schemars(with = "Vec<Target>")]
    reload: Vec<Word>,
    /// The signals that each of these stands for.
    #[schemars(with = "Option<BTreeMap<Target, Vec<GoogleSignal>>>")]
    google_signals: Option<Spanned<Lists>>,
    /// What each category of the WordPress Consent API follows.
    #[serde(default)]
    #[schemars(with = "BTreeMap<WordpressCategory, Target>")]
    wordpress: Pairs,
    /// Hosts, with their subdomains, that untagged elements may not ask while this is denied.
    #[serde(default)]
    #[schemars(with = "BTreeMap<Target, Vec<Host>>")]
    hosts: Lists,
    /// Cookies that are removed while this is denied; `*` stands for anything.
    #[serde(default)]
    #[schemars(with = "BTreeMap<Target, Vec<Pattern>>")]
    cookies: Lists,
    /// The same of the keys of `localStorage` and `sessionStorage`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<Target, Vec<Pattern>>")]
    storage: Lists,
    /// What other systems' markup, and their stored choices, call a target.
    #[serde(default)]
    #[schemars(with = "BTreeMap<OtherName, Target>")]
    names: Pairs,
    /// Choices made with another system that are taken over.
    imports: Option<ImportsTable>,
}

/// Choices made with another system that are taken over.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ImportsTable {
    /// The systems.
    #[schemars(with = "Vec<OtherSystem>", length(min = 1))]
    from: Spanned<Vec<Word>>,
    /// The names of their cookies, where those are not the usual ones.
    #[serde(default)]
    #[schemars(with = "BTreeMap<OtherSystem, Pattern>")]
    cookie: Pairs,
}

/// Reads the table; `None` if the report then has errors.
pub(super) fn read_page(
    table: &PageTable,
    policy: &Policy,
    origins: &[Origin],
    report: &mut Report<'_>,
) -> Option<Page> {
    let mut reader = Reader { policy, report };
    let layout = optional(table.layout.as_ref(), reader.report);
    let google = reader.google(table);
    let microsoft = table.microsoft.as_ref().map(|word| reader.choosable(word));
    let reload = every(&table.reload, |word| reader.choosable(word));
    let wordpress = reader.wordpress(&table.wordpress);
    let hosts = reader.hosts(&table.hosts, origins);
    let (cookies, storage) = (reader.patterns(&table.cookies), reader.patterns(&table.storage));
    reader.spare_our_own(&table.storage);
    let names = reader.names(&table.names);
    let imports = match &table.imports {
        None => Some(Vec::new()),
        Some(imports) => reader.imports(imports, names.as_deref()),
    };
    if !report.errors.is_empty() {
        return None;
    }
    Some(Page {
        layout: layout?.unwrap_or(Layout::Bar),
        script_choices: table.script_choices,
        google: google?,
        microsoft: microsoft.flatten(),
        wordpress: wordpress?,
        reload: reload?,
        hosts: hosts?,
        cookies: cookies?,
        storage: storage?,
        names: names?,
        imports: imports?,
    })
}

struct Reader<'a, 'b> {
    policy: &'a Policy,
    report: &'a mut Report<'b>,
}

impl Reader<'_, '_> {
    /// A target of the policy, whether or not people can choose about it.
    fn target(&mut self, word: &Word) -> Option<Target> {
        let target: Target = read(word, self.report)?;
        if self.policy.has(&target) {
            return Some(target);
        }
        let help = format!("correct the name: there are {}", listed(self.policy.targets()));
        self.report.error(word.span(), format!("the policy has no `{target}`"), help);
        None
    }

    fn choosable(&mut self, word: &Word) -> Option<Target> {
        let target = self.target(word)?;
        if self.policy.choosable().any(|choosable| choosable == target) {
            return Some(target);
        }
        let help = format!("name what has a switch: {}", listed(self.policy.choosable()));
        self.report.error(word.span(), format!("`{target}` is not a matter of choice"), help);
        None
    }

    /// The list of each target, read word by word.
    fn lists<T>(&mut self, lists: &Lists, mut item: impl FnMut(&mut Self, &Word) -> Option<T>) -> Option<Listed<T>> {
        let mut number = 0;
        let lists: Vec<(&Word, &Vec<Word>)> = lists.iter().collect();
        every(&lists, |(word, list)| {
            let target = self.choosable(word);
            if list.is_empty() {
                self.report.error(
                    word.span(),
                    format!("`{}` has nothing", word.get_ref()),
                    "name something, or remove it",
                );
            }
            for (n, listed) in list.iter().enumerate() {
                if list.iter().take(n).any(|earlier| earlier.get_ref() == listed.get_ref()) {
                    self.twice(listed);
                }
            }
            number += list.len();
            if number > LISTED_MAX && number - list.len() <= LISTED_MAX {
                self.report.error(word.span(), format!("more than {LISTED_MAX} in one table"), "keep to fewer");
            }
            Some((target?, every(list, |word| item(self, word))?))
        })
    }

    fn twice(&mut self, word: &Word) {
        self.report.error(word.span(), format!("`{}` is named twice", word.get_ref()), "remove one of them");
    }

    #[allow(clippy::option_option, reason = "not there, and there but unreadable, are two things")]
    fn google(&mut self, table: &PageTable) -> Option<Option<Listed<GoogleSignal>>> {
        let Some(signals) = &table.google_signals else {
            if let Some(google) = table.google.as_ref().filter(|google| *google.get_ref()) {
                let help = "add `[page.google_signals]`, e.g. `analytics = [\"analytics_storage\"]`";
                self.report.error(google.span(), "`google` without `google_signals`", help);
            }
            return Some(None);
        };
        if !table.google.as_ref().is_some_and(|google| *google.get_ref()) {
            self.report.error(signals.span(), "`google_signals` without `google`", "write `google = true` in `[page]`");
        } else if signals.get_ref().is_empty() {
            let help = "name a target and its signals, e.g. `analytics = [\"analytics_storage\"]`";
            self.report.error(signals.span(), "`google_signals` has nothing", help);
        }
        self.lists(signals.get_ref(), |reader, word| read(word, reader.report)).map(Some)
    }

    fn wordpress(&mut self, pairs: &Pairs) -> Option<Vec<(WordpressCategory, Target)>> {
        let pairs: Vec<(&Word, &Word)> = pairs.iter().collect();
        every(&pairs, |(category, target)| {
            let (category, target) = (read(category, self.report), self.choosable(target));
            Some((category?, target?))
        })
    }

    fn hosts(&mut self, lists: &Lists, origins: &[Origin]) -> Option<Vec<(Host, Target)>> {
        let mut seen: Vec<Host> = Vec::new();
        let lists = self.lists(lists, |reader, word| {
            let host: Host = read(word, reader.report)?;
            let is_own = |origin: &Origin| {
                let authority = origin.as_str().split_once("://").map_or("", |(_, authority)| authority);
                host.covers(authority.rsplit_once(':').map_or(authority, |(host, _)| host))
            };
            if let Some(own) = origins.iter().find(|origin| is_own(origin)) {
                let help = "name the host of what waits, such as `stats.example`";
                reader.report.error(word.span(), format!("`{host}` is the site itself: see `{own}`"), help);
            }
            if seen.contains(&host) {
                reader.twice(word);
            }
            seen.push(host.clone());
            Some(host)
        })?;
        let of_target = |(target, hosts): (Target, Vec<Host>)| {
            hosts.into_iter().map(move |host| (host, target.clone())).collect::<Vec<_>>()
        };
        Some(lists.into_iter().flat_map(of_target).collect())
    }

    fn patterns(&mut self, lists: &Lists) -> Option<Listed<Pattern>> {
        self.lists(lists, |reader, word| read(word, reader.report))
    }

    /// What is removed when something is refused must not be the refusal.
    fn spare_our_own(&mut self, lists: &Lists) {
        let own = format!("consentry:{}", self.policy.parts().site);
        for word in lists.values().flatten() {
            if word.get_ref().parse().is_ok_and(|pattern: Pattern| pattern.names(&own)) {
                let message = format!("`{}` names `{own}`, where choices are kept", word.get_ref());
                self.report.error(word.span(), message, "name only what the target keeps");
            }
        }
    }

    fn names(&mut self, pairs: &Pairs) -> Option<Vec<(OtherName, Target)>> {
        if let Some((word, _)) = pairs.iter().nth(LISTED_MAX) {
            self.report.error(word.span(), format!("more than {LISTED_MAX} in one table"), "keep to fewer");
        }
        let pairs: Vec<(&Word, &Word)> = pairs.iter().collect();
        every(&pairs, |(word, meant)| {
            let (name, target) = (read::<OtherName>(word, self.report), self.target(meant));
            let (name, target) = (name?, target?);
            let own = name.as_str().parse().ok().filter(|own: &Target| self.policy.has(own));
            if own.is_some_and(|own| own != target) {
                let help = format!("remove it: `{name}` stands for itself, and cannot also stand for `{target}`");
                self.report.error(word.span(), format!("`{name}` is the policy's own name for something else"), help);
            }
            Some((name, target))
        })
    }

    /// `names` are none where they could not be read; then nobody can tell whether any of them fits.
    fn imports(&mut self, table: &ImportsTable, names: Option<&[(OtherName, Target)]>) -> Option<Vec<Import>> {
        if table.from.get_ref().is_empty() {
            let help = "name a system, e.g. `from = [\"cookieconsent\"]`, or remove `[page.imports]`";
            self.report.error(table.from.span(), "imports from nowhere", help);
        }
        let mut seen: Vec<OtherSystem> = Vec::new();
        let systems = every(table.from.get_ref(), |word| {
            let system: OtherSystem = read(word, self.report)?;
            if seen.contains(&system) {
                self.twice(word);
            }
            seen.push(system);
            if names.is_some_and(|names| !self.fits(system, names)) {
                let help = format!("say in `[page.names]` what it calls a target: {}", example_of(system));
                self.report.error(word.span(), format!("no name fits what `{system}` stores"), help);
            }
            Some(system)
        });
        let pairs: Vec<(&Word, &Word)> = table.cookie.iter().collect();
        let cookies = every(&pairs, |(word, cookie)| {
            let (system, name) = (read::<OtherSystem>(word, self.report), read::<Pattern>(cookie, self.report));
            let (system, name) = (system?, name?);
            if !seen.contains(&system) {
                let help = format!("add `{system}` to `from`, or remove this");
                self.report.error(word.span(), format!("nothing is taken over from `{system}`"), help);
            }
            if name.as_str().contains('*') {
                self.report.error(cookie.span(), "a cookie has one name", "write it without `*`");
            }
            Some((system, name))
        });
        let cookies = cookies?;
        let cookie_of = |system| {
            let own = cookies.iter().find(|(of, _)| *of == system);
            own.map(|(_, name)| name.as_str().into())
        };
        Some(systems?.into_iter().map(|from| Import { from, cookie: cookie_of(from) }).collect())
    }

    /// Whether anything that the system stores could be a choice about one of our targets.
    fn fits(&self, system: OtherSystem, names: &[(OtherName, Target)]) -> bool {
        let is_choosable = |target: &Target| self.policy.choosable().any(|choosable| choosable == *target);
        let of_names = names.iter().filter(|(_, target)| is_choosable(target)).map(|(name, _)| name.to_string());
        let mut known = of_names.chain(self.policy.choosable().map(|target| target.to_string()));
        match system {
            // Whoever set these up has named categories and services freely.
            OtherSystem::Cookieconsent | OtherSystem::Klaro => known.next().is_some(),
            OtherSystem::C15t => {
                known.any(|name| ["experience", "functionality", "marketing", "measurement"].contains(&&*name))
            }
            // The ids of its groups: `C0002`, and others, but all of them begin with a capital.
            OtherSystem::Onetrust => known.any(|name| name.starts_with(|c: char| c.is_ascii_uppercase())),
            OtherSystem::Cookiebot => known.any(|name| ["preferences", "statistics", "marketing"].contains(&&*name)),
        }
    }
}

const fn example_of(system: OtherSystem) -> &'static str {
    match system {
        OtherSystem::Cookieconsent | OtherSystem::Klaro => "`analytics = \"…\"`",
        OtherSystem::C15t => "`experience`, `functionality`, `marketing` or `measurement`",
        OtherSystem::Onetrust => "the id of a group, e.g. `C0002 = \"…\"`",
        OtherSystem::Cookiebot => "`preferences`, `statistics` or `marketing`",
    }
}

fn listed(targets: impl Iterator<Item = Target>) -> String {
    let names: Vec<String> = targets.map(|target| format!("`{target}`")).collect();
    if names.is_empty() { "none".to_string() } else { names.join(", ") }
}
