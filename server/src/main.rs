//! The binary `workflowops`: configuration, wiring, the order of middleware, subcommands.

mod address;
mod audit;
mod cli;
mod clock;
mod config;
mod database;
mod demo;
mod diff;
mod doors;
mod gate;
mod headers;
mod http;
mod logging;
mod receipt;
mod report;
mod retention;
mod serve;
mod settings;
mod shutdown;
mod site;
mod worker;

use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Command::Serve(settings) => serve::run(*settings),
        Command::Worker(settings) => worker::run(*settings),
        Command::Demo(settings) => demo::run(*settings),
        Command::Diff(args) => diff::run(&args),
        Command::Migrate(settings) => database::run_migrate(*settings),
        Command::VerifyReceipt(args) => receipt::run(&args),
        Command::Gate(args) => gate::run(&args),
        Command::Audit(args) => audit::run(*args),
        Command::Report(args) => report::run(*args),
        Command::Retention(args) => retention::run(*args),
        Command::Openapi => openapi(),
    }
}

#[expect(clippy::print_stdout, reason = "printing is what was asked for")]
fn openapi() -> ExitCode {
    match drift_api::document() {
        Ok(document) => {
            println!("{document}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("workflowops: the document could not be written: {error}");
            ExitCode::FAILURE
        }
    }
}
