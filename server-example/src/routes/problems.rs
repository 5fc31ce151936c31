//! `GET /problems/{name}`: what a problem means, and what to do, for whoever reads an answer in a log.

use crate::problem::{ApiError, Problem};
use axum::extract::Path;
use axum::extract::rejection::PathRejection;

pub(crate) async fn show(name: Result<Path<String>, PathRejection>) -> Result<String, ApiError> {
    let Path(name) = name.map_err(|_| ApiError::NotFound)?;
    let problem = Problem::ALL.iter().find(|problem| problem.name() == name).ok_or(ApiError::NotFound)?;
    Ok(format!("{}\n\n{}\n", problem.title(), problem.meaning()))
}
