//! Connections, and bringing the schema up to date.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};

use crate::error::{StoreError, StoreResult};

/// The schema that graphile_worker keeps its jobs in.
pub const JOBS_SCHEMA: &str = "graphile_worker";

/// Whoever holds this advisory lock brings the schema up to date; the others wait for it. Any number will do that no other
/// program of the same database uses.
const MIGRATION_LOCK: i64 = 0x2d41_7e90_66b3_c15f;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// Connects. At most `max_connections` are open at once; who waits longer than 5 s for one is told that the database is
/// not available. A statement may take 30 s and a transaction may idle for 60 s, so that a fault in one place does not hold
/// locks for good.
///
/// # Errors
/// [`StoreError::Unavailable`] when the database does not answer, [`StoreError::Statement`] when the address is none.
pub async fn connect(url: &str, max_connections: u32) -> StoreResult<PgPool> {
    let options = PgConnectOptions::from_str(url)?.application_name("workflowops").options([
        ("statement_timeout", "30s"),
        ("idle_in_transaction_session_timeout", "60s"),
        // `clean` says ROLLBACK to whoever comes, and would be warned each time that there was nothing to roll back.
        ("client_min_messages", "error"),
    ]);
    let pool = PgPoolOptions::new()
        .max_connections(max_connections)
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(clean(connection)))
        .acquire_timeout(Duration::from_secs(5))
        .idle_timeout(Duration::from_secs(600))
        .max_lifetime(Duration::from_secs(1800))
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// Ends what a connection is in the middle of before it is handed out, and finds out whether it is still there.
///
/// Whoever is given up while its transaction begins (a browser that goes away, a time that is over) leaves a connection on
/// which BEGIN was sent and that the pool holds for idle: sqlx rolls back only what it has counted, and counts after the
/// answer (`PgTransactionManager::begin`, 0.9). The next statement that fails there would leave it failing for good.
async fn clean(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::raw_sql("ROLLBACK").execute(connection).await?;
    Ok(true)
}

/// Whether the database answers.
///
/// # Errors
/// [`StoreError::Unavailable`] when it does not.
pub async fn ping(pool: &PgPool) -> StoreResult<()> {
    sqlx::query!("SELECT 1 AS one").fetch_one(pool).await?;
    Ok(())
}

/// Brings the schema up to date, the job queue's with it. Several servers may start at once: one does the work.
///
/// # Errors
/// [`StoreError::Migration`] when a migration fails, was edited after it had run, or is unknown to this version (the
/// database was used by a newer one).
pub async fn migrate(pool: &PgPool) -> StoreResult<()> {
    // Waiting for another server, and changing a large table, may take longer than a statement otherwise may.
    let patient = PgConnectOptions::clone(&pool.connect_options())
        .options([("statement_timeout", "0"), ("idle_in_transaction_session_timeout", "0")]);
    let pool = PgPoolOptions::new().max_connections(3).connect_with(patient).await?;
    let mut lock = pool.acquire().await?.detach();
    sqlx::query!("SELECT pg_advisory_lock($1)", MIGRATION_LOCK).execute(&mut lock).await?;
    let result = migrate_all(&pool).await;
    // Closing the connection gives the lock back, whatever happened.
    lock.close().await?;
    pool.close().await;
    result
}

async fn migrate_all(pool: &PgPool) -> StoreResult<()> {
    MIGRATIONS.run(pool).await.map_err(|error| StoreError::Migration(Box::new(error)))?;
    graphile_worker::WorkerUtils::new(pool, JOBS_SCHEMA)
        .migrate()
        .await
        .map_err(|error| StoreError::Migration(Box::new(error)))
}

/// A short text that changes when any migration of this project does: caches of a migrated database are named by it.
#[must_use]
pub fn schema_version() -> String {
    let mut hasher = blake3::Hasher::new();
    for migration in MIGRATIONS.iter() {
        hasher.update(&migration.version.to_le_bytes());
        hasher.update(&migration.checksum);
    }
    hasher.finalize().to_hex()[..16].to_owned()
}
