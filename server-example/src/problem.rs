//! What can go wrong with a request, and how that is said: RFC 9457, in this one place.
//!
//! A problem tells whoever sent the request what to do. Causes are logged and never sent, and neither a problem nor a
//! log line names a subject or a choice.

use crate::auth::Scope;
use crate::cases::{CaseChangeError, CaseRefusal};
use crate::identity::IdentityError;
use crate::ledger::{IssueError, ProofError, SignError};
use crate::records::DEVICES_LINKED_MAX;
use crate::store::{AppendError, ReadError, WEBHOOKS_MAX};
use crate::webhooks::EndpointError;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use consentry_core::wire::WireError;
use consentry_core::{ChoiceError, PolicyHash, ProcessorId};
use serde::Serialize;

/// What a client may wait before it tries again, where too much is waiting.
const RETRY_AFTER_SECONDS: u64 = 1;

macro_rules! problems {
    ($( $(#[$meta:meta])* $variant:ident = $name:literal, $title:literal, $meaning:literal; )+) => {
        /// The kinds of problems: a closed set, each with a page of its own at `/problems/{name}`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Problem { $( $(#[$meta])* $variant, )+ }

        impl Problem {
            /// Every kind, in the order of docs/wire.md.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The last part of its type.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// The type: where this kind is explained.
            #[must_use]
            pub const fn path(self) -> &'static str {
                match self { $( Self::$variant => concat!("/problems/", $name), )+ }
            }

            /// What it is, in a few words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $( Self::$variant => $title, )+ }
            }

            /// What it means, and what to do.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $( Self::$variant => $meaning, )+ }
            }
        }
    };
}

