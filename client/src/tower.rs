//! A layer that asks before a request gets in, for whatever is built on tower: axum, tonic, hyper.
//!
//! Who the request is about is for the application to say, from its session; a name that a page has sent says what somebody claims. What is
//! behind the layer finds the permit with [`permit_of`].

use crate::ask::Ask;
use crate::circumstances::Circumstances;
use crate::intent::Intent;
use crate::permit::{Permit, RequireError};
use consentry_core::{FeatureId, Reason, Subject};
use http::request::Parts;
use http::{Extensions, HeaderValue, Request, Response, StatusCode, header};
use serde::Serialize;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Lets requests through with a permit for `I` only. `whose` says whom a request is about, and in which circumstances; none is nobody.
///
/// Nobody is answered 401, a no 403 with its reason, and where nobody could say 503: as `application/problem+json` (RFC 9457).
pub struct PermitLayer<I, A, W> {
    asks: A,
    whose: W,
    intent: PhantomData<fn() -> I>,
}

impl<I: Intent, A: Ask, W: Fn(&Parts) -> Option<(Subject, Circumstances)>> PermitLayer<I, A, W> {
    /// Asks `asks` about those whom `whose` names.
    #[must_use]
    pub const fn new(asks: A, whose: W) -> Self {
        Self { asks, whose, intent: PhantomData }
    }
}

/// The permit with which a request was let through; none where it came past no [`PermitLayer`] for `I`.
#[must_use]
pub fn permit_of<I: Intent + 'static>(extensions: &Extensions) -> Option<Arc<Permit<I>>> {
    extensions.get().cloned()
}

/// Why a request is not let through.
#[derive(Debug)]
pub enum Refusal {
    /// Nobody knows whom it is about.
    Nobody,
    /// There is no permit.
    NoPermit(RequireError),
}

impl Refusal {
    /// As HTTP says it: status and body (RFC 9457). The person's word is told, and nothing of what went wrong here.
    #[must_use]
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        let (status, title) = match &self {
            Self::Nobody => (StatusCode::UNAUTHORIZED, "nobody is signed in"),
            Self::NoPermit(RequireError::Denied(_)) => (StatusCode::FORBIDDEN, "it is not allowed"),
            Self::NoPermit(RequireError::Unanswered(_) | RequireError::Stale { .. } | RequireError::Past) => {
                (StatusCode::SERVICE_UNAVAILABLE, "nobody could say whether it is allowed")
            }
        };
        let denied = match &self {
            Self::NoPermit(error) => error.denied(),
            Self::Nobody => None,
        };
        let doc = ProblemDoc {
            kind: "about:blank",
            title,
            status: status.as_u16(),
            reason: denied.map(super::permit::Denied::reason),
            features_lost: denied.map(|denied| denied.decision().features_lost.as_slice()).unwrap_or_default(),
        };
        // Of texts and numbers, which cannot fail.
        let mut response = Response::new(B::from(serde_json::to_string(&doc).unwrap_or_default()));
        *response.status_mut() = status;
        let problem = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, problem);
        response
    }
}

#[derive(Serialize)]
struct ProblemDoc<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    features_lost: &'a [FeatureId],
}

/// What a [`PermitLayer`] puts around a service.
pub struct PermitService<I, A, W, S> {
    asks: A,
    whose: W,
    inner: S,
    intent: PhantomData<fn() -> I>,
}

impl<I, A: Clone, W: Clone, S> Layer<S> for PermitLayer<I, A, W> {
    type Service = PermitService<I, A, W, S>;

    fn layer(&self, inner: S) -> Self::Service {
        PermitService { asks: self.asks.clone(), whose: self.whose.clone(), inner, intent: PhantomData }
    }
}

impl<I, A, W, S, B, R> Service<Request<B>> for PermitService<I, A, W, S>
where
    I: Intent + 'static,
    A: Ask + Clone + 'static,
    W: Fn(&Parts) -> Option<(Subject, Circumstances)>,
    S: Service<Request<B>, Response = Response<R>, Future: Send> + Clone + Send + 'static,
    B: Send + 'static,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let whose = (self.whose)(&parts);
        let asks = self.asks.clone();
        // The one that was polled ready is the one that is called.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        Box::pin(async move {
            let Some((subject, circumstances)) = whose else { return Ok(Refusal::Nobody.into_response()) };
            match asks.require_for::<I>(subject, circumstances).await {
                Err(error) => Ok(Refusal::NoPermit(error).into_response()),
                Ok(permit) => {
                    parts.extensions.insert(Arc::new(permit));
                    inner.call(Request::from_parts(parts, body)).await
                }
            }
        })
    }
}

impl<I, A: Clone, W: Clone> Clone for PermitLayer<I, A, W> {
    fn clone(&self) -> Self {
        Self { asks: self.asks.clone(), whose: self.whose.clone(), intent: PhantomData }
    }
}

impl<I, A: Clone, W: Clone, S: Clone> Clone for PermitService<I, A, W, S> {
    fn clone(&self) -> Self {
        let (asks, whose, inner) = (self.asks.clone(), self.whose.clone(), self.inner.clone());
        Self { asks, whose, inner, intent: PhantomData }
    }
}

impl<I, A: fmt::Debug, W> fmt::Debug for PermitLayer<I, A, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitLayer").field("asks", &self.asks).finish_non_exhaustive()
    }
}

impl<I, A: fmt::Debug, W, S> fmt::Debug for PermitService<I, A, W, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitService").field("asks", &self.asks).finish_non_exhaustive()
    }
}
