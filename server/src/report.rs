//! `workflowops report`: a compliance report, written to a file at once.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use chrono::NaiveDate;
use clap::Args;
use drift_domain::audit::AuditVia;
use drift_domain::ids::{EnvironmentId, OrganizationId};
use drift_domain::report::ReportFormat;
use drift_services::audit::by_command;
use drift_services::{Reporter, ServiceError, WriteNow, Written};

use crate::clock::SystemClock;
use crate::config;
use crate::database::Database;
use crate::settings::{DatabaseSettings, LogSettings};

/// Write a compliance report to a file: of days, or of one incident.
///
/// It is made at once, for who runs the installation: no plan is asked, and nothing is kept but that it was taken, in the audit log.
/// A private database must not be in use by `serve`. Exit status: 0 written, 2 could not.
#[derive(Args, Debug)]
pub(crate) struct ReportArgs {
    /// Whose report.
    #[arg(long, value_name = "ID")]
    organization: OrganizationId,
    /// What kind of file: csv (files in a zip), json or pdf.
    #[arg(long, value_name = "FORMAT", default_value = "csv", value_parser = format)]
    format: ReportFormat,
    /// The first day, in UTC.
    #[arg(
        long,
        value_name = "DAY",
        requires = "to",
        required_unless_present = "incident",
        conflicts_with = "incident"
    )]
    from: Option<NaiveDate>,
    /// The last day, in UTC: it is part of the report.
    #[arg(long, value_name = "DAY", requires = "from")]
    to: Option<NaiveDate>,
    /// Only of this environment.
    #[arg(long, value_name = "ID", conflicts_with = "incident")]
    environment: Option<EnvironmentId>,
    /// Of this incident, by its number, instead of days.
    #[arg(long, value_name = "NUMBER")]
    incident: Option<i64>,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    database: DatabaseSettings,
    #[command(flatten)]
    log: LogSettings,
}

fn format(text: &str) -> Result<ReportFormat, &'static str> {
    text.to_uppercase().parse().map_err(|_| "it is csv, json or pdf")
}

/// Runs the subcommand.
pub(crate) fn run(args: ReportArgs) -> ExitCode {
    match in_runtime(&args) {
        Ok(written) => {
            let file = args.output.display();
            let words = format!("{file}: {} bytes, SHA-256 {}, as of {}", written.size, written.sha256, written.as_of);
            let _ = writeln!(std::io::stdout().lock(), "{words}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr().lock(), "workflowops report: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn in_runtime(args: &ReportArgs) -> anyhow::Result<Written> {
    crate::logging::start(&args.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("this machine has no threads to work with")?.block_on(async {
        let data_dir = config::data_dir(&args.database, "")?;
        let database = Database::open(&args.database, &data_dir, |step| tracing::info!("{step}")).await?;
        let done = by_command(AuditVia::Cli, write(&database, args)).await;
        database.close().await;
        done
    })
}

/// Writes beside the file and puts it in place when it is whole: half a report is none.
async fn write(database: &Database, args: &ReportArgs) -> anyhow::Result<Written> {
    let what = WriteNow {
        organization: args.organization,
        format: args.format,
        days: args.from.zip(args.to),
        environment: args.environment,
        incident: args.incident,
    };
    let part = beside(&args.output);
    let file = File::create(&part).with_context(|| format!("{} cannot be written", part.display()))?;
    let mut out = BufWriter::new(file);
    let reporter = Reporter::new(database.pool.clone(), Arc::new(SystemClock));
    let written = reporter.write(what, &mut out, &mut say).await;
    let placed = written.map_err(whole).and_then(|written| {
        out.flush().context("the file could not be written")?;
        std::fs::rename(&part, &args.output).with_context(|| format!("{} cannot be written", args.output.display()))?;
        Ok(written)
    });
    if placed.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    placed
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    file.with_file_name(name)
}

/// How far it is, where somebody looks.
fn say(done: u32, total: u32) {
    let mut out = std::io::stderr().lock();
    if out.is_terminal() {
        let _ = write!(out, "\r{done} of {total} steps{}", if done >= total { "\n" } else { "" });
    }
}

/// An error of the services with its cause, which they keep from people and not from who runs the installation.
fn whole(error: ServiceError) -> anyhow::Error {
    match error {
        ServiceError::Unavailable(cause) => anyhow::anyhow!("it could not be written: {cause}"),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_as_people_type_them() {
        assert_eq!(format("pdf"), Ok(ReportFormat::Pdf));
        assert_eq!(format("CSV"), Ok(ReportFormat::Csv));
        assert!(format("docx").is_err());
        assert_eq!(beside(Path::new("/tmp/a.zip")), Path::new("/tmp/a.zip.part"));
    }
}
