//! The scripts of one site: one for each language, regime, and whether signals are honoured.
//!
//! Each is composed and compressed when it is first asked for; those for visitors of whom nobody knows where they are, beforehand if
//! there is time ([`Scripts::warm`]). All are composed anew once another policy comes into force, since what is allowed depends on it.

use crate::assets::BrowserFiles;
use crate::boot::{self, Delivery, Wanted};
use crate::content::Content;
use consentry_core::source::Published;
use consentry_core::{Jurisdiction, Language, Law, Policy, Regime, Time};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What a script is served as.
pub(crate) const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The scripts of one site.
#[derive(Debug)]
pub(crate) struct Scripts {
    published: Arc<Published>,
    files: BrowserFiles,
    base: String,
    variants: Vec<Variant>,
}

/// A script, whenever it may be composed.
#[derive(Debug)]
struct Variant {
    language: Language,
    way: Way,
    composed: Mutex<Option<Arc<Composed>>>,
}

/// How people are asked at some places.
#[derive(Debug, Clone)]
struct Way {
    regime: Regime,
    hears_signals: bool,
    /// INVARIANT: at least one.
    places: Vec<Option<Jurisdiction>>,
}

/// A script, and the files that are its own.
#[derive(Debug)]
pub(crate) struct Composed {
    /// What `/{site}.js` answers.
    pub(crate) script: Content,
    centre: (String, Content),
    /// Hardly ever asked for, so composed when it is.
    pinned: OnceLock<(String, Content)>,
    /// When, and until when it is as the core decides.
    at: Time,
    until: Option<Time>,
}

impl Way {
    /// The ways in which this policy asks: everywhere, or only where nobody knows where that is.
    fn all(policy: &Policy, knows_places: bool) -> Vec<Self> {
        let mut ways: Vec<Self> = Vec::new();
        // The first place is none, and so the first way is the strictest.
        for place in policy.places().take(if knows_places { usize::MAX } else { 1 }) {
            let law = policy.law(place.as_ref());
            match ways.iter_mut().find(|way| way.is_of(&law)) {
                Some(way) => way.places.push(place),
                None => {
                    let hears_signals = !law.signals.is_empty();
                    ways.push(Self { regime: law.regime, hears_signals, places: vec![place] });
                }
            }
        }
        ways
    }

    fn is_of(&self, law: &Law) -> bool {
        self.regime == law.regime && self.hears_signals != law.signals.is_empty()
    }
}

impl Scripts {
    /// None of them is composed yet.
    pub(crate) fn new(published: Arc<Published>, files: BrowserFiles, base: String, knows_places: bool) -> Self {
        let languages: Vec<Language> = published.languages().cloned().collect();
        let variants = Way::all(&published.policy, knows_places).into_iter().flat_map(|way| {
            let variant = move |language: &Language| Variant {
                language: language.clone(),
                way: way.clone(),
                composed: Mutex::new(None),
            };
            languages.iter().map(variant).collect::<Vec<_>>()
        });
        Self { variants: variants.collect(), published, files, base }
    }

    /// Composes those that most visitors get: a second or so for a site in many languages.
    pub(crate) fn warm(&self, now: Time) {
        for variant in self.variants.iter().filter(|variant| variant.way.places.contains(&None)) {
            self.composed(variant, now);
        }
    }

    /// The script in that language, for where this is the law.
    pub(crate) fn script(&self, language: &Language, law: &Law, now: Time) -> Option<Arc<Composed>> {
        let variant = self.variants.iter().find(|v| v.language == *language && v.way.is_of(law))?;
        self.composed(variant, now)
    }

    /// What is called `name` under `/assets/`, if it is of this site: a preference centre's document, or a pinned script.
    pub(crate) fn asset(&self, name: &str, now: Time) -> Option<Content> {
        let (stem, _) = name.rsplit_once('.')?.0.rsplit_once('.')?;
        self.variants.iter().find_map(|variant| {
            let notice = self.published.notice(&variant.language, variant.way.regime)?;
            if boot::stem(&self.published, notice) != stem {
                return None;
            }
            let composed = self.composed(variant, now)?;
            if composed.centre.0 == name {
                return Some(composed.centre.1.clone());
            }
            let (pinned, content) = self.pinned(variant, &composed)?;
            (pinned == name).then(|| content.clone())
        })
    }

    fn composed(&self, variant: &Variant, now: Time) -> Option<Arc<Composed>> {
        // Whoever else wants it meanwhile waits: composing it twice would take longer.
        let mut composed = variant.composed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |composed: &Composed| composed.until.is_some_and(|until| now >= until);
        if composed.as_deref().is_none_or(is_over) {
            *composed = Some(Arc::new(self.compose(variant, now)?));
        }
        composed.clone()
    }

    fn compose(&self, variant: &Variant, now: Time) -> Option<Composed> {
        let notice = self.published.notice(&variant.language, variant.way.regime)?;
        let centre = Content::new(boot::JSON, boot::centre(&self.published, notice).into());
        let script = boot::script(&self.wanted(variant, &centre, now)?, Delivery::Moving { base: &self.base });
        Some(Composed {
            script: Content::new(JAVASCRIPT, script.into()),
            centre: (boot::centre_name(notice, &self.published, &centre), centre),
            pinned: OnceLock::new(),
            at: now,
            until: self.published.history.next_change(now),
        })
    }

    fn pinned<'a>(&self, variant: &Variant, composed: &'a Composed) -> Option<&'a (String, Content)> {
        let wanted = self.wanted(variant, &composed.centre.1, composed.at)?;
        Some(composed.pinned.get_or_init(|| {
            let script = Content::new(JAVASCRIPT, boot::script(&wanted, Delivery::Pinned).into());
            (boot::pinned_name(&wanted, &script), script)
        }))
    }

    fn wanted<'a>(&'a self, variant: &'a Variant, centre: &'a Content, now: Time) -> Option<Wanted<'a>> {
        let (published, files) = (&*self.published, &self.files);
        let notice = published.notice(&variant.language, variant.way.regime)?;
        Some(Wanted { published, files, notice, centre, places: &variant.way.places, now })
    }
}