problems! {
    /// The body is not what docs/wire.md says.
    Malformed = "malformed", "The request cannot be read",
        "The body is not JSON of the form that docs/wire.md gives, or its `Content-Type` does not say \
         `application/json`. `detail` says where. Correct the request; sending the same again will not help.";
    /// The body is longer than is ever needed.
    TooLarge = "too-large", "The request is too large",
        "A choice has at most 64 KiB, a signal or demand 4 KiB, an identity 5 KiB, a case 32 KiB, a request for decisions \
         512 KiB. Ask for fewer decisions at once. With status 431 it is the head of the request that has too many fields.";
    /// No such site here.
    UnknownSite = "unknown-site", "This server has no such site",
        "The site in the address is none of those whose policies this server was started with. Correct the name, \
         or add its folder to `--policies`.";
    /// The policy has no such purpose.
    UnknownPurpose = "unknown-purpose", "The policy has no such purpose",
        "A choice or a demand names a purpose that the site's policy does not have. Nothing of it was kept. Correct the \
         name, or add the purpose to the policy.";
    /// The purpose employs no such processor.
    UnknownProcessor = "unknown-processor", "The purpose employs no such processor",
        "A choice names a processor that the purpose does not employ, or a webhook one that the policy does not have. \
         Nothing was kept. Correct the name, or add the use to the policy.";
    /// People are told of the purpose, not asked.
    NotChoosable = "not-choosable", "The purpose is not a matter of choice",
        "The policy has no switch for this purpose: people are told of it, not asked. Nothing of the choice was kept.";
    /// The policy answered is not the one in force.
    PolicySuperseded = "policy-superseded", "The policy has been replaced",
        "The choice answers a policy that is no longer in force. Nothing of it was kept. Show the notice of the policy \
         that `current` names, and ask again.";
    /// The notice answered is none of the site's.
    UnknownNotice = "unknown-notice", "No such notice was published",
        "The choice names texts that this policy is not published with in that language. A consent to unknown words \
         proves nothing, so nothing of it was kept. Load `/{site}.js` again, and ask again.";
    /// The page is none of the site's.
    ForeignOrigin = "foreign-origin", "The page may not speak for this site",
        "The request's `Origin` is missing or is none of the site's. Add it to `origins` in the site's policy, or start \
         the server with `--origin` for a demo or for staging.";
    /// The subject's secret is missing or another.
    WrongSecret = "wrong-secret", "The subject's secret is missing or wrong",
        "Only the browser that made a subject's first choice knows its secret. With status 401 the header \
         `Authorization: Bearer <subject's UUID>.<device secret>` is missing or has another form; with 403 the secret \
         is not the one registered. A browser that has lost its secret starts anew, with a new subject.";
    /// The API key is missing or another.
    WrongKey = "wrong-key", "The API key is missing or wrong",
        "With status 401 the header `Authorization: Bearer ck_…` is missing or has another form; with 403 the key is not \
         one of this site's, was revoked, or has not the scope that this needs. `consentry key new` makes one. Until then, \
         process nothing.";
    /// The identity token is not believed.
    WrongIdentity = "wrong-identity", "The identity token is not believed",
        "`detail` says what is wrong with it. The site's back end signs a token for whoever is signed in, with a key that this \
         server was told of (`--identity`), for this site (`aud`), for the account (`sub`), and for 24 hours at most (`exp`). \
         Sign a new one, and call `consentry.identify` again. Nothing was kept.";
    /// The account is linked to too many devices.
    TooManyDevices = "too-many-devices", "The account is linked to too many devices",
        "What each of an account's devices refuses counts for the account, so none of them can be forgotten. An account has at \
         most 1 000; an erasure, demanded with its identity token, ends its links. Nothing was kept.";
    /// The feed is asked to go on from where it has not been.
    Ahead = "ahead", "The ledger does not reach that far",
        "The entry that `after` or `Last-Event-ID` names is not there. The ledger was set back to a copy, or it is another one's. What \
         was read of it may contradict what is kept now: read it again from the start.";
    /// The webhook would not work.
    BadWebhook = "bad-webhook", "The webhook cannot be made",
        "`detail` says why: where it leads may not be reached from this server, or the site has as many as it can have. \
         Nothing was kept.";
    /// Somebody confirms what nobody told them.
    NotTold = "not-told", "The webhook was not told of that yet",
        "A confirmation names the entry of a message that was received, its `seq`. Nothing was kept.";
    /// The id names another choice.
    IdReused = "id-reused", "Another choice has this id",
        "A choice, signal, demand or case with this id was kept before, and it says something else or is somebody else's. \
         Nothing has changed. Each needs an id of its own (UUIDv7).";
    /// The case is not where it would have to be.
    CaseState = "case-state", "The case does not become that",
        "A case goes from `received` to `in-progress`, `extended`, `done` or `refused`, and stays what it is once it is done or \
         refused. It is extended once, before it is due, and where the law of its place provides for that; who is refused or \
         kept waiting is told why, in `reason`. Read the case again: somebody else may have changed it.";
    /// One subject with too many cases.
    TooManyCases = "too-many-cases", "The subject has too many cases",
        "A subject has at most 20 cases. What else there is to say fits into one of those that are open, or into a letter to the \
         controller.";
    /// The server was started without what this needs.
    NotSetUp = "not-set-up", "The server is not set up for this",
        "Links to unsubscribe need the key that account ids are hashed with, and the address at which the server is reached; webhooks need \
         the key that messages are signed with. Start it with what `detail` names.";
    /// Too much at once.
    Overloaded = "overloaded", "The server has too much to do",
        "Nothing was kept. Send the same again after the time in `Retry-After`: its id makes that harmless.";
    /// Too much from one client, with one key, or of one site.
    TooManyRequests = "too-many-requests", "Too many requests come from here",
        "More has come from this address, with this API key, or for this site than its allowance is. Nothing was kept. Send the \
         same again after the time in `Retry-After`. `limits` in docs/operating.md says how much is allowed.";
    /// The database does not answer.
    Unavailable = "unavailable", "The record cannot be read or written",
        "The server's log says why. Whoever asked for a decision must not process anything until it is answered; a \
         choice may be sent again, its id makes that harmless.";
    /// Nothing is at this address.
    NotFound = "not-found", "Nothing is at this address",
        "docs/wire.md lists the addresses. A file under `/assets/` has its hash in its name; load `/{site}.js` again to \
         learn the current one.";
    /// The address does not know this method.
    MethodNotAllowed = "method-not-allowed", "The address does not know this method",
        "The header `Allow` lists the methods that it knows.";
}

