//! `POST /v1/sites/{site}/accounts`: tells a back end under which names its accounts are kept, so that it can ask about them.
//!
//! Nothing is looked up and nothing is kept: a name follows from the id, whether anything is known of the account or not.

use crate::app::App;
use crate::auth::Scope;
use crate::back_end::BackEnd;
use crate::document::{ASK_BYTES_MAX, Document};
use crate::identity::{ACCOUNT_CHARS_MAX, IdentityError};
use crate::problem::ApiError;
use axum::Json;
use axum::extract::State;
use consentry_core::Subject;
use consentry_core::wire::V1;
use serde::{Deserialize, Serialize};

/// Most ids in one request: as many as questions.
const IDS_MAX: usize = consentry_core::wire::QUESTIONS_MAX;

/// Account ids as the site has them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdsDoc {
    #[serde(rename = "v")]
    _v: V1,
    ids: Vec<String>,
}

/// As many names, in the same order.
#[derive(Debug, Serialize)]
pub(crate) struct AccountsDoc {
    v: V1,
    accounts: Vec<Subject>,
}

pub(crate) async fn create(
    State(app): State<App>,
    back_end: BackEnd,
    Document(doc): Document<IdsDoc, ASK_BYTES_MAX>,
) -> Result<Json<AccountsDoc>, ApiError> {
    let site = back_end.may(Scope::Ask)?;
    if doc.ids.len() > IDS_MAX {
        return Err(ApiError::Malformed(format!("more than {IDS_MAX} ids in one request")));
    }
    let accounts = doc.ids.iter().map(|id| match app.account(site.id(), id) {
        Ok(account) => Ok(Subject::Account(account)),
        // Whoever asks has shown a key, and no token that could be wrong.
        Err(IdentityError::Claim(_)) => {
            Err(ApiError::Malformed(format!("an id has 1 to {ACCOUNT_CHARS_MAX} characters")))
        }
        Err(error) => Err(error.into()),
    });
    Ok(Json(AccountsDoc { v: V1, accounts: accounts.collect::<Result<_, ApiError>>()? }))
}
