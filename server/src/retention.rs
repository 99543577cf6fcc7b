//! `workflowops retention`: what the next tidying would remove, and tidying now.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};
use drift_domain::audit::AuditVia;
use drift_domain::ids::OrganizationId;
use drift_domain::views::{KindPreview, RetentionPreview};
use drift_services::Keeper;
use drift_services::audit::{Archive, by_command};

use crate::clock::SystemClock;
use crate::config;
use crate::database::Database;
use crate::settings::{DatabaseSettings, LogSettings};

/// Show what is older than the plans keep, or remove it now.
#[derive(Args, Debug)]
pub(crate) struct RetentionArgs {
    #[command(subcommand)]
    command: RetentionCommand,
}

#[derive(Debug, Subcommand)]
enum RetentionCommand {
    /// Show what the next tidying would remove, and what it would keep although it is older. Removes nothing.
    ///
    /// A private database must not be in use by `serve`. Exit status: 0 shown, 2 could not look.
    Preview(Which),
    /// Remove now what the next tidying would.
    ///
    /// What is open, and what is under a legal hold, stays. What went is on record, and in the audit log. Exit status: 0 done, 2
    /// could not, or not all of it: what is left is for the next tidying.
    Run(Which),
}

#[derive(Args, Debug)]
struct Which {
    /// Only this organization. Default: every organization.
    #[arg(long, value_name = "ID")]
    organization: Option<OrganizationId>,
    #[command(flatten)]
    database: DatabaseSettings,
    #[command(flatten)]
    log: LogSettings,
}

/// Runs the subcommand.
pub(crate) fn run(args: RetentionArgs) -> ExitCode {
    let (which, removes) = match args.command {
        RetentionCommand::Preview(which) => (which, false),
        RetentionCommand::Run(which) => (which, true),
    };
    match in_runtime(&which, removes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr().lock(), "workflowops retention: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn in_runtime(which: &Which, removes: bool) -> anyhow::Result<()> {
    crate::logging::start(&which.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("this machine has no threads to work with")?.block_on(async {
        let data_dir = config::data_dir(&which.database, "")?;
        let database = Database::open(&which.database, &data_dir, |step| tracing::info!("{step}")).await?;
        let done = by_command(AuditVia::Cli, of_each(&database, which.organization, removes)).await;
        database.close().await;
        done
    })
}

async fn of_each(database: &Database, only: Option<OrganizationId>, removes: bool) -> anyhow::Result<()> {
    let clock = Arc::new(SystemClock);
    let keeper = Keeper::new(database.pool.clone(), clock.clone());
    let all =
        Archive::new(database.pool.clone(), clock).organizations().await.context("the database does not answer")?;
    let wanted: Vec<_> = all.into_iter().filter(|(id, _)| only.is_none_or(|only| only == *id)).collect();
    anyhow::ensure!(!wanted.is_empty() || only.is_none(), "there is no such organization");
    for (id, name) in wanted {
        let preview = keeper.preview(id).await.with_context(|| format!("“{name}” could not be looked at"))?;
        say(&name, id, &preview)?;
        if removes {
            keeper.tidy(id).await.with_context(|| format!("“{name}” could not be tidied"))?;
            writeln!(std::io::stdout().lock(), "  Done: what went is under Retention, and in the audit log.")?;
        }
    }
    Ok(())
}

fn say(name: &str, id: OrganizationId, preview: &RetentionPreview) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "“{name}” ({id}) keeps {} days of history.", preview.history_days)?;
    for kind in &preview.kinds {
        writeln!(out, "  {}", line(kind))?;
    }
    Ok(())
}

/// One kind, as a line: what goes and what stays.
fn line(of: &KindPreview) -> String {
    let cut_off = of.cut_off.format("%Y-%m-%d %H:%M UTC");
    let kept: Vec<_> = of.kept.iter().map(|kept| format!("{} {}", kept.count, kept.why.label())).collect();
    let stays = if kept.is_empty() { String::new() } else { format!("; stays: {}", kept.join(", ")) };
    format!("{}: {} older than {cut_off}{stays}", of.kind.label(), of.goes)
}
