//! `drift-schema DATABASE_URL` brings an empty database to the schema of this checkout.
//!
//! For `scripts/sqlx` alone. The checked statements of `drift-store` are compiled against a database that has the schema
//! already, so whatever brings it there must not be compiled with them. A product migrates itself, under a lock.

use anyhow::Context;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).context("usage: drift-schema DATABASE_URL")?;
    let pool = sqlx::PgPool::connect(&url).await?;
    MIGRATIONS.run(&pool).await?;
    graphile_worker::WorkerUtils::new(&pool, "graphile_worker").migrate().await?;
    Ok(())
}
