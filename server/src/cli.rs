//! The subcommands.

use clap::{Parser, Subcommand};

use crate::audit::AuditArgs;
use crate::diff::DiffArgs;
use crate::gate::GateArgs;
use crate::receipt::ReceiptArgs;
use crate::report::ReportArgs;
use crate::retention::RetentionArgs;
use crate::settings::{DemoSettings, MigrateSettings, ServeSettings, WorkerSettings};

/// Watches n8n environments against the workflow definitions kept in Git, and leads people through the differences.
#[derive(Debug, Parser)]
#[command(name = "workflowops", version, about, long_about = None, propagate_version = true, max_term_width = 120)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the product: pages, API and background checks.
    ///
    /// Every setting is a flag and an environment variable; a flag wins. Without --database-url a private Postgres is
    /// started in the data folder. Stops on SIGINT and SIGTERM, after finishing what is running; a second signal ends it
    /// at once.
    Serve(Box<ServeSettings>),
    /// Run background checks alone, without pages and API: beside any number of `serve` on the same database.
    ///
    /// It needs the database and the installation's key that the servers use, and takes its share of the checks by itself.
    /// Mails are sent by processes that have a mail server. Stops as `serve` does.
    Worker(Box<WorkerSettings>),
    /// Show the product at work, with nothing to set up: its own database, and stand-ins for n8n and GitHub.
    ///
    /// Makes organizations on every plan, with environments in every state, from real workflows, and prints who to sign in
    /// as. Everything is kept in a folder of its own: the second start is quick. Ctrl-C stops everything.
    Demo(Box<DemoSettings>),
    /// Compare two workflow files and say what differs.
    Diff(Box<DiffArgs>),
    /// Bring the database to this version's schema, and exit. `serve` does the same at its start, under a lock.
    Migrate(Box<MigrateSettings>),
    /// Verify the receipt of a closed incident, offline.
    VerifyReceipt(Box<ReceiptArgs>),
    /// Ask whether a standard deployment into an environment may go ahead, for CI.
    Gate(Box<GateArgs>),
    /// Verify the audit log, or take it away as a file that verifies by itself.
    Audit(Box<AuditArgs>),
    /// Write a compliance report to a file: of days, or of one incident.
    ///
    /// It is made at once, for who runs the installation: no plan is asked, and nothing is kept but that it was taken, in the audit
    /// log. A private database must not be in use by `serve`. Exit status: 0 written, 2 could not.
    Report(Box<ReportArgs>),
    /// Show what is older than the plans keep, or remove it now.
    Retention(Box<RetentionArgs>),
    /// Print the OpenAPI document of the REST API.
    Openapi,
}
