//! A Postgres of one run's own, as `workflowops serve` starts its private one: on the disk, durable.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use drift_postgres::{Postgres, Settings};
use drift_store::{PgPool, pool};
use tempfile::TempDir;

/// Connections that the server accepts: two replicas, and this process.
const CONNECTIONS: u16 = 100;

/// A migrated database.
pub(crate) struct Database {
    pub(crate) pool: PgPool,
    pub(crate) url: String,
    server: Postgres,
    // Removed last.
    _folder: TempDir,
}

impl Database {
    pub(crate) async fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("workflowops-fleet-").tempdir()?;
        // Postgres may run as another user, who has to get here.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let settings = Settings {
            package_roots: vec![root],
            max_connections: CONNECTIONS,
            ..Settings::new(folder.path().join("postgres"))
        };
        let server = Postgres::start(settings, |_| {}).await?;
        let url = server.url().to_owned();
        let pool = pool::connect(&url, 16).await.context("the database cannot be reached")?;
        pool::migrate(&pool).await?;
        Ok(Self { pool, url, server, _folder: folder })
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// The database's bytes on the disk, without the log that it writes ahead.
    pub(crate) async fn size(&self) -> Result<u64> {
        size(&self.pool).await
    }

    /// Bytes of the log written ahead so far.
    pub(crate) async fn written_ahead(&self) -> Result<u64> {
        let bytes: i64 = sqlx::query_scalar("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
            .fetch_one(&self.pool)
            .await?;
        Ok(bytes.unsigned_abs())
    }

    pub(crate) async fn stop(self) {
        self.pool.close().await;
        self.server.stop().await;
    }
}

/// The database's bytes on the disk.
pub(crate) async fn size(pool: &PgPool) -> Result<u64> {
    let bytes: i64 = sqlx::query_scalar("SELECT pg_database_size(current_database())").fetch_one(pool).await?;
    Ok(bytes.unsigned_abs())
}

/// The bytes of each table with its indexes, largest first.
pub(crate) async fn tables(pool: &PgPool) -> Result<Vec<(String, u64)>> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT relname::text, pg_total_relation_size(oid) FROM pg_class
         WHERE relkind = 'r' AND relnamespace IN ('public'::regnamespace, 'graphile_worker'::regnamespace) ORDER BY 2 DESC",
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|(name, bytes)| (name, bytes.unsigned_abs())).collect())
}
