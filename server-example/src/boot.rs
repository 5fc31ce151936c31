//! The one hop: parts, loader and boot document in one script, for one language and those places where the same holds.
//!
//! The decisions in it are the core's, for the outcomes that a banner can bring about alone; the loader looks them up and
//! never decides.

use crate::assets::{BrowserFiles, asset_name};
use crate::content::Content;
use crate::parts;
use consentry_core::notice::Notice;
use consentry_core::source::{Layout, Published};
use consentry_core::wire::{CentreDoc, PolicyDoc, V1};
use consentry_core::{
    Context, Earlier, Jurisdiction, Language, NoticeHash, Period, Policy, PolicyHash, PolicyHistory, Purpose,
    PurposeId, Regime, Signal, SiteId, Stance, Target, Time, allowed_after, day_in, earlier,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Where a pinned script finds its server: a folder above its own. It is code in place of the empty `base`.
const BASE_OF_PINNED: &str = r#""base":new URL("..",document.currentScript.src).href.slice(0,-1)"#;

/// What a script is wanted for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) published: &'a Published,
    pub(crate) files: &'a BrowserFiles,
    /// What is shown.
    pub(crate) notice: &'a Notice,
    /// The preference centre's document for that notice.
    pub(crate) centre: &'a Content,
    /// Where people may be who get it; one of the notice's regime and no others, and alike in the signals that are honoured.
    pub(crate) places: &'a [Option<Jurisdiction>],
    pub(crate) now: Time,
}

/// How a script gets to the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery<'a> {
    /// From `/{site}.js`, where there will be others.
    Moving {
        /// Where the server is reached; empty for where the script came from.
        base: &'a str,
    },
    /// From `/assets/`, under the hash of these bytes.
    Pinned,
    /// Copied to some web server, and none of ours behind it.
    Bundled,
}

/// What the loader is called with.
#[derive(Debug, Serialize)]
struct BootDoc<'a> {
    v: V1,
    site: &'a SiteId,
    base: &'a str,
    policy: PolicyHash,
    notice: NoticeHash,
    language: &'a Language,
    languages: Vec<&'a Language>,
    dir: &'static str,
    regime: Regime,
    valid_ms: u64,
    /// How long a refusal is not asked again (R12).
    rest_ms: u64,
    allowed: AllowedDoc,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpc: Option<Vec<Target>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    earlier: BTreeMap<String, EarlierDoc>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    names: BTreeMap<&'a str, &'a Target>,
    #[serde(skip_serializing_if = "Option::is_none")]
    layout: Option<&'static str>,
    #[serde(skip_serializing_if = "is_false")]
    script: bool,
    #[serde(skip_serializing_if = "is_false")]
    local: bool,
    texts: BannerDoc<'a>,
    widget: WidgetDoc,
}

/// The targets that are allowed after each outcome.
#[derive(Debug, Serialize)]
struct AllowedDoc {
    nothing: Vec<Target>,
    refused: Vec<Target>,
    granted: Vec<Target>,
}

/// What has become of choices under an earlier policy.
#[derive(Debug, Serialize)]
struct EarlierDoc {
    ends: Vec<Target>,
    asks: Vec<Target>,
    /// Of what is asked that which is new, and so is asked of those who refused, too.
    fresh: Vec<Target>,
    /// For each target that is asked, what the banner says of its purpose.
    lines: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
}

/// The banner's texts, and those of what stands in place of something that is not loaded.
#[derive(Debug, Serialize)]
struct BannerDoc<'a> {
    title: &'a str,
    text: &'a str,
    lines: Vec<String>,
    accept: &'a str,
    refuse: &'a str,
    choose: &'a str,
    offline: &'a str,
    failed: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<&'a str>,
    change_title: &'a str,
    change_text: &'a str,
    gate_off: &'a str,
    gate_allow: &'a str,
}

