//! `GET /health`: whether the process answers. It asks nobody else, so that a trouble of the database's does not have it started anew.

use axum::Json;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Health {
    status: &'static str,
}

pub(crate) async fn show() -> Json<Health> {
    Json(Health { status: "ok" })
}
