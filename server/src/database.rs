//! The database: one that exists, or a private one in the data folder.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use drift_postgres::{Postgres, Progress};
use drift_store::PgPool;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use crate::config;
use crate::settings::{DatabaseSettings, MigrateSettings};

/// An open database, with this version's schema.
pub(crate) struct Database {
    /// Connections to it.
    pub(crate) pool: PgPool,
    private: Option<Postgres>,
}

impl Database {
    /// Starts the private Postgres where no database was named, connects, and brings the schema up to date.
    ///
    /// # Errors
    /// What is wrong with the folder, the binaries, the address or the schema, as a sentence.
    pub(crate) async fn open(
        settings: &DatabaseSettings,
        data_dir: &Path,
        progress: impl FnMut(Progress) + Send + 'static,
    ) -> anyhow::Result<Self> {
        let (url, private) = match &settings.database_url {
            Some(url) => (url.expose_secret().to_owned(), None),
            None => {
                let private = Postgres::start(private(settings, data_dir), progress).await?;
                tracing::info!(postgres.version = private.version(), postgres.pid = private.pid(), "private database");
                (private.url().to_owned(), Some(private))
            }
        };
        let opened = connect(&url, settings.database_connections.into()).await;
        match opened {
            Ok(pool) => Ok(Self { pool, private }),
            Err(error) => {
                Self::stop_private(private).await;
                Err(error)
            }
        }
    }

    /// As [`open`](Self::open), given up as soon as `stop` is cancelled: the private Postgres then stops with the process.
    ///
    /// # Errors
    /// As there, and being stopped.
    pub(crate) async fn open_unless(
        stop: &CancellationToken,
        settings: &DatabaseSettings,
        data_dir: &Path,
        progress: impl FnMut(Progress) + Send + 'static,
    ) -> anyhow::Result<Self> {
        let opened = stop.run_until_cancelled(Self::open(settings, data_dir, progress)).await;
        opened.unwrap_or_else(|| Err(anyhow::anyhow!("stopped before the database was ready")))
    }

    /// Waits until the private database has ended by itself, and says how; for ever where there is none.
    pub(crate) async fn lost(&self) -> String {
        match &self.private {
            Some(private) => private.exited().await,
            None => std::future::pending().await,
        }
    }

    /// Closes the connections and stops the private Postgres.
    pub(crate) async fn close(self) {
        self.pool.close().await;
        Self::stop_private(self.private).await;
    }

    async fn stop_private(private: Option<Postgres>) {
        if let Some(private) = private {
            private.stop().await;
        }
    }
}

async fn connect(url: &str, connections: u32) -> anyhow::Result<PgPool> {
    let pool = drift_store::pool::connect(url, connections).await.context("the database cannot be reached")?;
    drift_store::pool::migrate(&pool).await.context("the database's schema cannot be brought up to date")?;
    Ok(pool)
}

fn private(settings: &DatabaseSettings, data_dir: &Path) -> drift_postgres::Settings {
    drift_postgres::Settings {
        bin_dir: settings.postgres_bin_dir.clone(),
        package_roots: package_roots(),
        max_connections: settings.database_connections.saturating_add(20),
        ..drift_postgres::Settings::new(data_dir.join("postgres"))
    }
}

/// Where the npm package with Postgres may be: in the project that the binary was built in, or where it was started.
fn package_roots() -> Vec<PathBuf> {
    let binary = std::env::current_exe().unwrap_or_default();
    let beside = binary.ancestors().skip(1).take(3).map(Path::to_owned);
    beside.chain(std::env::current_dir()).collect()
}

/// The subcommand `migrate`.
pub(crate) fn run_migrate(settings: MigrateSettings) -> ExitCode {
    crate::serve::in_runtime(&settings.log.clone(), async move {
        let data_dir = config::data_dir(&settings.database, "")?;
        let database = Database::open(&settings.database, &data_dir, |step| tracing::info!("{step}")).await?;
        database.close().await;
        tracing::info!("the database has this version's schema");
        Ok(())
    })
}
