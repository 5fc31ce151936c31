//! One site as it is served: its policy, the notices that may be answered, and the origins that may answer.

use crate::boot::Boot;
use crate::problem::ApiError;
use axum::http::{HeaderMap, HeaderValue, header};
use consentry_core::source::{Origin, Published};
use consentry_core::wire::ChoiceDoc;
use consentry_core::{Choice, Language, NoticeHash, Policy, PolicyHistory, SiteId, Surface};

/// A site.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) history: PolicyHistory,
    /// The first is shown where no other suits.
    pub(crate) languages: Vec<Language>,
    pub(crate) boot: Boot,
    origins: Vec<Origin>,
    notices: Vec<(NoticeHash, Language)>,
}

impl Site {
    /// `notices` are all that may be answered: those in force, and earlier wordings of the same policy.
    pub(crate) fn new(
        published: Published,
        notices: Vec<(NoticeHash, Language)>,
        more_origins: &[Origin],
        boot: Boot,
    ) -> Self {
        let languages = published.languages().cloned().collect();
        let mut origins = published.origins;
        origins.extend_from_slice(more_origins);
        Self { history: published.history, languages, boot, origins, notices }
    }

    /// The policy that people are shown.
    pub(crate) fn policy(&self) -> &Policy {
        self.history.newest()
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
        // Only an operator imports, and not by this way.
        if doc.surface == Surface::Import {
            return Err(ApiError::Malformed("`import` is no surface of a page".into()));
        }
        let answered = (doc.notice, doc.language.clone());
        let (draft, id) = doc.into_draft(self.policy())?;
        let choice = draft.commit(&self.history, id)?;
        if self.notices.contains(&answered) { Ok(choice) } else { Err(ApiError::UnknownNotice) }
    }
}
