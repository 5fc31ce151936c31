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
use crate::replica::Ready;
use crate::site::Site;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use consentry_core::packed::{Allowed, Unanswered};
use consentry_core::wire::QuestionDoc;
use consentry_core::{DeviceId, Subject, Time};
use futures_util::{Stream, StreamExt};
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Most subjects that are decided about at once, from memory.
const SUBJECTS_MAX: usize = 8_192;
/// Most that are read from the store at once.
const SUBJECTS_READ_MAX: usize = 1_000;
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

    /// None of a batch yet.
    fn batch(self) -> Batch {
        match self {
            Self::Uuids => Batch::Devices(Vec::with_capacity(SUBJECTS_MAX)),
            Self::Lines | Self::Ndjson => Batch::Named(Vec::with_capacity(SUBJECTS_MAX)),
        }
    }

    /// Takes subjects off the front of what has come, until there is no more room in the batch.
    fn take(self, bytes: &mut Bytes, is_end: bool, batch: &mut Batch) -> Result<(), Broken> {
        let most = SUBJECTS_MAX - batch.len();
        let taken = match batch {
            Batch::Devices(devices) => take_uuids(bytes, most, devices)?,
            Batch::Named(subjects) => self.take_lines(bytes, is_end, most, subjects)?,
        };
        drop(bytes.split_to(taken));
        Ok(())
    }

    /// How many bytes were taken.
    fn take_lines(self, bytes: &[u8], is_end: bool, most: usize, subjects: &mut Vec<Subject>) -> Result<usize, Broken> {
        let mut rest = bytes;
        let (end, mut count) = (bytes.len(), 0);
        while count < most && !rest.is_empty() {
            let within = rest.get(..=LINE_BYTES_MAX).unwrap_or(rest);
            let line;
            (line, rest) = match within.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    let (line, after) = rest.split_at_checked(end).ok_or(Broken::Subject)?;
                    (line, after.get(1..).unwrap_or_default())
                }
                None if rest.len() > LINE_BYTES_MAX => return Err(Broken::Subject),
                None if is_end => (rest, &[][..]),
                None => break,
            };
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            let text = std::str::from_utf8(line).map_err(|_| Broken::Subject)?;
            let name = match self {
                Self::Ndjson => serde_json::from_str::<&str>(text).map_err(|_| Broken::Subject)?,
                Self::Lines | Self::Uuids => text,
            };
            subjects.push(name.parse().map_err(|_| Broken::Subject)?);
            count += 1;
        }
        Ok(end - rest.len())
    }

    fn put(self, subject: Subject, out: &mut Vec<u8>) {
        let text = match self {
            Self::Ndjson => format!("\"{subject}\"\n"),
            Self::Lines | Self::Uuids => format!("{subject}\n"),
        };
        out.extend_from_slice(text.as_bytes());
    }
}

fn take_uuids(bytes: &[u8], most: usize, devices: &mut Vec<DeviceId>) -> Result<usize, Broken> {
    let (uuids, _) = bytes.as_chunks::<UUID_BYTES>();
    let uuids = uuids.get(..most).unwrap_or(uuids);
    for uuid in uuids {
        devices.push(DeviceId::from_bytes(*uuid).ok_or(Broken::Subject)?);
    }
    Ok(uuids.len() * UUID_BYTES)
}

/// Subjects that are decided about together. Devices take less than half of the room where there is nobody else, and less time.
enum Batch {
    Devices(Vec<DeviceId>),
    Named(Vec<Subject>),
}

impl Batch {
    fn len(&self) -> usize {
        match self {
            Self::Devices(devices) => devices.len(),
            Self::Named(subjects) => subjects.len(),
        }
    }

    fn get(&self, place: usize) -> Option<Subject> {
        match self {
            Self::Devices(devices) => devices.get(place).map(|device| Subject::Device(*device)),
            Self::Named(subjects) => subjects.get(place).copied(),
        }
    }

    fn ask(&self, ready: &Ready, question: &QuestionDoc, now: Time) -> Option<Allowed> {
        match self {
            Self::Devices(devices) => ready.allowed(question, devices, now),
            Self::Named(subjects) => ready.allowed(question, subjects, now),
        }
    }

    /// Those who are allowed, as they are written.
    fn write(&self, form: Form, allowed: &Allowed) -> Vec<u8> {
        match self {
            Self::Devices(devices) => {
                // Each is written, and the next one over it unless it is allowed: whether it is cannot be foreseen.
                let (mut out, mut count) = (vec![[0; UUID_BYTES]; devices.len()], 0);
                for (place, device) in devices.iter().enumerate() {
                    if let Some(last) = out.get_mut(count) {
                        *last = *device.as_bytes();
                    }
                    count += usize::from(allowed.is_allowed(place));
                }
                out.truncate(count);
                out.into_flattened()
            }
            Self::Named(subjects) => {
                let mut out = Vec::new();
                let each = subjects.iter().enumerate().filter(|(place, _)| allowed.is_allowed(*place));
                each.for_each(|(_, subject)| form.put(*subject, &mut out));
                out
            }
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
        let batch = self.batch().await?;
        if batch.len() == 0 {
            return Ok(None);
        }
        self.asked.questions += batch.len();
        let Self { app, site, .. } = &self;
        // What cannot be read is logged where it becomes a problem.
        let ready = site.live.ready(app.store(), site.published(), app.clock()).await;
        let ready = ready.map_err(|error| Broken::Store(error.into()))?;
        let now = app.clock().now();
        let known = ready.and_then(|ready| batch.ask(&ready, &self.question, now));
        let mut allowed = known.unwrap_or_else(|| Allowed::nothing(batch.len()));
        let unanswered = std::mem::take(&mut allowed.unanswered);
        for places in unanswered.chunks(SUBJECTS_READ_MAX) {
            self.ask_the_store(&batch, places, &mut allowed).await?;
        }
        Ok(Some((batch.write(self.form, &allowed).into(), self)))
    }

    /// Decides about those whom memory knows too little of.
    async fn ask_the_store(
        &mut self,
        batch: &Batch,
        places: &[(usize, Unanswered)],
        allowed: &mut Allowed,
    ) -> Result<(), Broken> {
        let asked = || places.iter().filter_map(|(place, _)| Some((*place, batch.get(*place)?)));
        let Self { app, site, question, .. } = self;
        let read = site.recent.read(app.store(), site.published(), asked().map(|(_, subject)| subject).collect());
        let records = read.await.map_err(|error| Broken::Store(error.into()))?;
        let now = app.clock().now();
        for (place, subject) in asked() {
            question.subject = subject;
            allowed.say(place, records.decide(question, now).allows());
        }
        Ok(())
    }

    /// The next of the list; none once it is at its end.
    async fn batch(&mut self) -> Result<Batch, Broken> {
        let mut batch = self.form.batch();
        loop {
            self.form.take(&mut self.rest, self.is_end, &mut batch)?;
            if batch.len() == SUBJECTS_MAX {
                return Ok(batch);
            }
            if self.is_end {
                // What is left is the beginning of one.
                return if self.rest.is_empty() { Ok(batch) } else { Err(Broken::Subject) };
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
