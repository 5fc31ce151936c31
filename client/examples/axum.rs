//! A back end whose routes run with a permit only: one asks by an extractor, one is behind a layer.
//!
//! ```text
//! CONSENTRY_KEY=ck_… cargo run -p consentry-client --example axum -- http://127.0.0.1:8080
//! ```
//!
//! Deliberately absent: a session. Whom a request is about stands in a header here, as if a proxy had put it there.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};
use consentry_client::tower::{PermitLayer, Refusal};
use consentry_client::{
    Activity, Ask, Circumstances, Consentry, DataId, Intent, Permit, ProcessorId, PurposeId, Remote, Signal, Subject,
};
use std::error::Error;
use std::sync::Arc;

/// Trains our own model on what people have typed.
enum Train {}

impl Intent for Train {
    const PURPOSE: PurposeId = PurposeId::named("ai-training");
    const DATA: Option<DataId> = Some(DataId::named("prompts"));
    const ACTIVITY: Activity = Activity::Train;
}

/// Hands a product picture to Kling.
enum FilmWithKling {}

impl Intent for FilmWithKling {
    const PURPOSE: PurposeId = PurposeId::named("downstream-ai");
    const PROCESSOR: Option<ProcessorId> = Some(ProcessorId::named("kling"));
    const DATA: Option<DataId> = Some(DataId::named("product-images"));
}

/// Whom a request is about, and what is known of it. Your application asks its session.
fn whose(parts: &Parts) -> Option<(Subject, Circumstances)> {
    let subject = parts.headers.get("x-subject")?.to_str().ok()?.parse().ok()?;
    // What the browser says right now counts, whether it was recorded or not.
    let signal = parts.headers.get("sec-gpc").filter(|value| *value == "1").map(|_| Signal::Gpc);
    Some((subject, Circumstances { signal, ..Circumstances::default() }))
}

/// A handler that takes this does not run without a permit.
struct Permitted<I>(Permit<I>);

impl<I: Intent> FromRequestParts<Remote> for Permitted<I> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, consent: &Remote) -> Result<Self, Response> {
        let (subject, circumstances) = whose(parts).ok_or_else(|| Refusal::Nobody.into_response())?;
        let permit = consent.require_for::<I>(subject, circumstances).await;
        permit.map(Self).map_err(|error| Refusal::NoPermit(error).into_response())
    }
}

/// `POST /train`: takes a prompt into the training set.
async fn train(Permitted(permit): Permitted<Train>, prompt: String) -> String {
    learn(&permit, &prompt)
}

/// Where the model would learn. Nobody can call this who has not asked.
fn learn(permit: &Permit<Train>, prompt: &str) -> String {
    format!("learned {} characters for {}\n", prompt.chars().count(), permit.purpose())
}

/// `POST /film`: makes a clip of a picture. What let the request in is the layer around it.
async fn film(Extension(permit): Extension<Arc<Permit<FilmWithKling>>>) -> String {
    format!("filmed under {} obligations\n", permit.obligations().len())
}

/// The back end.
pub(crate) fn back_end(consent: Remote) -> Router {
    let permitted = PermitLayer::<FilmWithKling, _, _>::new(consent.clone(), whose);
    Router::new().route("/train", post(train)).route("/film", post(film).layer(permitted)).with_state(consent)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("expected the server's address, such as http://127.0.0.1:8080")?;
    let consent = Consentry::remote(&url, "adforge", &std::env::var("CONSENTRY_KEY")?)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, back_end(consent)).await?)
}
