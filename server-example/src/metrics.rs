//! What an operator may count: requests, questions, problems, choices kept, and what is under way.
//!
//! Every label is of a closed set: a route's template, a method, a class of status, a kind of problem, a site of this server's.
//! Deliberately absent: subjects, origins, addresses, and anything else that a client could make up.

use crate::problem::Problem;
use axum::Router;
use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use axum::http::{Extensions, Method, StatusCode, header};
use axum::routing::get;
use consentry_core::{EventKind, SiteId};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::convert::Infallible;
use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// The upper bounds by which durations are sorted, in seconds: from what memory answers to what is given up.
const SECONDS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0];
/// The upper bounds by which requests are sorted by their questions: from one to as many as `decisions` takes, and to the length of the
/// lists that `filter` is for.
const QUESTIONS: [f64; 13] =
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0];
/// What `/metrics` answers (OpenMetrics 1.0, which Prometheus reads).
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The counts. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram, Durations>,
    questions: Family<RouteLabels, Histogram, Batches>,
    problems: Family<ProblemLabels, Counter>,
    kept: Family<KeptLabels, Counter>,
    store_errors: Counter,
    reloads: Family<ReloadLabels, Counter>,
    pub(crate) in_flight: Gauge,
    pub(crate) connections: Gauge,
    /// What waits for its transaction, or is in it.
    pub(crate) waiting: Gauge,
    /// Who listens to a change feed as it happens.
    pub(crate) listeners: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: Template,
    method: MethodLabel,
    status: StatusClass,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: Template,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProblemLabels {
    problem: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KeptLabels {
    site: SiteLabel,
    event: EventLabel,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    what: &'static str,
    outcome: &'static str,
}

/// A route as the router has it, such as `/v1/sites/{site}/choices`; none of a request that fits no route.
#[derive(Debug, Clone)]
pub(crate) struct Template(Option<MatchedPath>);

impl Template {
    pub(crate) fn of(extensions: &Extensions) -> Self {
        Self(extensions.get::<MatchedPath>().cloned())
    }

    fn as_str(&self) -> &str {
        self.0.as_ref().map_or("none", MatchedPath::as_str)
    }
}

impl<S: Sync> FromRequestParts<S> for Template {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Template {}

impl Hash for Template {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl EncodeLabelValue for Template {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.write_str(self.as_str())
    }
}

/// A method may be any word, so those that no route knows are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum MethodLabel {
    Get,
    Head,
    Post,
    Options,
    Other,
}

impl MethodLabel {
    pub(crate) fn of(method: &Method) -> Self {
        match *method {
            Method::GET => Self::Get,
            Method::HEAD => Self::Head,
            Method::POST => Self::Post,
            Method::OPTIONS => Self::Options,
            _ => Self::Other,
        }
    }
}

impl EncodeLabelValue for MethodLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.write_str(match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Options => "OPTIONS",
            Self::Other => "other",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct SiteLabel(SiteId);

impl EncodeLabelValue for SiteLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.write_str(self.0.as_str())
    }
}

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EventLabel(&'static str);

impl EventLabel {
    pub(crate) const fn of(kind: &EventKind) -> Self {
        Self(match kind {
            EventKind::Chosen(_) => "choice",
            EventKind::Signalled(..) => "signal",
            EventKind::Demanded(..) => "demand",
            EventKind::Linked(..) => "link",
            EventKind::Lent(..) => "loan",
        })
    }
}

impl EncodeLabelValue for EventLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.write_str(self.0)
    }
}

/// The first digit of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct StatusClass(u16);

impl EncodeLabelValue for StatusClass {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        write!(encoder, "{}xx", self.0)
    }
}

#[derive(Debug, Clone, Copy)]
struct Durations;

impl MetricConstructor<Histogram> for Durations {
    fn new_metric(&self) -> Histogram {
        Histogram::new(SECONDS)
    }
}

#[derive(Debug, Clone, Copy)]
struct Batches;

impl MetricConstructor<Histogram> for Batches {
    fn new_metric(&self) -> Histogram {
        Histogram::new(QUESTIONS)
    }
}

