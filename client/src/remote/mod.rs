//! Asks a server over HTTP, and remembers for a moment what it said.
//!
//! Deliberately absent: decisions, redirects, proxies of the environment. [`Remote`] says how fresh an answer is, and what is tried again.

mod address;
mod answer;
mod cache;
mod filter;
mod key;
mod retry;
mod transport;

use crate::ask::{Ask, sealed};
use crate::clock::Clock;
use crate::error::{AskError, SetUpError};
use address::Address;
use cache::Cache;
use consentry_core::wire::QuestionDoc;
use consentry_core::{Decision, Language, Subject};
use hyper::body::Bytes;
#[cfg(feature = "replica")]
use hyper::body::Incoming;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
#[cfg(feature = "replica")]
use transport::Lost;
use transport::{MediaType, Transport};

pub use answer::{Explained, Explanation};
#[cfg(feature = "blocking")]
pub(crate) use filter::{Chunk, FILTERED_AT_ONCE_MAX, target};

/// Longest body that the server reads of a request for decisions, in bytes.
const ASK_BYTES_MAX: usize = 512 * 1024;
/// What stands around questions in a request, in bytes.
const ASK_FRAME_BYTES: usize = r#"{"questions":[]}"#.len();

/// How a server is asked.
#[derive(Debug, Clone)]
pub struct RemoteConfig {
    /// How long a connection may take to come about, without TLS.
    pub connect_within: Duration,
    /// How long an answer may take, with all tries and the waits between them. Of many questions: of each request of a thousand.
    pub answer_within: Duration,
    /// For how long an answer is remembered at most. A withdrawal may go unnoticed for as long. Zero remembers nothing.
    pub remembered_for: Duration,
    /// How many answers are remembered at most, the last ones: some 1 KiB each.
    pub remembered_max: usize,
    /// Whose certificates are believed.
    pub roots: Roots,
    /// What time it is.
    pub clock: Clock,
}

impl Default for RemoteConfig {
    fn default() -> Self {
        Self {
            connect_within: Duration::from_secs(1),
            answer_within: Duration::from_secs(5),
            remembered_for: Duration::from_secs(5),
            remembered_max: 10_000,
            roots: Roots::Mozilla,
            clock: Clock::System,
        }
    }
}

/// Whose certificates are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// Those of the authorities on Mozilla's list.
    Mozilla,
    /// Those of these alone, as PEM: for a server within one's own walls.
    Pem(String),
}

/// Asks a server over HTTP. Cheap to clone; clones share connections and what is remembered.
///
/// **How fresh an answer is:** it was asked for at most [`RemoteConfig::remembered_for`] ago (5 s if nothing else is said), and is never relied on
/// for longer than it says itself. A withdrawal counts at the latest that long after it was recorded, and at once where nothing is remembered
/// (`Duration::ZERO`). [`Remote::explain`], [`Remote::accounts`] and [`Remote::filter`] remember nothing.
///
/// **What is tried again:** what breaks off, and what is answered 429, 502, 503 or 504, after its `Retry-After` or a growing wait that is drawn at
/// random; at most four times, and within [`RemoteConfig::answer_within`]. A question changes nothing, so that asking twice is harmless.
#[derive(Clone)]
pub struct Remote(Arc<Shared>);

struct Shared {
    address: Address,
    transport: Transport,
    answer_within: Duration,
    cache: Cache,
    clock: Clock,
}

impl Remote {
    pub(crate) fn new(url: &str, site: &str, key: &str, config: RemoteConfig) -> Result<Self, SetUpError> {
        let RemoteConfig { connect_within, answer_within, remembered_for, remembered_max, roots, clock } = config;
        Ok(Self(Arc::new(Shared {
            address: Address::new(url, &site.parse()?)?,
            transport: Transport::new(key::authorization(key)?, connect_within, &roots)?,
            answer_within,
            cache: Cache::new(remembered_for, remembered_max, clock.clone()),
            clock,
        })))
    }

