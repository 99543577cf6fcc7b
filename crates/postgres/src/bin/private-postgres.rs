//! Runs a private Postgres until it is told to stop, for development: `cargo sqlx prepare` wants a database to ask.
//!
//! `private-postgres DATA_DIR [FOLDER WITH node_modules]...` writes the address to standard output once it is ready.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use drift_postgres::{Postgres, Settings};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let Some(data_dir) = arguments.next() else {
        eprintln!("usage: private-postgres DATA_DIR [FOLDER WITH node_modules]...");
        return ExitCode::from(2);
    };
    let settings = Settings { package_roots: arguments.collect(), ..Settings::new(data_dir) };
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        eprintln!("private-postgres: signals cannot be listened for");
        return ExitCode::FAILURE;
    };
    let postgres = match Postgres::start(settings, |progress| eprintln!("{progress}")).await {
        Ok(postgres) => postgres,
        Err(error) => {
            eprintln!("private-postgres: {error}");
            return ExitCode::FAILURE;
        }
    };
    if writeln!(std::io::stdout(), "{}", postgres.url()).is_err() {
        return ExitCode::FAILURE;
    }
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        how = postgres.exited() => {
            eprintln!("private-postgres: the server {how}");
            return ExitCode::FAILURE;
        }
    }
    postgres.stop().await;
    ExitCode::SUCCESS
}
