//! `POST /v1/sites/{site}/filter`: of a list of subjects, however long, those for whom it is allowed.
//!
//! Subjects come in and go out as they are read, a batch at a time, so that neither side holds the list. What is wrong with the first
//! batch is answered as a problem. An answer that ends as HTTP says it should is whole; whatever goes wrong later breaks it off, since
//! its status has been sent by then.

use crate::app::App;
use crate::auth::Scope;
use crate::back_end::BackEnd;
use crate::document::{BODY_SECONDS_MAX, without_ids};
use crate::metrics::{Asked, Template};
use crate::problem::ApiError;
use crate::site::Site;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use consentry_core::wire::QuestionDoc;
use consentry_core::{DeviceId, Subject};
use futures_util::{Stream, StreamExt};
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Most subjects that are decided about at once.
const SUBJECTS_MAX: usize = 1_000;
/// Longest line, in bytes: an account's name is 72 long, and two more with quotes.
const LINE_BYTES_MAX: usize = 128;
/// Length of a device's UUID, in bytes.
const UUID_BYTES: usize = 16;
/// Stands for each subject of the list until it is known.
const NOBODY: &str = "device:00000000-0000-4000-8000-000000000000";

/// How subjects are written, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One a line: `device:…` or `account:…`.
    Lines,
    /// The same as JSON texts.
    Ndjson,
    /// The 16 bytes of a device's UUID each, and nothing between them.
    Uuids,
}

impl Form {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let media_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        match media_type.split(';').next()?.trim().to_ascii_lowercase().as_str() {
            "text/plain" => Some(Self::Lines),
            "application/x-ndjson" | "application/jsonl" => Some(Self::Ndjson),
            "application/octet-stream" => Some(Self::Uuids),
            _ => None,
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Lines => "text/plain; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
            Self::Uuids => "application/octet-stream",
        }
    }

    /// Takes a subject off the front of what has come; none where more must come first.
    fn take(self, bytes: &mut Bytes, is_end: bool) -> Result<Option<Subject>, Broken> {
        if self == Self::Uuids {
            return match bytes.split_first_chunk::<UUID_BYTES>() {
                Some((uuid, _)) => {
                    let device = DeviceId::from_bytes(*uuid).ok_or(Broken::Subject)?;
                    drop(bytes.split_to(UUID_BYTES));
                    Ok(Some(Subject::Device(device)))
                }
                None if is_end && !bytes.is_empty() => Err(Broken::Subject),
                None => Ok(None),
            };
        }
        loop {
            let (line, length) = match bytes.iter().take(LINE_BYTES_MAX + 1).position(|byte| *byte == b'\n') {
                Some(end) => (bytes.slice(..end), end + 1),
                None if bytes.len() > LINE_BYTES_MAX => return Err(Broken::Subject),
                None if is_end && !bytes.is_empty() => (bytes.clone(), bytes.len()),
                None => return Ok(None),
            };
            drop(bytes.split_to(length));
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            let text = std::str::from_utf8(line).map_err(|_| Broken::Subject)?;
            let name = match self {
                Self::Ndjson => serde_json::from_str::<&str>(text).map_err(|_| Broken::Subject)?,
                Self::Lines | Self::Uuids => text,
            };
            return name.parse().map(Some).map_err(|_| Broken::Subject);
        }
    }

    fn put(self, subject: Subject, out: &mut Vec<u8>) {
        match (self, subject) {
            (Self::Uuids, Subject::Device(device)) => out.extend_from_slice(device.as_bytes()),
            (Self::Ndjson, _) => out.extend_from_slice(format!("\"{subject}\"\n").as_bytes()),
            (Self::Lines | Self::Uuids, _) => out.extend_from_slice(format!("{subject}\n").as_bytes()),
        }
    }
}

/// What breaks an answer off.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("something in the list is not a subject")]
    Subject,
    #[error("the list broke off")]
    Body,
    #[error("the list did not go on in time")]
    Slow,
    #[error(transparent)]
    Store(ApiError),
}

impl From<Broken> for ApiError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Subject | Broken::Body => Self::Malformed(broken.to_string()),
            Broken::Slow => Self::Slow,
            Broken::Store(error) => error,
        }
    }
}

