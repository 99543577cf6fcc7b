//! Measures the product as it is run, in real processes on one machine: `make fleet`, `make bench-pages`.
//!
//! | | |
//! |---|---|
//! | `fleet run` | many environments, two replicas, one of which is killed half-way: is every check on time, and what does it cost |
//! | `fleet retention` | how large the database is after a day, ten, thirty, … of checks every minute |
//! | `fleet pages` | the pages under load, beside a bare handler with the same queries |
//!
//! n8n and GitHub are the stand-ins of `drift-sim`, in this process; the replicas are the binary `workflowops`, and Postgres is
//! a private one on the disk. Everything is on loopback and ends with this process.
#![expect(clippy::print_stdout, reason = "figures are printed for whoever asked for them")]

mod clock;
mod database;
mod fleet;
mod machine;
mod pages;
mod replica;
mod retention;
mod seed;
mod statistics;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures the product on this machine.
#[derive(Debug, Parser)]
#[command(name = "fleet", max_term_width = 120)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a fleet with two replicas, kill one half-way, and print whether every check was on time and what it cost.
    Run(fleet::Settings),
    /// Print how large the database is while days of checks pass.
    Retention(retention::Settings),
    /// Ask for pages under load, beside a bare handler, and print both.
    Pages(pages::Settings),
    /// The bare handler, for `pages`.
    #[command(hide = true)]
    Bare(pages::bare::Settings),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(settings) => fleet::run(settings).await,
        Command::Retention(settings) => retention::run(settings).await,
        Command::Pages(settings) => pages::run(settings).await,
        Command::Bare(settings) => pages::bare::run(settings).await.map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fleet: {error:#}");
            ExitCode::FAILURE
        }
    }
}