/// What may be exchanged under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reloaded {
    Policies,
    Certificate,
    GeoFile,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut counts = Self {
            registry: Arc::default(),
            requests: Family::default(),
            seconds: Family::new_with_constructor(Durations),
            questions: Family::new_with_constructor(Batches),
            problems: Family::default(),
            kept: Family::default(),
            store_errors: Counter::default(),
            reloads: Family::default(),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            waiting: Gauge::default(),
            listeners: Gauge::default(),
        };
        let mut registry = Registry::with_prefix("consentry");
        registry.register("requests", "Requests answered", counts.requests.clone());
        registry.register("request_seconds", "How long an answer took", counts.seconds.clone());
        registry.register("questions", "How much a request asked at once", counts.questions.clone());
        registry.register("problems", "Requests answered by a problem", counts.problems.clone());
        registry.register("kept", "Entries added to the ledger", counts.kept.clone());
        registry.register("store_errors", "Requests that the database did not answer", counts.store_errors.clone());
        registry.register("reloads", "What was read again under way", counts.reloads.clone());
        registry.register("requests_in_flight", "Requests being answered", counts.in_flight.clone());
        registry.register("connections", "Connections open", counts.connections.clone());
        registry.register("appends_waiting", "Entries that wait to be durable", counts.waiting.clone());
        registry.register("feed_listeners", "Change feeds open", counts.listeners.clone());
        counts.registry = Arc::new(registry);
        counts
    }
}

impl Metrics {
    /// Counts an answer.
    pub(crate) fn answered(&self, route: Template, method: MethodLabel, status: StatusCode, took: Duration) {
        self.seconds.get_or_create(&RouteLabels { route: route.clone() }).observe(took.as_secs_f64());
        let status = StatusClass(status.as_u16() / 100);
        self.requests.get_or_create(&RequestLabels { route, method, status }).inc();
    }

    /// Counts how many questions a request had.
    pub(crate) fn asked(&self, route: Template, questions: usize) {
        self.questions.get_or_create(&RouteLabels { route }).observe(questions as f64);
    }

    /// Counts an answer that was a problem.
    pub(crate) fn refused(&self, problem: Problem) {
        self.problems.get_or_create(&ProblemLabels { problem: problem.name() }).inc();
        if problem == Problem::Unavailable {
            self.store_errors.inc();
        }
    }

    /// Counts a new entry.
    pub(crate) fn kept(&self, site: &SiteId, event: EventLabel) {
        self.kept.get_or_create(&KeptLabels { site: SiteLabel(site.clone()), event }).inc();
    }

    /// Counts that something was read again.
    pub(crate) fn reloaded<E>(&self, what: Reloaded, outcome: Result<(), E>) {
        let what = match what {
            Reloaded::Policies => "policies",
            Reloaded::Certificate => "certificate",
            Reloaded::GeoFile => "geo-file",
        };
        let outcome = if outcome.is_ok() { "done" } else { "failed" };
        self.reloads.get_or_create(&ReloadLabels { what, outcome }).inc();
    }

    /// All counts as OpenMetrics has them.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }

    /// `GET /metrics`, for a listener of its own: what is counted is the operator's business alone.
    pub fn router(&self) -> Router {
        let metrics = self.clone();
        let show = async move || ([(header::CONTENT_TYPE, OPENMETRICS)], metrics.text());
        Router::new().route("/metrics", get(show))
    }
}

/// One more of something, until this is dropped: whoever asked may go before the answer comes.
#[derive(Debug)]
pub(crate) struct Counted(Gauge);

impl Counted {
    pub(crate) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Counts the questions of a request whose end is not known when it begins, once this is dropped: however it ends, so much was asked.
#[derive(Debug)]
pub(crate) struct Asked {
    metrics: Metrics,
    route: Template,
    pub(crate) questions: usize,
}

impl Asked {
    pub(crate) fn none_yet(metrics: &Metrics, route: Template) -> Self {
        Self { metrics: metrics.clone(), route, questions: 0 }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.metrics.asked(self.route.clone(), self.questions);
    }
}