/// Why a request is not answered as it wished. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("{0}")]
    Malformed(String),
    #[error("expected the header `Content-Type: application/json`")]
    NotJson,
    #[error(
        "expected the header `Content-Type` to be `text/plain`, `application/x-ndjson` or `application/octet-stream`"
    )]
    NoList,
    #[error("the body did not arrive in time")]
    Slow,
    #[error("the body is longer than {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    #[error("the head of the request has more than {fields_max} fields")]
    TooManyFields { fields_max: usize },
    #[error("this server has no such site")]
    UnknownSite,
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    #[error("this policy is not published with such a notice in that language")]
    UnknownNotice,
    #[error("the header `Origin` names none of the site's origins")]
    ForeignOrigin,
    #[error("expected the header `Authorization: Bearer <subject's UUID>.<device secret>`")]
    NoSecret,
    #[error("another secret is registered for this subject")]
    WrongSecret,
    #[error("expected the header `Authorization: Bearer <API key>`")]
    NoKey,
    #[error("the key is not one of this site's")]
    WrongKey,
    #[error("the key has not the scope `{}`", .0.as_str())]
    NarrowKey(Scope),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("the account is linked to {max} devices already", max = DEVICES_LINKED_MAX)]
    TooManyDevices,
    #[error("there is no entry {after} yet")]
    Ahead { after: u64 },
    #[error(transparent)]
    BadEndpoint(#[from] EndpointError),
    #[error("a site has at most {WEBHOOKS_MAX} webhooks")]
    TooManyWebhooks,
    #[error("the policy has no processor `{0}`")]
    NoProcessor(ProcessorId),
    #[error("the webhook was not told of that entry yet")]
    NotTold,
    #[error("another choice has this id")]
    IdReused,
    #[error(transparent)]
    CaseText(CaseChangeError),
    #[error(transparent)]
    CaseChange(CaseChangeError),
    #[error("the case was changed meanwhile")]
    CaseMoved,
    #[error("the site has no such case")]
    UnknownCase,
    #[error("{}", CaseRefusal::TooMany)]
    TooManyCases,
    #[error("the server was started without `{0}`")]
    NotSetUp(&'static str),
    #[error("too much is waiting")]
    Overloaded,
    #[error("the allowance is used up for {wait_seconds} s")]
    TooManyRequests { wait_seconds: u64 },
    #[error("the record cannot be read or written now")]
    Unavailable,
    #[error("nothing is at this address")]
    NotFound,
    #[error("the address does not know this method")]
    MethodNotAllowed,
}

impl ApiError {
    fn problem(&self) -> Problem {
        match self {
            Self::Malformed(_) | Self::NotJson | Self::NoList | Self::Slow | Self::CaseText(_) => Problem::Malformed,
            Self::TooLarge { .. } | Self::TooManyFields { .. } => Problem::TooLarge,
            Self::UnknownSite => Problem::UnknownSite,
            Self::Choice(ChoiceError::Superseded { .. }) => Problem::PolicySuperseded,
            Self::Choice(ChoiceError::UnknownPurpose(_)) => Problem::UnknownPurpose,
            Self::Choice(ChoiceError::UnknownProcessor { .. }) => Problem::UnknownProcessor,
            Self::Choice(ChoiceError::NotChoosable(_)) => Problem::NotChoosable,
            Self::Choice(ChoiceError::Empty | ChoiceError::TooMany) => Problem::Malformed,
            Self::UnknownNotice => Problem::UnknownNotice,
            Self::ForeignOrigin => Problem::ForeignOrigin,
            Self::NoSecret | Self::WrongSecret => Problem::WrongSecret,
            Self::NoKey | Self::WrongKey | Self::NarrowKey(_) => Problem::WrongKey,
            Self::Identity(_) => Problem::WrongIdentity,
            Self::TooManyDevices => Problem::TooManyDevices,
            Self::Ahead { .. } => Problem::Ahead,
            Self::BadEndpoint(_) | Self::TooManyWebhooks => Problem::BadWebhook,
            Self::NoProcessor(_) => Problem::UnknownProcessor,
            Self::NotTold => Problem::NotTold,
            Self::IdReused => Problem::IdReused,
            Self::Overloaded => Problem::Overloaded,
            Self::TooManyRequests { .. } => Problem::TooManyRequests,
            Self::Unavailable => Problem::Unavailable,
            Self::CaseChange(_) | Self::CaseMoved => Problem::CaseState,
            Self::TooManyCases => Problem::TooManyCases,
            Self::NotSetUp(_) => Problem::NotSetUp,
            Self::NotFound | Self::UnknownCase => Problem::NotFound,
            Self::MethodNotAllowed => Problem::MethodNotAllowed,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) | Self::CaseText(_) | Self::Choice(ChoiceError::Empty | ChoiceError::TooMany) => {
                StatusCode::BAD_REQUEST
            }
            Self::NotJson | Self::NoList => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyFields { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::UnknownSite | Self::NotFound | Self::UnknownCase | Self::NotSetUp(_) => StatusCode::NOT_FOUND,
            Self::Choice(ChoiceError::Superseded { .. })
            | Self::IdReused
            | Self::TooManyDevices
            | Self::NotTold
            | Self::Ahead { .. }
            | Self::CaseChange(_)
            | Self::CaseMoved => StatusCode::CONFLICT,
            Self::Choice(
                ChoiceError::UnknownPurpose(_) | ChoiceError::UnknownProcessor { .. } | ChoiceError::NotChoosable(_),
            )
            | Self::UnknownNotice
            | Self::BadEndpoint(_)
            | Self::TooManyWebhooks
            | Self::NoProcessor(_)
            | Self::TooManyCases => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NoSecret | Self::NoKey | Self::Identity(_) => StatusCode::UNAUTHORIZED,
            Self::ForeignOrigin | Self::WrongSecret | Self::WrongKey | Self::NarrowKey(_) => StatusCode::FORBIDDEN,
            Self::Overloaded | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// After how many seconds to try again, where that helps.
    const fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::Overloaded => Some(RETRY_AFTER_SECONDS),
            Self::TooManyRequests { wait_seconds } => Some(*wait_seconds),
            _ => None,
        }
    }

    /// The policy in force, where the one that was answered no longer is.
    const fn current(&self) -> Option<PolicyHash> {
        if let Self::Choice(ChoiceError::Superseded { current, .. }) = self { Some(*current) } else { None }
    }
}

impl From<WireError> for ApiError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Choice(error) => Self::Choice(error),
            WireError::OutcomeOrStances | WireError::OneOrMany | WireError::TooManyQuestions | WireError::Erasure => {
                Self::Malformed(error.to_string())
            }
        }
    }
}

