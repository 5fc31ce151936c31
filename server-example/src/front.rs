//! What every request passes first and every answer last: the limit on a head's fields, the counts, and the headers that keep
//! a browser from making more of an answer than it is.

use crate::app::App;
use crate::metrics::{Counted, MethodLabel, Template};
use crate::problem::{ApiError, Problem};
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{self, HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{Layer, Service};

/// Most fields in the head of a request. Browsers send some twenty, and proxies add a few. hyper itself gives up at a hundred,
/// without a problem that says so.
const FIELDS_MAX: usize = 64;
/// How a browser is told that this server is never to be asked without TLS: for a year (RFC 6797).
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Takes a place among those under way, for a route of back ends at the address of one of browsers, which counts by itself.
pub(crate) async fn take_place(State(app): State<App>, request: Request, next: Next) -> Response {
    match app.admission().enter() {
        Ok(_counted) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// How browsers reach this server, as far as the server itself knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transport {
    /// Without TLS, or with a proxy's.
    #[default]
    Plain,
    /// With its own certificate.
    Tls,
}

/// What a request has to have before it is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charge {
    /// Nothing, where an answer costs nothing, or where the route counts by itself.
    Nothing,
    /// A place among those under way, where the route counts the rest by itself.
    Place,
    /// That, and what is left of its address's allowance.
    Address,
}

/// The layer around every route. It is a service of its own and not a function of axum's, which would clone the route, and allocate,
/// three times as often for each request.
#[derive(Debug, Clone)]
pub(crate) struct Front {
    pub(crate) app: App,
    pub(crate) charge: Charge,
}

impl<S> Layer<S> for Front {
    type Service = Fronted<S>;

    fn layer(&self, route: S) -> Fronted<S> {
        Fronted { front: self.clone(), route }
    }
}

/// A route behind the [`Front`].
#[derive(Debug, Clone)]
pub(crate) struct Fronted<S> {
    front: Front,
    route: S,
}

type Answered = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

impl<S> Service<Request> for Fronted<S>
where
    S: Service<Request, Response: IntoResponse, Error = Infallible, Future: Send + 'static>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answered;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.route.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Answered {
        let app = self.front.app.clone();
        let passing = Passing {
            began: app.clock().elapsed(),
            route: Template::of(request.extensions()),
            method: MethodLabel::of(request.method()),
            app,
        };
        match passing.admit(self.front.charge, &request) {
            Ok(place) => {
                let answer = self.route.call(request);
                Box::pin(async move {
                    let response = answer.await.into_response();
                    drop(place);
                    Ok(passing.out(response))
                })
            }
            Err(error) => Box::pin(std::future::ready(Ok(passing.out(error.into_response())))),
        }
    }
}

/// What is remembered of a request until it is answered.
struct Passing {
    app: App,
    began: Duration,
    route: Template,
    method: MethodLabel,
}

impl Passing {
    /// Lets a request in, with its place among those under way, or says why not.
    fn admit(&self, charge: Charge, request: &Request) -> Result<Option<Counted>, ApiError> {
        if request.headers().len() > FIELDS_MAX {
            return Err(ApiError::TooManyFields { fields_max: FIELDS_MAX });
        }
        let admission = self.app.admission();
        match charge {
            Charge::Nothing => Ok(None),
            Charge::Place => admission.enter().map(Some),
            Charge::Address => {
                admission.by_address(request.extensions(), request.headers())?;
                admission.enter().map(Some)
            }
        }
    }

    /// Counts an answer, and gives it its headers.
    fn out(self, mut response: Response) -> Response {
        let metrics = self.app.metrics();
        if let Some(problem) = response.extensions().get::<Problem>() {
            metrics.refused(*problem);
        }
        let took = self.app.clock().elapsed().saturating_sub(self.began);
        metrics.answered(self.route, self.method, response.status(), took);
        guard(response.headers_mut(), self.app.transport());
        response
    }
}

/// Every answer is what its type says, is no page, and is kept by nobody, unless it says so.
fn guard(headers: &mut HeaderMap, transport: Transport) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The few answers that are pages have said what theirs may do.
    let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(nothing);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // What other sites embed has said so. A page that may read an answer by CORS does not need to embed it.
    headers.entry(RESOURCE_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    match transport {
        Transport::Plain => {}
        Transport::Tls => {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
        }
    }
}
