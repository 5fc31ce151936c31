//! `GET /ready`: whether choices can be kept and questions answered: the database answers, there is somebody to write to it, and
//! there are policies, without which nothing is served at all.

use crate::app::App;
use crate::problem::ApiError;
use axum::Json;
use axum::extract::State;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Ready {
    status: &'static str,
}

pub(crate) async fn show(State(app): State<App>) -> Result<Json<Ready>, ApiError> {
    app.store().ping().await?;
    Ok(Json(Ready { status: "ready" }))
}