impl From<CaseChangeError> for ApiError {
    fn from(error: CaseChangeError) -> Self {
        match error {
            CaseChangeError::Text => Self::CaseText(error),
            CaseChangeError::Order { .. }
            | CaseChangeError::NoExtension
            | CaseChangeError::TooLate
            | CaseChangeError::NoReason(_) => Self::CaseChange(error),
        }
    }
}

impl From<CaseRefusal> for ApiError {
    fn from(refusal: CaseRefusal) -> Self {
        match refusal {
            CaseRefusal::WrongSecret => Self::WrongSecret,
            CaseRefusal::IdReused => Self::IdReused,
            CaseRefusal::TooMany => Self::TooManyCases,
        }
    }
}

impl From<AppendError> for ApiError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::WrongSecret => Self::WrongSecret,
            AppendError::IdReused => Self::IdReused,
            AppendError::Overloaded => Self::Overloaded,
            // The writer has logged the cause, once for the whole batch.
            AppendError::Unavailable => Self::Unavailable,
        }
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::WrongSecret => Self::WrongSecret,
            ReadError::Overloaded => Self::Overloaded,
            ReadError::Broken { seq } => {
                tracing::error!(entry.seq = seq, "entry {seq} does not read as an event");
                Self::Unavailable
            }
            ReadError::Site { name } => {
                tracing::error!("`{name}` is kept as a site's name, and is none");
                Self::Unavailable
            }
            ReadError::Database(error) => {
                tracing::error!("the database cannot be read: {error}");
                Self::Unavailable
            }
            ReadError::Lost => {
                tracing::error!("the database's reader or writer has ended");
                Self::Unavailable
            }
        }
    }
}

impl From<IssueError> for ApiError {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Erased => Self::NotFound,
            IssueError::Sign(error) => error.into(),
            IssueError::Proof(error) => error.into(),
        }
    }
}

impl From<SignError> for ApiError {
    fn from(error: SignError) -> Self {
        match error {
            SignError::Proof(error) => error.into(),
            SignError::Diverged { .. } => {
                tracing::error!("no checkpoint is signed: {error}");
                Self::Unavailable
            }
        }
    }
}

impl From<ProofError> for ApiError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Store(error) => error.into(),
            error => {
                tracing::error!("nothing can be proved: {error}");
                Self::Unavailable
            }
        }
    }
}

/// A problem as RFC 9457 has it.
#[derive(Debug, Serialize)]
struct ProblemDoc {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<PolicyHash>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (problem, status) = (self.problem(), self.status());
        let retry_after_seconds = self.retry_after_seconds();
        let doc = ProblemDoc {
            kind: problem.path(),
            title: problem.title(),
            status: status.as_u16(),
            detail: self.to_string(),
            current: self.current(),
        };
        let mut response = (status, Json(doc)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // For those who count.
        response.extensions_mut().insert(problem);
        response
    }
}
