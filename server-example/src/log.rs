//! Where lines about trouble go, and in what form. One line for each trouble that is the server's own, none for a request: what a client
//! does wrong is counted ([`crate::metrics`]) and told to that client.

use std::io::{self, IsTerminal};
use std::str::FromStr;

/// The form of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object in JSON, for what collects logs.
    Json,
}

/// Why a name is not a [`LogFormat`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `text` or `json`")]
pub(crate) struct LogFormatError;

impl FromStr for LogFormat {
    type Err = LogFormatError;

    fn from_str(name: &str) -> Result<Self, LogFormatError> {
        match name {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(LogFormatError),
        }
    }
}

/// From now on, lines go to stderr in this form.
pub(crate) fn begin(format: LogFormat) {
    let lines = tracing_subscriber::fmt().with_writer(io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
}
