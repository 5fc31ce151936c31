//! `GET /v1/sites/{site}/state`: how the whole site stands at a time, sent as it is derived.

use crate::app::App;
use crate::auth::Scope;
use crate::back_end::BackEnd;
use crate::calendar::moment;
use crate::problem::ApiError;
use crate::state::{Encoder, Format, Subjects};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use consentry_core::Time;
use http_body_util::channel::Channel;
use std::error::Error;
use std::sync::Arc;

/// How many pieces may wait for whoever reads slowly.
const PIECES_WAITING_MAX: usize = 2;

type Broken = Box<dyn Error + Send + Sync>;

pub(crate) async fn show(State(app): State<App>, back_end: BackEnd, uri: Uri) -> Result<Response, ApiError> {
    let site = back_end.may(Scope::Export)?;
    let (as_of, format) = asked(&uri, app.clock().now())?;
    let mut subjects = Subjects::new(app.store().clone(), Arc::clone(site.published()), as_of);
    let mut encoder = Encoder::new(format, site.id(), as_of).map_err(|error| unwritten(&error))?;
    // What goes wrong at once is answered as a problem, and not in the middle of a file.
    let first = match subjects.next_rows().await? {
        Some(rows) => encoder.rows(&rows).map_err(|error| unwritten(&error))?,
        None => Vec::new(),
    };
    let (mut sender, body) = Channel::<Bytes, Broken>::new(PIECES_WAITING_MAX);
    drop(tokio::spawn(async move {
        let send = async || -> Result<(), Broken> {
            sender.send_data(first.into()).await?;
            while let Some(rows) = subjects.next_rows().await? {
                let piece = encoder.rows(&rows)?;
                if !piece.is_empty() {
                    sender.send_data(piece.into()).await?;
                }
            }
            sender.send_data(encoder.end()?.into()).await?;
            Ok(())
        };
        if let Err(error) = send().await {
            tracing::warn!("a site's state was not sent to its end: {error}");
            // The connection breaks, so that nobody takes what has come for the whole.
            sender.abort(error);
        }
    }));
    let media_type = HeaderValue::from_static(format.media_type());
    Ok(([(header::CONTENT_TYPE, media_type)], Body::new(body)).into_response())
}

/// `as_of_ms`, or now, and `format`, or JSON by lines. Nothing in a query of these needs escaping.
fn asked(uri: &Uri, now: Time) -> Result<(Time, Format), ApiError> {
    let (mut as_of, mut format) = (now, Format::Ndjson);
    for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let malformed = |expected: &dyn std::fmt::Display| ApiError::Malformed(format!("`{name}`: {expected}"));
        match name {
            "as_of_ms" => as_of = moment(value).map_err(|error| malformed(&error))?,
            "format" => format = value.parse().map_err(|error| malformed(&error))?,
            _ => return Err(ApiError::Malformed("only `as_of_ms` and `format` can be asked".into())),
        }
    }
    if as_of > now {
        return Err(ApiError::Malformed("`as_of_ms` is a time that has not come".into()));
    }
    Ok((as_of, format))
}

fn unwritten(error: &dyn Error) -> ApiError {
    tracing::error!("a site's state cannot be written: {error}");
    ApiError::Unavailable
}