    /// Asks one question, and for words that say why: a sentence for the person in the policy's language that suits best, and a line for
    /// whoever has to find out why. Never from memory.
    ///
    /// # Errors
    /// [`AskError`] where there is no answer.
    pub async fn explain(&self, question: &QuestionDoc, language: Language) -> Result<Explained, AskError> {
        let question = QuestionDoc { explain: Some(language), ..question.clone() };
        answer::explained(&self.post("decisions", json(&question)?).await?)
    }

    /// Under which names accounts are asked about, by their ids as the site has them, in the same order. Names say nothing of whether anything is
    /// known, and may be kept.
    ///
    /// # Errors
    /// [`AskError`] where there is no answer; [`AskError::Refused`] where an id has no, or more than 256, characters, and where nobody can be
    /// signed in at the site, since it has no accounts then.
    pub async fn accounts(&self, ids: &[impl AsRef<str> + Sync]) -> Result<Vec<Subject>, AskError> {
        let mut accounts = Vec::with_capacity(ids.len());
        for ids in ids.chunks(consentry_core::wire::QUESTIONS_MAX) {
            let ids: Vec<&str> = ids.iter().map(AsRef::as_ref).collect();
            let body = json(&serde_json::json!({ "v": 1, "ids": ids }))?;
            accounts.extend(answer::accounts(&self.post("accounts", body).await?, ids.len())?);
        }
        Ok(accounts)
    }

    /// What the server answers to JSON under that name, in time.
    async fn post(&self, name: &str, body: Bytes) -> Result<Bytes, AskError> {
        let Shared { address, transport, answer_within, clock, .. } = &*self.0;
        let uri = address.of(name);
        let send = || transport.post(uri.clone(), MediaType::Json, body.clone());
        Ok(retry::until_answered(*answer_within, clock, send).await?.body)
    }

    /// Asks these, and remembers what is said: as many answers as there are of them.
    async fn ask_all(&self, questions: &[&QuestionDoc], texts: &[String]) -> Vec<Result<Decision, AskError>> {
        let began = self.0.cache.begin();
        let body = format!(r#"{{"questions":[{}]}}"#, texts.join(","));
        let answered = match self.post("decisions", body.into()).await {
            Ok(body) => answer::decisions(&body, questions.len()),
            Err(error) => Err(error),
        };
        let answers = answered.unwrap_or_else(|error| questions.iter().map(|_| Err(error.clone())).collect());
        for (question, answer) in questions.iter().zip(&answers) {
            if let Ok(decision) = answer {
                self.0.cache.put(began, question, decision);
            }
        }
        answers
    }
}

/// What a replica reads.
#[cfg(feature = "replica")]
impl Remote {
    /// What the server answers under that name, all of it, within that time.
    pub(crate) async fn get_whole(
        &self,
        name: &str,
        accept: &'static str,
        within: Duration,
        bytes_max: usize,
    ) -> Result<(http::HeaderMap, Bytes), AskError> {
        let Shared { address, transport, clock, .. } = &*self.0;
        let uri = address.of(name);
        let get = async || transport::whole(transport.get(uri.clone(), accept).await?, bytes_max).await;
        let response = retry::until_answered(within, clock, get).await?;
        Ok((response.headers, response.body))
    }

    /// Opens a stream. Its head comes in time; whether something is heard of it after that is for whoever reads it.
    pub(crate) async fn open(&self, name: &str, accept: &'static str) -> Result<http::Response<Incoming>, AskError> {
        let Shared { address, transport, answer_within, .. } = &*self.0;
        let within = *answer_within;
        let opened = tokio::time::timeout(within, transport.get(address.of(name), accept)).await;
        let lost = |lost| match lost {
            Lost::Connection(cause) => AskError::Unreachable { cause: cause.into(), tries: 1 },
            Lost::TooLong => unreadable(&"it is longer than any answer can be"),
        };
        let response = opened.map_err(|_| AskError::TooSlow { within })?.map_err(lost)?;
        if response.status() == http::StatusCode::OK {
            return Ok(response);
        }
        Err(retry::refused(&transport::whole(response, transport::ANSWER_BYTES_MAX).await.map_err(lost)?))
    }

