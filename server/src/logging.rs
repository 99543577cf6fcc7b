//! Where log lines go: to stderr, for people or for programs.

use std::io::IsTerminal;

use tracing_subscriber::filter::{EnvFilter, ParseError};

use crate::settings::{LogFormat, LogSettings};

/// What is logged unless told otherwise. The queue logs each job of its own; a failing one is logged by the worker.
pub(crate) const DEFAULT: &str = "info,graphile_worker=error,sqlx=warn";

/// Reads a filter, to refuse a wrong one at start.
pub(crate) fn filter(text: &str) -> Result<String, ParseError> {
    EnvFilter::try_new(text).map(|_| text.to_owned())
}

/// Starts logging, once for the process.
pub(crate) fn start(settings: &LogSettings) {
    let filter = EnvFilter::new(&settings.log);
    // Colours are for people: a file or a collector gets plain lines.
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    let started = match settings.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    if let Err(error) = started {
        eprintln!("workflowops: logging was started already: {error}");
    }
}