/// What is loaded when it is wanted: each a path and its integrity.
#[derive(Debug, Serialize)]
struct WidgetDoc {
    js: (String, String),
    wasm: (String, String),
    centre: (String, String),
    more: (String, String),
    debug: (String, String),
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// The parts and the loader, each called with what it has to know.
pub(crate) fn script(wanted: &Wanted<'_>, delivery: Delivery<'_>) -> String {
    let Wanted { published, files, notice, .. } = *wanted;
    let mut boot = json_in_script(&document(wanted, delivery));
    if delivery == Delivery::Pinned {
        // The first of that name is the field: what stands before it has no quotes within.
        boot = boot.replacen(r#""base":"""#, BASE_OF_PINNED, 1);
    }
    format!("{}{}({boot});", parts::calls(published, notice.regime, files), files.loader)
}

fn document<'a>(wanted: &Wanted<'a>, delivery: Delivery<'a>) -> BootDoc<'a> {
    let Wanted { published, notice, places, now, .. } = *wanted;
    let Published { policy, history, page, .. } = published;
    let place = places.first().cloned().flatten();
    let context = Context { jurisdiction: place, ..Context::at(now) };
    let gpc = ended_by_gpc(history, &context);
    let earlier = earlier_docs(published, notice, places, now);
    let texts = banner(policy, notice, gpc.is_some());
    BootDoc {
        v: V1,
        site: &policy.parts().site,
        base: if let Delivery::Moving { base } = delivery { base } else { "" },
        policy: policy.hash(),
        notice: notice.hash,
        language: &notice.language,
        languages: match delivery {
            // Whoever pinned one script does not want another.
            Delivery::Pinned => vec![&notice.language],
            Delivery::Moving { .. } | Delivery::Bundled => published.languages().collect(),
        },
        dir: notice.direction.as_str(),
        regime: notice.regime,
        valid_ms: policy.shortest_validity().as_ms(),
        rest_ms: rests(policy, places).as_ms(),
        allowed: AllowedDoc {
            nothing: allowed_after(history, None, &context),
            refused: allowed_after(history, Some(Stance::Refuse), &context),
            granted: allowed_after(history, Some(Stance::Grant), &context),
        },
        gpc,
        earlier,
        names: page.names.iter().map(|(name, target)| (name.as_str(), target)).collect(),
        layout: (page.layout != Layout::Bar).then(|| page.layout.as_str()),
        script: page.script_choices,
        local: delivery == Delivery::Bundled,
        texts,
        widget: widget(wanted),
    }
}

/// As long as the choice holds, and no shorter than the law of any of these places says.
fn rests(policy: &Policy, places: &[Option<Jurisdiction>]) -> Period {
    let of_law = places.iter().map(|place| policy.law(place.as_ref()).rest());
    of_law.fold(policy.shortest_validity(), Period::max)
}

/// What Global Privacy Control ends of what was granted or had started on by itself; nothing where it is not honoured.
fn ended_by_gpc(history: &PolicyHistory, context: &Context) -> Option<Vec<Target>> {
    let law = history.newest().law(context.jurisdiction.as_ref());
    law.signals.contains(&Signal::Gpc).then(|| {
        let signalled = Context { signal: Some(Signal::Gpc), ..context.clone() };
        let ended = |target: &Target| {
            [None, Some(Stance::Grant)].into_iter().any(|stance| {
                let is_allowed = |context| allowed_after(history, stance, context).contains(target);
                is_allowed(context) && !is_allowed(&signalled)
            })
        };
        history.newest().targets().filter(ended).collect()
    })
}

fn earlier_docs(
    published: &Published,
    notice: &Notice,
    places: &[Option<Jurisdiction>],
    now: Time,
) -> BTreeMap<String, EarlierDoc> {
    let Published { policy, history, .. } = published;
    let effective = history.versions().next_back().map(|version| version.effective).filter(|time| *time > now);
    let from = effective.map(|time| notice.texts.get("change.from").replace("{date}", &day_in(&notice.language, time)));
    let doc = |Earlier { policy: old, ends, mut asks }| {
        // As the banner has them.
        asks.sort_by_key(|target| policy.purpose(&target.purpose).map(|purpose| purpose.kind));
        let was_asked: Vec<Target> = history.published(old).into_iter().flat_map(Policy::choosable).collect();
        let fresh = asks.iter().filter(|target| !was_asked.contains(target)).cloned().collect();
        let lines = asks.iter().map(|target| line(notice, &target.purpose)).collect();
        (old.to_string(), EarlierDoc { ends, asks, fresh, lines, from: from.clone() })
    };
    earlier(history, places, now).into_iter().map(doc).collect()
}

/// One line for each purpose that people can choose about.
fn lines(policy: &Policy, notice: &Notice) -> Vec<String> {
    let mut asked: Vec<&Purpose> = policy.parts().purposes.iter().filter(|purpose| purpose.is_choosable()).collect();
    // Stable: purposes of one kind stay in the policy's order.
    asked.sort_by_key(|purpose| purpose.kind);
    asked.into_iter().map(|purpose| line(notice, &purpose.id)).collect()
}

fn line(notice: &Notice, purpose: &PurposeId) -> String {
    notice.texts.get(&format!("purpose.{purpose}.line")).to_owned()
}

fn banner<'a>(policy: &Policy, notice: &'a Notice, hears_gpc: bool) -> BannerDoc<'a> {
    let texts = &notice.texts;
    BannerDoc {
        title: texts.get("banner.title"),
        text: texts.get("banner.text"),
        lines: lines(policy, notice),
        accept: texts.get("ui.accept"),
        refuse: texts.get("ui.refuse"),
        choose: texts.get("ui.choose"),
        offline: texts.get("ui.offline"),
        failed: texts.get("ui.failed"),
        signal: hears_gpc.then(|| texts.get("signal.honoured")),
        change_title: texts.get("change.title"),
        change_text: texts.get("change.text"),
        gate_off: texts.get("gate.off"),
        gate_allow: texts.get("gate.allow"),
    }
}

