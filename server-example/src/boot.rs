//! The one hop: loader and boot document in one script, for each language and regime of a site.
//!
//! The decisions in it are the core's, for the three outcomes that a banner can bring about alone; the loader looks
//! them up and never decides.

use crate::assets::BrowserFiles;
use crate::content::Content;
use consentry_core::notice::Notice;
use consentry_core::source::Published;
use consentry_core::wire::{CentreDoc, PolicyDoc, V1};
use consentry_core::{
    Context, Language, NoticeHash, Policy, PolicyHash, PolicyHistory, Purpose, Regime, SiteId, Stance, Target, Time,
    allowed_after,
};
use serde::Serialize;

/// What the loader is called with.
#[derive(Debug, Serialize)]
struct BootDoc<'a> {
    v: V1,
    site: &'a SiteId,
    base: &'a str,
    policy: PolicyHash,
    notice: NoticeHash,
    language: &'a Language,
    dir: &'static str,
    regime: Regime,
    valid_ms: u64,
    allowed: AllowedDoc,
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

/// The banner's texts.
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
}

/// What "choose" loads: each a path and its integrity.
#[derive(Debug, Serialize)]
struct WidgetDoc {
    js: (String, String),
    wasm: (String, String),
    centre: (String, String),
}

/// The scripts of one site, and the files that they name.
#[derive(Debug, Default)]
pub(crate) struct Boot {
    scripts: Vec<Script>,
    /// By the last part of their path under `/assets/`.
    pub(crate) assets: Vec<(String, Content)>,
}

#[derive(Debug)]
struct Script {
    language: Language,
    regime: Regime,
    content: Content,
}

impl Boot {
    /// Composes and compresses one script for each notice whose regime is among `regimes`.
    pub(crate) fn compose(
        published: &Published,
        files: &BrowserFiles,
        base: &str,
        regimes: &[Regime],
        now: Time,
    ) -> Self {
        let mut boot = Self::default();
        for notice in published.notices.iter().filter(|notice| regimes.contains(&notice.regime)) {
            let (text, assets) = script(published, notice, files, base, now);
            let content = Content::new("text/javascript; charset=utf-8", text.into());
            boot.scripts.push(Script { language: notice.language.clone(), regime: notice.regime, content });
            boot.assets.extend(assets);
        }
        boot
    }

    /// The script in that language, in that regime.
    pub(crate) fn script(&self, language: &Language, regime: Regime) -> Option<&Content> {
        let mut scripts = self.scripts.iter();
        scripts.find(|s| s.language == *language && s.regime == regime).map(|s| &s.content)
    }
}

/// The loader called with the boot document, and the files that the document names.
pub(crate) fn script(
    published: &Published,
    notice: &Notice,
    files: &BrowserFiles,
    base: &str,
    now: Time,
) -> (String, [(String, Content); 3]) {
    let Published { policy, .. } = published;
    let centre = Content::new("application/json", centre(policy, notice).into());
    let name = |stem: &str, content: &Content, extension: &str| format!("{stem}.{}.{extension}", content.name);
    let centre_stem = format!("{}.{}.{}", policy.parts().site, notice.language, notice.regime);
    let assets = [
        (name("widget", &files.widget_js, "js"), files.widget_js.clone()),
        (name("widget", &files.widget_wasm, "wasm"), files.widget_wasm.clone()),
        (name(&centre_stem, &centre, "json"), centre),
    ];
    let [js, wasm, centre] = assets.each_ref().map(|(name, content)| (format!("/assets/{name}"), content.integrity()));
    let doc = BootDoc {
        v: V1,
        site: &policy.parts().site,
        base,
        policy: policy.hash(),
        notice: notice.hash,
        language: &notice.language,
        dir: notice.direction.as_str(),
        regime: notice.regime,
        valid_ms: policy.shortest_validity().as_ms(),
        allowed: allowed(&published.history, notice.regime, now),
        texts: banner(policy, notice),
        widget: WidgetDoc { js, wasm, centre },
    };
    (format!("{}({});", files.loader, json_in_script(&doc)), assets)
}

fn allowed(history: &PolicyHistory, regime: Regime, now: Time) -> AllowedDoc {
    let context = Context { jurisdiction: history.newest().somewhere(regime), ..Context::at(now) };
    AllowedDoc {
        nothing: allowed_after(history, None, &context),
        refused: allowed_after(history, Some(Stance::Refuse), &context),
        granted: allowed_after(history, Some(Stance::Grant), &context),
    }
}

fn banner<'a>(policy: &Policy, notice: &'a Notice) -> BannerDoc<'a> {
    let texts = &notice.texts;
    let mut asked: Vec<&Purpose> = policy.parts().purposes.iter().filter(|purpose| purpose.is_choosable()).collect();
    // Stable: purposes of one kind stay in the policy's order.
    asked.sort_by_key(|purpose| purpose.kind);
    let line = |purpose: &Purpose| texts.get(&format!("purpose.{}.line", purpose.id)).to_owned();
    BannerDoc {
        title: texts.get("banner.title"),
        text: texts.get("banner.text"),
        lines: asked.into_iter().map(line).collect(),
        accept: texts.get("ui.accept"),
        refuse: texts.get("ui.refuse"),
        choose: texts.get("ui.choose"),
        offline: texts.get("ui.offline"),
        failed: texts.get("ui.failed"),
    }
}

fn centre(policy: &Policy, notice: &Notice) -> String {
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
fn json_in_script(doc: &impl Serialize) -> String {
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
