//! `workflowops audit`: whether the audit log is as it was written, from the database or from an export; and the export.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};
use drift_domain::audit::{Anchor, AuditVia, Fault, FileCheck, Verified};
use drift_domain::ids::OrganizationId;
use drift_services::audit::{Archive, by_command};

use crate::clock::SystemClock;
use crate::config;
use crate::database::Database;
use crate::settings::{DatabaseSettings, LogSettings};

/// Verify the audit log, or take it away as a file that verifies by itself.
#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Verify that nobody changed the audit log since it was written.
    ///
    /// Looks at the database, of which a private one must not be in use by `serve`, or with --file at an export, which needs
    /// nothing else. Exit status: 0 sound, 1 broken (the first fault is on stderr), 2 could not look.
    Verify(VerifyArgs),
    /// Write one organization's log as JSON Lines, entries with their seals, which `verify --file` verifies.
    ///
    /// That it was written is in the log. Exit status: 0 written, 2 could not.
    Export(ExportArgs),
}

#[derive(Args, Debug)]
struct VerifyArgs {
    /// Verify this export instead of the database; - reads standard input.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only this organization's log. Default: every organization's.
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    organization: Option<OrganizationId>,
    /// A seal that the log must run through, as it was printed earlier and noted elsewhere. It finds a log that was written anew
    /// as a whole, or cut off at its end. Of the database, it takes --organization.
    #[arg(long, value_name = "SEQUENCE:HASH")]
    expect: Option<Anchor>,
    #[command(flatten)]
    database: DatabaseSettings,
    #[command(flatten)]
    log: LogSettings,
}

#[derive(Args, Debug)]
struct ExportArgs {
    /// Whose log.
    #[arg(long, value_name = "ID")]
    organization: OrganizationId,
    /// Behind this seal: the last one of an earlier export.
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    after: i64,
    /// The file to write; - writes standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    #[command(flatten)]
    database: DatabaseSettings,
    #[command(flatten)]
    log: LogSettings,
}

/// Runs the subcommand.
pub(crate) fn run(args: AuditArgs) -> ExitCode {
    let done = match args.command {
        AuditCommand::Verify(args) => verify(&args),
        AuditCommand::Export(args) => in_runtime(&args.log.clone(), export(args)).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(std::io::stderr().lock(), "workflowops audit: could not look: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn in_runtime<T>(log: &LogSettings, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    crate::logging::start(log);
    // Where a provider was chosen before, that one is used.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("this machine has no threads to work with")?.block_on(work)
}

fn verify(args: &VerifyArgs) -> anyhow::Result<bool> {
    if let Some(file) = &args.file {
        return Ok(say(None, &check_file(file, args.expect)?));
    }
    anyhow::ensure!(
        args.expect.is_none() || args.organization.is_some(),
        "--expect names a seal of one organization: say which with --organization"
    );
    in_runtime(&args.log, verify_database(args))
}

async fn verify_database(args: &VerifyArgs) -> anyhow::Result<bool> {
    let (database, archive) = open(&args.database).await?;
    let verified = async {
        let all = archive.organizations().await?;
        let wanted: Vec<_> =
            all.into_iter().filter(|(id, _)| args.organization.is_none_or(|only| only == *id)).collect();
        anyhow::ensure!(!wanted.is_empty() || args.organization.is_none(), "there is no such organization");
        let mut sound = true;
        for (id, name) in wanted {
            sound &= say(Some(&name), &archive.verify(id, args.expect).await.map_err(whole)?);
        }
        Ok(sound)
    }
    .await;
    database.close().await;
    verified
}

async fn open(settings: &DatabaseSettings) -> anyhow::Result<(Database, Archive)> {
    let data_dir = config::data_dir(settings, "")?;
    let database = Database::open(settings, &data_dir, |step| tracing::info!("{step}")).await?;
    let archive = Archive::new(database.pool.clone(), Arc::new(SystemClock));
    Ok((database, archive))
}

/// An error of the services with its cause, which they keep from people and not from who runs the installation.
fn whole(error: drift_services::ServiceError) -> anyhow::Error {
    match error {
        drift_services::ServiceError::Unavailable(cause) => anyhow::anyhow!("the database does not answer: {cause}"),
        other => other.into(),
    }
}

/// Prints what was found; whether it is sound.
fn say(organization: Option<&str>, found: &Result<Verified, Fault>) -> bool {
    let of = organization.map(|name| format!(" of “{name}”")).unwrap_or_default();
    match found {
        Ok(Verified { organization_id, after_sequence, sequence, hash }) => {
            let seals = sequence - after_sequence;
            let trusted = match after_sequence {
                0 => String::new(),
                after => format!(" It begins behind seal {after}, which is taken on trust."),
            };
            let _ = writeln!(
                std::io::stdout().lock(),
                "The audit log{of} ({organization_id}) is sound: {seals} entries up to seal {sequence}.{trusted}\n\
                 Note this elsewhere, for --expect: {sequence}:{hash}",
            );
            true
        }
        Err(fault) => {
            let _ = writeln!(std::io::stderr().lock(), "The audit log{of} is broken. {fault}");
            false
        }
    }
}

fn check_file(file: &Path, expect: Option<Anchor>) -> anyhow::Result<Result<Verified, Fault>> {
    let mut reader: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        let opened = std::fs::File::open(file).with_context(|| format!("{} cannot be opened", file.display()))?;
        Box::new(BufReader::new(opened))
    };
    let mut check = FileCheck::new(expect);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).with_context(|| format!("{} cannot be read", file.display()))? == 0 {
            return Ok(check.end());
        }
        // What is no text any more is no JSON either.
        if let Err(fault) = check.take(String::from_utf8_lossy(&line).trim_end_matches('\n')) {
            return Ok(Err(fault));
        }
    }
}

async fn export(args: ExportArgs) -> anyhow::Result<()> {
    let (database, archive) = open(&args.database).await?;
    let written = by_command(AuditVia::Cli, write(&archive, &args)).await;
    database.close().await;
    written
}

async fn write(archive: &Archive, args: &ExportArgs) -> anyhow::Result<()> {
    let mut export = archive.export(args.organization, args.after).await.map_err(whole)?;
    let mut output: Box<dyn Write + Send> = if args.output == Path::new("-") {
        Box::new(std::io::stdout())
    } else {
        let file = std::fs::File::create(&args.output);
        Box::new(BufWriter::new(file.with_context(|| format!("{} cannot be written", args.output.display()))?))
    };
    while let Some(part) = export.next().await.map_err(whole)? {
        output.write_all(part.as_bytes()).context("the export cannot be written")?;
    }
    output.flush().context("the export cannot be written")
}
