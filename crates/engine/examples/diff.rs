//! `workflowops diff` alone, without building the server: for scoring the engine (see `docs/engine.md`).

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[path = "../../../server/src/diff.rs"]
mod diff;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Diff(diff::DiffArgs),
}

fn main() -> ExitCode {
    let Command::Diff(args) = Cli::parse().command;
    diff::run(&args)
}
