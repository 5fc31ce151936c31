//! `GET /health`: whether choices can be kept and questions answered.

use crate::app::App;
use crate::problem::ApiError;
use axum::Json;
use axum::extract::State;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Health {
    status: &'static str,
}

pub(crate) async fn show(State(app): State<App>) -> Result<Json<Health>, ApiError> {
    app.store().ping().await?;
    Ok(Json(Health { status: "ok" }))
}
