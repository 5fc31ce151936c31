//! A back end that has shown one of a site's keys, and what the key may do.

use crate::app::{App, KnownSite};
use crate::auth::{ApiKey, KeyHash, Scope, Scopes};
use crate::problem::ApiError;
use crate::site::Site;
use crate::store::Moment;
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
        let (site, key) = shown(parts, app).await?;
        let scopes = app.store().scopes(key, site.id()).await?.ok_or(ApiError::WrongKey)?;
        app.admission().knows_key(key);
        Ok(Self { site, scopes })
    }
}

/// A back end that has shown a key which was somebody's when it was last shown. What it may do is looked up once its question is there, and
/// with that whether anything has happened: the database is asked once for both.
pub(crate) struct Asking {
    site: Arc<Site>,
    key: KeyHash,
}

impl Asking {
    /// The site, if the key may do this now, and when that was found.
    pub(crate) async fn may(self, scope: Scope, app: &App) -> Result<(Arc<Site>, Option<Moment>), ApiError> {
        let Self { site, key } = self;
        let (scopes, looked) = app.store().scopes_now(key, site.id()).await?;
        let scopes = scopes.ok_or(ApiError::WrongKey)?;
        Ok((BackEnd { site, scopes }.may(scope)?, looked))
    }
}

impl FromRequestParts<App> for Asking {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let (site, key) = shown(parts, app).await?;
        // Whoever is nobody gets no further: their question is not even read.
        if !app.admission().has_known(key) {
            app.store().scopes(key, site.id()).await?.ok_or(ApiError::WrongKey)?;
            app.admission().knows_key(key);
        }
        Ok(Self { site, key })
    }
}

/// The site that is asked about and the key that was shown, if neither was asked or shown too often.
async fn shown(parts: &mut Parts, app: &App) -> Result<(Arc<Site>, KeyHash), ApiError> {
    let KnownSite(site) = KnownSite::from_request_parts(parts, app).await?;
    let admission = app.admission();
    let key = match ApiKey::from_headers(&parts.headers) {
        Ok(key) => key.hash(),
        Err(error) => return Err(admission.by_address(&parts.extensions, &parts.headers).err().unwrap_or(error)),
    };
    admission.by_key(key, &parts.extensions, &parts.headers)?;
    admission.by_site(site.id())?;
    Ok((site, key))
}
