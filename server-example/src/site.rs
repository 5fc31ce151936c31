//! One site as it is served: its policy, the notices that may be answered, and the origins that may answer.

use crate::boot::Boot;
use crate::problem::ApiError;
use axum::http::{HeaderMap, HeaderValue, header};
use consentry_core::source::Published;
use consentry_core::wire::ChoiceDoc;
use consentry_core::{Choice, Language, NoticeHash, Policy, SiteId};
use std::str::FromStr;

/// A page's origin (RFC 6454), e.g. `https://www.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(Box<str>); // INVARIANT: a scheme and a host, without a path.

/// Why a text is not an [`Origin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected scheme and host without a path, such as `https://www.example` or `http://127.0.0.1:8080`")]
pub struct OriginError;

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(OriginError)?;
        let is_of_host = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b':' | b'[' | b']');
        if !host.is_empty() && host.bytes().all(is_of_host) { Ok(Self(text.into())) } else { Err(OriginError) }
    }
}

/// A site.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) policy: Policy,
    /// The first is shown where no other suits.
    pub(crate) languages: Vec<Language>,
    pub(crate) boot: Boot,
    origins: Vec<Box<str>>,
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
        origins.extend(more_origins.iter().map(|origin| origin.0.clone()));
        Self { policy: published.policy, languages, boot, origins, notices }
    }

    pub(crate) fn id(&self) -> &SiteId {
        &self.policy.parts().site
    }

    /// The request's origin, if it is one of the site's.
    pub(crate) fn own_origin<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        self.origins.iter().any(|own| own.as_bytes() == origin.as_bytes()).then_some(origin)
    }

    /// Makes what was sent a choice under the policy in force, by the same steps as the browser did.
    pub(crate) fn commit(&self, doc: ChoiceDoc) -> Result<Choice, ApiError> {
        let answered = (doc.notice, doc.language.clone());
        let (draft, id) = doc.into_draft(&self.policy)?;
        let choice = draft.commit(&self.policy, id)?;
        if self.notices.contains(&answered) { Ok(choice) } else { Err(ApiError::UnknownNotice) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_path() {
        for text in ["https://adforge.example", "http://127.0.0.1:8080", "http://[::1]:80"] {
            assert!(text.parse::<Origin>().is_ok(), "{text}");
        }
        for text in
            ["", "*", "null", "adforge.example", "https://", "https://a/", "https://A", "ftp://a", "https://a b"]
        {
            assert_eq!(text.parse::<Origin>(), Err(OriginError), "{text}");
        }
    }
}