type Answer = Pin<Box<dyn Stream<Item = Result<Bytes, Broken>> + Send>>;

pub(crate) async fn create(
    State(app): State<App>,
    route: Template,
    back_end: BackEnd,
    headers: HeaderMap,
    query: Result<Query<Vec<(String, String)>>, axum::extract::rejection::QueryRejection>,
    body: Body,
) -> Result<Response, ApiError> {
    let site = back_end.may(Scope::Ask)?;
    let Query(query) = query.map_err(|error| ApiError::Malformed(error.body_text()))?;
    let question = question(query)?;
    let form = Form::of(&headers).ok_or(ApiError::NoList)?;
    let asked = Asked::none_yet(app.metrics(), route);
    let filter = Filter { app, site, question, form, body, rest: Bytes::new(), is_end: false, asked };
    let answer: Answer = match filter.next().await? {
        // What is left of the list has not been looked at yet.
        Some((first, filter)) => {
            let rest = futures_util::stream::try_unfold(filter, Filter::next);
            Box::pin(futures_util::stream::iter([Ok(first)]).chain(rest))
        }
        None => Box::pin(futures_util::stream::empty()),
    };
    let mut response = Body::from_stream(answer).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    Ok(response)
}

/// The question about each of them, of the query's fields: those of a question in docs/wire.md that are names or numbers.
fn question(query: Vec<(String, String)>) -> Result<QuestionDoc, ApiError> {
    let mut fields: Map<String, Value> = Map::new();
    for (name, text) in query {
        // Which of the two was meant?
        if fields.contains_key(&name) {
            return Err(ApiError::Malformed(format!("`{}` is said twice", without_ids(&name))));
        }
        let value = match text.parse::<u64>() {
            Ok(number) if name.ends_with("_ms") => number.into(),
            _ => text.into(),
        };
        if name == "subject" || name == "device" {
            return Err(ApiError::Malformed(format!("`{name}` cannot be the same for all subjects of a list")));
        }
        if name == "explain" {
            return Err(ApiError::Malformed("a list of those who are allowed explains nothing: ask about one".into()));
        }
        fields.insert(name, value);
    }
    fields.insert("subject".into(), NOBODY.into());
    serde_json::from_value(fields.into()).map_err(|error| ApiError::Malformed(without_ids(&error.to_string())))
}

struct Filter {
    app: App,
    site: Arc<Site>,
    question: QuestionDoc,
    form: Form,
    body: Body,
    rest: Bytes,
    is_end: bool,
    asked: Asked,
}

impl Filter {
    /// The answer about the next batch of them, which may be about nobody; none once the list is at its end.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Broken> {
        let subjects = self.subjects().await?;
        if subjects.is_empty() {
            return Ok(None);
        }
        self.asked.questions += subjects.len();
        let records = self.site.recent.read(self.app.store(), self.site.published(), subjects.clone()).await;
        // It is logged where it becomes a problem.
        let records = records.map_err(|error| Broken::Store(error.into()))?;
        let now = self.app.clock().now();
        let mut allowed = Vec::new();
        for subject in subjects {
            self.question.subject = subject;
            if records.decide(&self.question, now).allows() {
                self.form.put(subject, &mut allowed);
            }
        }
        drop(records);
        Ok(Some((allowed.into(), self)))
    }

    /// The next of the list; none once it is at its end.
    async fn subjects(&mut self) -> Result<Vec<Subject>, Broken> {
        let mut subjects = Vec::with_capacity(SUBJECTS_MAX);
        loop {
            while subjects.len() < SUBJECTS_MAX {
                match self.form.take(&mut self.rest, self.is_end)? {
                    Some(subject) => subjects.push(subject),
                    None => break,
                }
            }
            if subjects.len() == SUBJECTS_MAX || self.is_end {
                return Ok(subjects);
            }
            let frame = tokio::time::timeout(Duration::from_secs(BODY_SECONDS_MAX), self.body.frame());
            match frame.await.map_err(|_| Broken::Slow)? {
                None => self.is_end = true,
                Some(Err(_)) => return Err(Broken::Body),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.rest = if self.rest.is_empty() { data } else { [&*self.rest, &*data].concat().into() };
                    }
                }
            }
        }
    }
}