fn widget(wanted: &Wanted<'_>) -> WidgetDoc {
    let asset = |name: &str, content: &Content| (format!("/assets/{name}"), content.integrity());
    let [js, wasm, more, debug] = wanted.files.shared().map(|(name, content)| asset(&name, content));
    let centre = asset(&centre_name(wanted.notice, wanted.published, wanted.centre), wanted.centre);
    WidgetDoc { js, wasm, centre, more, debug }
}

/// What a file for that notice alone is called, up to its hash: `adforge.en.opt-in`.
pub(crate) fn stem(published: &Published, notice: &Notice) -> String {
    format!("{}.{}.{}", published.policy.parts().site, notice.language, notice.regime)
}

/// What a pinned script is called under `/assets/`.
pub(crate) fn pinned_name(wanted: &Wanted<'_>, script: &Content) -> String {
    asset_name(&stem(wanted.published, wanted.notice), script, "js")
}

/// What the preference centre's document is served as.
pub(crate) const JSON: &str = "application/json";

/// What the preference centre's document is called under `/assets/`.
pub(crate) fn centre_name(notice: &Notice, published: &Published, centre: &Content) -> String {
    asset_name(&stem(published, notice), centre, "json")
}

/// What the preference centre opens with.
pub(crate) fn centre(published: &Published, notice: &Notice) -> String {
    let policy = &published.policy;
    json(&CentreDoc {
        v: V1,
        hash: policy.hash(),
        notice: notice.hash,
        language: notice.language.clone(),
        dir: notice.direction.as_str().into(),
        regime: notice.regime,
        policy: PolicyDoc::from(policy.parts()),
        texts: notice.texts.clone(),
    })
}

fn json(doc: &impl Serialize) -> String {
    // Texts, numbers and lists: nothing here that JSON cannot say. The browser would take `null` for no document at all.
    serde_json::to_string(doc).unwrap_or_else(|_| "null".into())
}

/// JSON that is safe wherever a script is: none of it ends a `<script>`, and no character of it ends a line in scripts
/// of before ES2019. All of these occur within strings only.
pub(crate) fn json_in_script(doc: &impl Serialize) -> String {
    json(doc).replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_in_a_script_cannot_leave_it() {
        let text = "</script><!-- \u{2028}\u{2029} \\";
        let json = json_in_script(&text);
        assert_eq!(json, r#""\u003c/script>\u003c!-- \u2028\u2029 \\""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