    /// How long an answer may take.
    pub(crate) fn answer_within(&self) -> Duration {
        self.0.answer_within
    }
}

impl sealed::Sealed for Remote {}

impl Ask for Remote {
    fn clock(&self) -> &Clock {
        &self.0.clock
    }

    async fn decide(&self, question: &QuestionDoc) -> Result<Decision, AskError> {
        if let Some(decision) = self.0.cache.get(question) {
            return Ok(decision);
        }
        let began = self.0.cache.begin();
        let decision = answer::decision(&self.post("decisions", json(question)?).await?)?;
        self.0.cache.put(began, question, &decision);
        Ok(decision)
    }

    async fn decide_all(&self, questions: &[QuestionDoc]) -> Vec<Result<Decision, AskError>> {
        let mut answers: Vec<Option<Result<Decision, AskError>>> =
            questions.iter().map(|question| self.0.cache.get(question).map(Ok)).collect();
        let open = questions.iter().zip(&mut answers).filter(|(_, answer)| answer.is_none());
        let mut request = Request::default();
        let mut failed = None;
        for (question, answer) in open {
            match serde_json::to_string(question) {
                Err(error) => *answer = Some(Err(unreadable(&error))),
                Ok(text) => {
                    if !request.fits(&text) {
                        request.send(self, &mut failed).await;
                    }
                    request.put(question, answer, text);
                }
            }
        }
        request.send(self, &mut failed).await;
        // Each has been answered by now; who has not is denied.
        answers.into_iter().map(|answer| answer.unwrap_or(Err(AskError::Ended))).collect()
    }
}

/// Questions that go together: as many as the server reads at once.
#[derive(Default)]
struct Request<'a> {
    questions: Vec<&'a QuestionDoc>,
    answers: Vec<&'a mut Option<Result<Decision, AskError>>>,
    texts: Vec<String>,
    bytes: usize,
}

impl<'a> Request<'a> {
    fn fits(&self, text: &str) -> bool {
        self.texts.len() < consentry_core::wire::QUESTIONS_MAX
            && ASK_FRAME_BYTES + self.bytes + text.len() <= ASK_BYTES_MAX
    }

    fn put(&mut self, question: &'a QuestionDoc, answer: &'a mut Option<Result<Decision, AskError>>, text: String) {
        self.bytes += text.len() + ",".len();
        self.questions.push(question);
        self.answers.push(answer);
        self.texts.push(text);
    }

    /// Sends what there is, unless it has `failed` before: who could not be reached a moment ago is not waited for once more.
    async fn send(&mut self, remote: &Remote, failed: &mut Option<AskError>) {
        let Self { questions, answers, texts, .. } = std::mem::take(self);
        let answered = match failed {
            _ if questions.is_empty() => return,
            Some(error) => questions.iter().map(|_| Err(error.clone())).collect(),
            None => remote.ask_all(&questions, &texts).await,
        };
        // What cannot be read is one answer's affair.
        *failed = failed.take().or_else(|| {
            let error = answered.first()?.as_ref().err()?;
            (!matches!(error, AskError::Unreadable { .. })).then(|| error.clone())
        });
        for (slot, answer) in answers.into_iter().zip(answered) {
            *slot = Some(answer);
        }
    }
}

fn json(value: &impl serde::Serialize) -> Result<Bytes, AskError> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|error| unreadable(&error))
}

pub(crate) fn unreadable(cause: &impl fmt::Display) -> AskError {
    AskError::Unreadable { cause: cause.to_string().into() }
}

impl fmt::Debug for Remote {
    /// Without the key, and without whom anything was asked about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("address", &self.0.address).finish_non_exhaustive()
    }
}
