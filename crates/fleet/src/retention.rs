//! `fleet retention`: days of checks every minute, on a clock that is turned, and what of them is kept.
//!
//! Each day every environment gets two real checks, one of which sees a drift that is then taken over into Git and decided.
//! The other checks of the day are copies of the second, as an environment in which nothing happens leaves them. Then what
//! runs every ten minutes in each replica runs once.

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use drift_domain::clock::Clock;
use drift_domain::plan::PlanTier;
use drift_testkit::app::workflow;
use drift_testkit::{TestApp, TestClock, TestEnvironment};
use serde_json::json;
use uuid::Uuid;

use crate::clock::SystemClock;
use crate::database::{size, tables};
use crate::machine;
use crate::statistics::megabytes;

/// How many, and for how long.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Settings {
    /// Environments.
    #[arg(long, env = "RETENTION_ENVIRONMENTS", default_value_t = 4)]
    environments: usize,

    /// Workflows of each.
    #[arg(long, env = "RETENTION_WORKFLOWS", default_value_t = 20)]
    workflows: usize,

    /// Days. The plan keeps history for 30.
    #[arg(long, env = "DAYS", default_value_t = 50)]
    days: u32,
}

/// Checks of a day beside the two real ones.
const COPIES: u32 = 24 * 60 - 2;
/// The days of the plan, and as long as a tidying that did not take place is made up for.
const FLAT_FROM: u32 = 34;
/// Growth from there on that is no growth, as a share: pages that are not full.
const SLACK: f64 = 1.05;

#[derive(Clone, Copy, Debug)]
struct Day {
    number: u32,
    bytes: u64,
    checks: i64,
    changes: i64,
    snapshots: i64,
    events: i64,
}

/// Measures, prints, and answers whether the database stayed as large as it was.
pub(crate) async fn run(settings: Settings) -> Result<bool> {
    println!("{}", machine::describe());
    let app = TestApp::with(TestClock::at(SystemClock.now()), |_| {}).await;
    let empty = size(app.database.pool()).await?;
    let owner = app.organization(PlanTier::Free).await;
    let mut environments = Vec::new();
    for number in 0..settings.environments {
        let env = app.environment(&owner, &format!("Environment {number}")).await;
        for number in 0..settings.workflows {
            env.agreed(&workflow(&format!("Flow {number}"))).await;
        }
        env.check().await;
        environments.push(env);
    }
    println!("\n  {} environments, a check every minute, the plan keeps history for 30 days", settings.environments);
    println!("    day    database, MB    checks   changes  snapshots    events");
    let mut days = Vec::new();
    for number in 1..=settings.days {
        for env in &environments {
            pass_a_day(&app, env).await?;
        }
        app.clock.advance(TimeDelta::days(1) - TimeDelta::minutes(2) * i32::try_from(environments.len())?);
        app.services.tidy().await?;
        // As autovacuum does, so that what was removed is used again.
        sqlx::query("VACUUM ANALYZE").execute(app.database.pool()).await?;
        let day = Day::read(&app, number).await?;
        if number == 1 || number % 5 == 0 {
            day.print();
        }
        days.push(day);
    }
    for (table, bytes) in tables(app.database.pool()).await?.iter().take(5) {
        println!("    {table:<24} {:>8.1} MB", megabytes(*bytes));
    }
    Ok(judge(&settings, &days, empty))
}

/// One day of an environment, all but what is tidied.
async fn pass_a_day(app: &TestApp, env: &TestEnvironment<'_>) -> Result<()> {
    let morning = app.clock.now();
    let id = env.n8n.ids().into_iter().next().context("a workflow")?;
    env.edit(&id, "Total", |node| node["parameters"]["jsCode"] = json!(format!("return [{}];", morning.timestamp())));
    env.check().await;
    env.deploy_to_git(&id, "Take it over").await;
    env.check().await;
    let change = env.changes().await.pop().context("a change that vanished")?;
    let fitting = change.vanished.context("a change that vanished")?.fitting;
    app.services.confirm_vanished(&env.permit(), env.id, change.id, fitting, "Seen".to_owned()).await?;
    copy_newest(app, env, app.clock.now()).await
}

/// The checks of a day in which nothing more happens.
async fn copy_newest(app: &TestApp, env: &TestEnvironment<'_>, from: DateTime<Utc>) -> Result<()> {
    let ids: Vec<Uuid> = (0..COPIES).map(|_| Uuid::now_v7()).collect();
    let times: Vec<DateTime<Utc>> = (1..=COPIES).map(|minute| from + TimeDelta::minutes(minute.into())).collect();
    let done = sqlx::query(
        "INSERT INTO checks SELECT (jsonb_populate_record(newest, jsonb_build_object('id', copy.id, 'started_at', copy.at,
             'finished_at', copy.at, 'due_at', copy.at, 'trigger', 'SCHEDULE'))).*
         FROM checks newest, unnest($2::uuid[], $3::timestamptz[]) AS copy(id, at)
         WHERE newest.id = (SELECT id FROM checks WHERE environment_id = $1 ORDER BY id DESC LIMIT 1)",
    )
    .bind(env.id.0)
    .bind(&ids)
    .bind(&times)
    .execute(app.database.pool())
    .await?;
    anyhow::ensure!(done.rows_affected() == u64::from(COPIES), "{} copies of a check", done.rows_affected());
    Ok(())
}

impl Day {
    async fn read(app: &TestApp, number: u32) -> Result<Self> {
        let (checks, changes, snapshots, events) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM checks), (SELECT count(*) FROM changes), (SELECT count(*) FROM snapshots),
                 (SELECT count(*) FROM events)",
        )
        .fetch_one(app.database.pool())
        .await?;
        Ok(Self { number, bytes: size(app.database.pool()).await?, checks, changes, snapshots, events })
    }

    fn print(self) {
        let Self { number, bytes, checks, changes, snapshots, events } = self;
        println!("    {number:>3} {:>15.1} {checks:>9} {changes:>9} {snapshots:>10} {events:>9}", megabytes(bytes));
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn judge(settings: &Settings, days: &[Day], empty: u64) -> bool {
    let Some(last) = days.last() else { return true };
    let one = megabytes(last.bytes.saturating_sub(empty)) / settings.environments.max(1) as f64;
    println!("  {one:.1} MB for an environment, {one:.1} GB for a thousand like it");
    let Some(full) = days.iter().find(|day| day.number == FLAT_FROM) else {
        println!("  too few days to say whether it stays so");
        return true;
    };
    let grown = [
        last.bytes as f64 / full.bytes as f64,
        last.checks as f64 / full.checks as f64,
        last.changes as f64 / full.changes.max(1) as f64,
        last.snapshots as f64 / full.snapshots.max(1) as f64,
        last.events as f64 / full.events.max(1) as f64,
    ];
    let flat = grown.iter().all(|grown| *grown <= SLACK);
    println!(
        "  day {} beside day {}: {:.3} x the bytes, {:.3} x the checks, {:.3} x the changes: {}",
        last.number,
        full.number,
        grown[0],
        grown[1],
        grown[2],
        if flat { "flat" } else { "NOT flat" }
    );
    flat
}
