//! What can go wrong with asking, and what to do about it. None of it is a yes, and none of it says whom a question was about.

use std::time::Duration;

/// Why there is no answer. Process nothing until there is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Nobody answers at the address, or the connection breaks off.
    #[error("the server cannot be reached ({cause}, {tries} tries): see that it runs at the address that was given")]
    Unreachable {
        /// What the last try ended with.
        cause: Box<str>,
        /// How often it was tried.
        tries: u32,
    },
    /// No answer came in time.
    #[error("no answer came within {} ms: look at the server's load, or allow more time", .within.as_millis())]
    TooSlow {
        /// How long was waited, tries and all.
        within: Duration,
    },
    /// The server, or something in front of it, has too much to do.
    #[error("the server answered {status} ({tries} tries): ask again later, and look at its log and its limits")]
    Busy {
        /// The status of the last answer.
        status: u16,
        /// How often it was tried.
        tries: u32,
    },
    /// The key is not one of the site's, or may not ask.
    #[error("the server answered {status} to the key: make one of the scope `ask` with `consentry key new --site`")]
    WrongKey {
        /// 401 or 403.
        status: u16,
    },
    /// The server has no such site.
    #[error("the server has nothing at this address (404): correct its URL, or the site's name")]
    NotFound,
    /// The server refuses the request.
    #[error("the server refused the request with {status}: {detail}")]
    Refused {
        /// Its status.
        status: u16,
        /// What it says is wrong (RFC 9457).
        detail: Box<str>,
    },
    /// What came is no answer that this version understands.
    #[error("the answer cannot be read ({cause}): a later server needs a later client")]
    Unreadable {
        /// What is wrong with it.
        cause: Box<str>,
    },
    /// There are not as many answers as questions, so that nobody can say which is whose.
    #[error("{asked} questions were asked and {answered} answered: none of the answers can be used")]
    Miscounted {
        /// How many questions were sent.
        asked: usize,
        /// How many decisions came back.
        answered: usize,
    },
    /// Something is said of a whole list that is one person's alone.
    #[error("`{field}` cannot be the same for all subjects of a list: ask about each of them")]
    NotOfAList {
        /// What.
        field: &'static str,
    },
    /// A replica has heard nothing for too long, and may have missed a withdrawal.
    #[error("the replica is {} s old: see that the server runs and can be reached, it catches up by itself", .age.as_secs())]
    Stale {
        /// How long ago it had heard all that there was.
        age: Duration,
    },
    /// A replica knows too little of somebody, or of the past, to answer by itself.
    #[error("the replica cannot tell: ask the server")]
    NotHeld,
    /// What works on it has ended.
    #[error("the runtime that asks has ended: make another client")]
    Ended,
}

/// Why nobody can be asked like this.
#[cfg(feature = "remote")]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetUpError {
    /// The address is none of a server.
    #[error("expected the server's address such as `https://consent.example`, without credentials, query and fragment")]
    Url,
    /// The site is no name.
    #[error("the site: {0}")]
    Site(#[from] consentry_core::IdError),
    /// The key is none.
    #[error("expected an API key, which begins with `ck_`: `consentry key new` prints one")]
    Key,
    /// The certificates that are to be believed cannot be read.
    #[error("expected the certificates that are to be believed as PEM, at least one: {0}")]
    Certificates(Box<str>),
    /// The machine gives no thread, or no more of something else.
    #[error("the blocking client needs a thread of its own: {0}")]
    Runtime(Box<str>),
}
