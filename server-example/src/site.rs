//! One site as it is served: its policy, the notices that may be answered, and the origins that may answer.

use crate::content::Content;
use crate::problem::ApiError;
use crate::recent::Recent;
use crate::replica::Live;
use crate::scripts::{Composed, Scripts};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use consentry_core::source::{Origin, Published};
use consentry_core::wire::{ChoiceDoc, DemandDoc};
use consentry_core::{
    Choice, ChoiceError, EventKind, Language, Law, NoticeHash, Policy, PolicyHistory, SiteId, Surface, Time,
};
use std::sync::Arc;
use tokio::sync::watch;

/// Which policy is the newest.
const POLICY: HeaderName = HeaderName::from_static("consentry-policy");

/// A site.
#[derive(Debug)]
pub(crate) struct Site {
    published: Arc<Published>,
    /// The first is shown where no other suits.
    pub(crate) languages: Vec<Language>,
    /// None where the API alone is served.
    pub(crate) scripts: Option<Scripts>,
    origins: Vec<Origin>,
    notices: Vec<(NoticeHash, Language)>,
    /// Goes with the policy, under which it was folded.
    pub(crate) recent: Recent,
    /// Likewise.
    pub(crate) live: Arc<Live>,
    /// Whether another is served in its place by now.
    is_over: watch::Sender<bool>,
}

impl Site {
    /// `notices` are all that may be answered: those in force, and earlier wordings of the same policy.
    pub(crate) fn new(
        published: Arc<Published>,
        notices: Vec<(NoticeHash, Language)>,
        more_origins: &[Origin],
        scripts: Option<Scripts>,
    ) -> Self {
        let languages = published.languages().cloned().collect();
        let mut origins = published.origins.clone();
        origins.extend_from_slice(more_origins);
        Self {
            published,
            languages,
            scripts,
            origins,
            notices,
            recent: Recent::default(),
            live: Arc::default(),
            is_over: watch::Sender::new(false),
        }
    }

    /// Tells those who follow the site that other policies are served in place of these.
    pub(crate) fn end(&self) {
        self.is_over.send_replace(true);
    }

    /// Turns true when other policies are served in place of these.
    pub(crate) fn over(&self) -> watch::Receiver<bool> {
        self.is_over.subscribe()
    }

    /// The newest policy's name as a header field, by which a back end sees that others are served than it knows.
    pub(crate) fn policy_header(&self) -> (HeaderName, HeaderValue) {
        let hash = self.policy().hash().to_string();
        // Hexadecimal digits are always a header's value.
        (POLICY, HeaderValue::try_from(hash).unwrap_or_else(|_| HeaderValue::from_static("")))
    }

    /// What is published: policies, notices, and how pages are wired.
    pub(crate) const fn published(&self) -> &Arc<Published> {
        &self.published
    }

    /// Whether these are the files that the site is made of.
    pub(crate) fn is_of(&self, published: &Published) -> bool {
        *self.published == *published
    }

    /// The policy that people are shown.
    pub(crate) fn policy(&self) -> &Policy {
        &self.published.policy
    }

    /// That policy and those before it.
    pub(crate) fn history(&self) -> &PolicyHistory {
        &self.published.history
    }

    /// The script in that language, for where this is the law.
    pub(crate) fn script(&self, language: &Language, law: &Law, now: Time) -> Option<Arc<Composed>> {
        self.scripts.as_ref()?.script(language, law, now)
    }

    /// What is called `name` under `/assets/`, if it is this site's alone.
    pub(crate) fn asset(&self, name: &str, now: Time) -> Option<Content> {
        self.scripts.as_ref()?.asset(name, now)
    }

    pub(crate) fn id(&self) -> &SiteId {
        &self.policy().parts().site
    }

    /// The request's origin, if it is one of the site's.
    pub(crate) fn own_origin<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        self.origins.iter().any(|own| own.as_str() == origin).then_some(origin)
    }

    /// Makes what was sent a choice under the policy in force, by the same steps as the browser did.
    pub(crate) fn commit(&self, doc: ChoiceDoc) -> Result<Choice, ApiError> {
        // A page takes over what was chosen with another system only where the operator says so.
        if doc.surface == Surface::Import && self.published.page.imports.is_empty() {
            return Err(ApiError::Malformed(
                "`import` is no surface of this site's pages: its policy has no `[page.imports]`".into(),
            ));
        }
        let answered = (doc.notice, doc.language.clone());
        let (draft, id) = doc.into_draft(self.policy())?;
        let choice = draft.commit(self.history(), id)?;
        if self.notices.contains(&answered) { Ok(choice) } else { Err(ApiError::UnknownNotice) }
    }

    /// What was demanded. It may be about a purpose of any policy that was ever published: a right does not wait for the
    /// page to be loaded again.
    pub(crate) fn demand(&self, doc: DemandDoc) -> Result<EventKind, ApiError> {
        if let Some(purpose) = &doc.purpose
            && !self.history().versions().any(|version| version.policy.purpose(purpose).is_some())
        {
            return Err(ChoiceError::UnknownPurpose(purpose.clone()).into());
        }
        Ok(doc.try_into()?)
    }
}
