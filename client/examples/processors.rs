//! Processors that get nothing without a permit: requests as OpenAI, Gemini and Kling take them, each with a function that demands the permit
//! for that processor, and sends along what the policy says must go along (`flags`).
//!
//! ```text
//! CONSENTRY_KEY=ck_… PROCESSOR_KEY=… cargo run -p consentry-client --example processors -- http://127.0.0.1:8080 openai device:…
//! ```
//!
//! Deliberately absent: what the processors answer. Their interfaces are theirs, and change.

use consentry_client::{
    Circumstances, Clock, DataId, Intent, Obligation, Permit, PermitError, ProcessorId, PurposeId, Subject, blocking,
};
use serde_json::{Map, Value, json};
use std::error::Error;

/// Hands a prompt to OpenAI.
pub(crate) enum WriteWithOpenAi {}

impl Intent for WriteWithOpenAi {
    const PURPOSE: PurposeId = PurposeId::named("downstream-ai");
    const PROCESSOR: Option<ProcessorId> = Some(ProcessorId::named("openai"));
    const DATA: Option<DataId> = Some(DataId::named("text-prompts"));
}

/// Hands a prompt to Gemini.
pub(crate) enum WriteWithGemini {}

impl Intent for WriteWithGemini {
    const PURPOSE: PurposeId = PurposeId::named("downstream-ai");
    const PROCESSOR: Option<ProcessorId> = Some(ProcessorId::named("gemini"));
    const DATA: Option<DataId> = Some(DataId::named("prompts"));
}

/// Hands a prompt to Kling.
pub(crate) enum FilmWithKling {}

impl Intent for FilmWithKling {
    const PURPOSE: PurposeId = PurposeId::named("downstream-ai");
    const PROCESSOR: Option<ProcessorId> = Some(ProcessorId::named("kling"));
    const DATA: Option<DataId> = Some(DataId::named("video-prompts"));
}

/// Why nothing was sent, or nothing came back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The permit is too old.
    #[error(transparent)]
    Permit(#[from] PermitError),
    /// Something would have to be done with the data first that is not done here.
    #[error("the data goes out as it is, and the permit says `{0}`")]
    Undone(&'static str),
    /// The processor did not take it.
    #[error(transparent)]
    Http(#[from] ureq::Error),
}

/// A processor's interface: where it is, and by which header field it knows us.
struct Endpoint {
    agent: ureq::Agent,
    url: String,
    key: (&'static str, String),
    clock: Clock,
}

impl Endpoint {
    /// Sends this under the permit. The only way out of here, so that no request leaves without its flags.
    fn send<I>(&self, permit: &Permit<I>, path: &str, body: Value) -> Result<Value, SendError> {
        let permit = permit.check(self.clock.now())?;
        let mut body: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
        for obligation in permit.obligations() {
            match obligation {
                Obligation::RequestFlag(name, value) => {
                    body.insert(name.to_string(), flag(value));
                }
                Obligation::AnonymiseFirst => return Err(SendError::Undone("anonymise-first")),
                Obligation::PseudonymiseFirst => return Err(SendError::Undone("pseudonymise-first")),
                // Comes with a denial, for which there is no permit.
                Obligation::Erase => return Err(SendError::Undone("erase")),
                // What the processor owes by its contract, with the account that `key` is of.
                Obligation::NoTraining | Obligation::NoOwnUse | Obligation::TransferSafeguard(_, _) => {}
                // What is owed once there is an answer, by whoever keeps it.
                Obligation::DeleteWithin(_)
                | Obligation::DeleteAfterUse
                | Obligation::DeleteAfterInactivity(_)
                | Obligation::DeleteOnRequest
                | Obligation::DeleteBackupsWithin(_) => {}
            }
        }
        let (name, key) = &self.key;
        let request = self.agent.post(format!("{}{path}", self.url)).header(*name, key);
        Ok(request.send_json(Value::Object(body))?.body_mut().read_json()?)
    }
}

/// A policy's flags are texts; `true`, `false` and numbers are meant as JSON has them.
fn flag(value: &str) -> Value {
    match serde_json::from_str(value) {
        Ok(word @ (Value::Bool(_) | Value::Number(_))) => word,
        Ok(_) | Err(_) => value.into(),
    }
}

/// OpenAI, by its Responses interface.
pub(crate) struct OpenAi(Endpoint);

impl OpenAi {
    pub(crate) fn at(url: &str, key: &str, clock: Clock) -> Self {
        let key = ("authorization", format!("Bearer {key}"));
        Self(Endpoint { agent: ureq::Agent::new_with_defaults(), url: url.into(), key, clock })
    }

    pub(crate) fn write(&self, permit: &Permit<WriteWithOpenAi>, prompt: &str) -> Result<Value, SendError> {
        self.0.send(permit, "/v1/responses", json!({ "model": "gpt-5", "input": prompt }))
    }
}

/// Gemini, by `generateContent`.
pub(crate) struct Gemini(Endpoint);

impl Gemini {
    pub(crate) fn at(url: &str, key: &str, clock: Clock) -> Self {
        let key = ("x-goog-api-key", key.into());
        Self(Endpoint { agent: ureq::Agent::new_with_defaults(), url: url.into(), key, clock })
    }

    pub(crate) fn write(&self, permit: &Permit<WriteWithGemini>, prompt: &str) -> Result<Value, SendError> {
        let body = json!({ "contents": [{ "role": "user", "parts": [{ "text": prompt }] }] });
        self.0.send(permit, "/v1beta/models/gemini-flash:generateContent", body)
    }
}

/// Kling, by its interface for videos from words.
pub(crate) struct Kling(Endpoint);

impl Kling {
    pub(crate) fn at(url: &str, token: &str, clock: Clock) -> Self {
        let key = ("authorization", format!("Bearer {token}"));
        Self(Endpoint { agent: ureq::Agent::new_with_defaults(), url: url.into(), key, clock })
    }

    pub(crate) fn film(&self, permit: &Permit<FilmWithKling>, prompt: &str) -> Result<Value, SendError> {
        self.0.send(permit, "/v1/videos/text2video", json!({ "model_name": "kling-v2", "prompt": prompt }))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, processor, subject] = arguments.as_slice() else {
        return Err("expected the server's address, `openai`, `gemini` or `kling`, and a subject".into());
    };
    let subject: Subject = subject.parse()?;
    let (consentry_key, key) = (std::env::var("CONSENTRY_KEY")?, std::env::var("PROCESSOR_KEY")?);
    let consent = |site| blocking::remote(url, site, &consentry_key);
    let (nothing_more, clock) = (Circumstances::default(), Clock::System);
    let answer = match processor.as_str() {
        "openai" => {
            let permit = consent("icecone")?.require_for(subject, nothing_more)?;
            OpenAi::at("https://api.openai.com", &key, clock).write(&permit, "A slogan for a lamp")?
        }
        "gemini" => {
            let permit = consent("adforge")?.require_for(subject, nothing_more)?;
            let gemini = Gemini::at("https://generativelanguage.googleapis.com", &key, clock);
            gemini.write(&permit, "A slogan for a lamp")?
        }
        "kling" => {
            let permit = consent("icecone")?.require_for(subject, nothing_more)?;
            Kling::at("https://api-singapore.klingai.com", &key, clock).film(&permit, "A lamp")?
        }
        other => return Err(format!("nobody here speaks with `{other}`").into()),
    };
    println!("{answer}");
    Ok(())
}
