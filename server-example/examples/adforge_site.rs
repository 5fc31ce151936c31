//! AdForge's own back end, in small: it serves the site's pages, and asks Consentry before it hands a product picture
//! to a video model.
//!
//! ```text
//! cargo run --example adforge_site -- --listen 127.0.0.1:4871 --consentry http://127.0.0.1:8080 --key ck_…
//! ```
//!
//! Deliberately absent: the video models. What would be sent to one stands in the answer instead.

use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Json, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use clap::Parser;
use consentry_core::wire::{DecisionDoc, ObligationDoc};
use consentry_core::{ProcessorId, Subject};
use serde::Deserialize;
use serde_json::{Value, json};
use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// How long Consentry may take. A visitor waits for a clip much longer than that.
const ANSWER_SECONDS_MAX: u64 = 2;

/// Asks Consentry what may be done. Cheap to clone.
#[derive(Clone)]
struct Consentry {
    agent: ureq::Agent,
    decisions: String,
    authorization: String,
}

impl Consentry {
    fn new(url: &str, key: &str) -> Self {
        let timeout = Some(Duration::from_secs(ANSWER_SECONDS_MAX));
        Self {
            agent: ureq::Agent::config_builder().timeout_global(timeout).build().into(),
            decisions: format!("{url}/v1/sites/adforge/decisions"),
            authorization: format!("Bearer {key}"),
        }
    }

    /// Asks, and waits for the decision. Whatever is not a decision is an error, and an error is no permission.
    fn ask(&self, question: &Value) -> Result<DecisionDoc, ureq::Error> {
        let request = self.agent.post(&self.decisions).header("Authorization", &self.authorization);
        request.send_json(question)?.body_mut().read_json()
    }
}

/// What the page asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RenderRequest {
    subject: Subject,
    model: ProcessorId,
}

/// `POST /api/render`: makes a clip with the model that the visitor has picked, if the visitor lets that model have the picture.
async fn render(
    State(consentry): State<Consentry>,
    request: Result<Json<RenderRequest>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let Json(RenderRequest { subject, model }) = request.map_err(|_| Problem::Malformed)?;
    let question =
        json!({ "subject": subject, "purpose": "downstream-ai", "processor": model, "data": "product-images" });
    let answer = tokio::task::spawn_blocking(move || consentry.ask(&question)).await;
    match answer {
        Ok(Ok(decision)) if decision.allow => {
            Ok(Json(json!({ "clip": film(&model, &decision), "decision": decision })))
        }
        Ok(Ok(decision)) => Err(Problem::Denied(Box::new(decision))),
        Ok(Err(_)) | Err(_) => Err(Problem::Unanswered),
    }
}

/// Where AdForge would call the model, under the duties that came with the permission.
fn film(model: &ProcessorId, decision: &DecisionDoc) -> String {
    let duties: Vec<String> = decision.obligations.iter().map(duty).collect();
    // The request to the model would carry these.
    eprintln!("asking {model}, {}", duties.join(", "));
    format!("clip-by-{model}.mp4")
}

/// What AdForge does about an obligation.
fn duty(obligation: &ObligationDoc) -> String {
    let duty = match obligation {
        ObligationDoc::RequestFlag { name, value } => return format!("with `{name}: {value}`"),
        ObligationDoc::DeleteAfterUse => "sent with `store: false`",
        ObligationDoc::DeleteWithin { .. } => "with a date of deletion",
        ObligationDoc::DeleteAfterInactivity { .. } => "with the day of the last visit",
        ObligationDoc::DeleteBackupsWithin { .. } => "kept out of long-lived copies",
        ObligationDoc::PseudonymiseFirst => "without the name",
        ObligationDoc::AnonymiseFirst => "after anonymisation",
        ObligationDoc::Erase => "and then erased",
        ObligationDoc::DeleteOnRequest => "filed under the visitor's pseudonym",
        ObligationDoc::NoTraining => "with `training: false`",
        ObligationDoc::NoOwnUse => "under the contract without own use",
        ObligationDoc::TransferSafeguard { .. } => "to the endpoint that the transfer's safeguard covers",
    };
    duty.into()
}

/// Why there is no clip.
enum Problem {
    Malformed,
    Denied(Box<DecisionDoc>),
    Unanswered,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, title, decision) = match self {
            Self::Malformed => (StatusCode::BAD_REQUEST, "expected a subject and a model", None),
            Self::Denied(decision) => (StatusCode::FORBIDDEN, "the visitor does not allow it", Some(decision)),
            Self::Unanswered => (StatusCode::SERVICE_UNAVAILABLE, "nobody could say whether it is allowed", None),
        };
        let mut problem = json!({ "type": "about:blank", "title": title, "status": status.as_u16() });
        if let (Some(decision), Some(fields)) = (decision, problem.as_object_mut()) {
            fields.insert("decision".into(), json!(decision));
        }
        let mut response = (status, Json(problem)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

/// The pages in `www`, which load Consentry from `url`, and the API.
pub(crate) fn site(www: &Path, url: &str, key: &str) -> Result<Router, Box<dyn Error>> {
    let index = std::fs::read_to_string(www.join("index.html"))?.replace("__CONSENTRY__", url);
    let policy = HeaderValue::try_from(format!(
        "default-src 'self'; script-src 'self' {url} 'wasm-unsafe-eval'; style-src 'self'; \
         connect-src 'self' {url}; img-src 'self' data:"
    ))?;
    let page = get(async || Html(index));
    Ok(Router::new()
        .route("/", page.clone())
        .route("/index.html", page)
        .route("/api/render", post(render))
        .fallback_service(ServeDir::new(www).append_index_html_on_directories(false))
        .layer(SetResponseHeaderLayer::overriding(header::CONTENT_SECURITY_POLICY, policy))
        .with_state(Consentry::new(url, key)))
}

/// AdForge's site.
#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long)]
    listen: SocketAddr,
    /// Where Consentry is, without a slash at the end.
    #[arg(long)]
    consentry: String,
    /// The key with which to ask it: `consentry key new` makes one.
    #[arg(long)]
    key: String,
    /// The pages.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../www/demo/adforge"))]
    www: PathBuf,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { listen, consentry, key, www } = Arguments::parse();
    let site = site(&www, &consentry, &key)?;
    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, site).await?)
}
