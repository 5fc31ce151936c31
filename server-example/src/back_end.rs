//! A back end that has shown one of a site's keys, and what the key may do.

use crate::app::{App, KnownSite};
use crate::auth::{ApiKey, Scope, Scopes};
use crate::problem::ApiError;
use crate::site::Site;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::sync::Arc;

/// The site, for a back end that has shown one of its keys.
pub(crate) struct BackEnd {
    site: Arc<Site>,
    scopes: Scopes,
}

impl BackEnd {
    /// The site, if the key may do this.
    pub(crate) fn may(self, scope: Scope) -> Result<Arc<Site>, ApiError> {
        if self.scopes.has(scope) { Ok(self.site) } else { Err(ApiError::NarrowKey(scope)) }
    }
}

impl FromRequestParts<App> for BackEnd {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let KnownSite(site) = KnownSite::from_request_parts(parts, app).await?;
        let admission = app.admission();
        let key = match ApiKey::from_headers(&parts.headers) {
            Ok(key) => key.hash(),
            Err(error) => return Err(admission.by_address(&parts.extensions, &parts.headers).err().unwrap_or(error)),
        };
        admission.by_key(key, &parts.extensions, &parts.headers)?;
        admission.by_site(site.id())?;
        let scopes = app.store().scopes(key, site.id()).await?.ok_or(ApiError::WrongKey)?;
        admission.knows_key(key);
        Ok(Self { site, scopes })
    }
}
