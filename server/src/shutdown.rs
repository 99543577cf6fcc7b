//! SIGINT and SIGTERM: the first asks everything to finish, the second ends the process at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first signal.
///
/// # Errors
/// The system does not let this process hear signals.
pub(crate) fn token() -> std::io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        for first in [true, false] {
            let name = tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
            };
            if first {
                tracing::info!(signal = name, "stopping; a second signal ends this at once");
                cancelled.cancel();
            } else {
                // A database of our own notices that its parent is gone and stops itself.
                tracing::warn!(signal = name, "stopped at once");
                std::process::exit(130);
            }
        }
    });
    Ok(token)
}
