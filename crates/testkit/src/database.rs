//! A database per test.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use drift_store::{PgPool, pool};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::Wire;
use crate::cluster::Cluster;

/// The migrated database that every test's database is a copy of.
pub(crate) const TEMPLATE: &str = "workflowops_template";

/// Names a server to use instead of a private one, by its address. Its user must be allowed to create databases.
const SERVER: &str = "WORKFLOWOPS_TEST_DATABASE_URL";

/// The server of this test process. Never dropped: it ends with the process.
static PRIVATE: OnceCell<Cluster> = OnceCell::const_new();

/// A server that was given, once its template is there: its address and the template's name.
static GIVEN: OnceCell<(String, String)> = OnceCell::const_new();

static NAMES: AtomicU64 = AtomicU64::new(0);

/// A migrated, empty database of one test's own. It is removed when this is dropped, whatever is still connected to it.
#[derive(Debug)]
pub struct TestDatabase {
    pool: PgPool,
    url: String,
    server: String,
    name: String,
}

impl TestDatabase {
    /// Makes one. Tests that run at once, in one process or several, do not see each other's.
    ///
    /// # Panics
    /// When there is no Postgres to be had: a test can do nothing about it, and the message says why.
    #[must_use]
    pub async fn new() -> Self {
        match Self::try_new().await {
            Ok(database) => database,
            Err(error) => panic!("no database for this test: {error:#}"),
        }
    }

    async fn try_new() -> Result<Self> {
        let (server, template) = match given_server() {
            Some(url) => GIVEN.get_or_try_init(|| prepare_given(url)).await?.clone(),
            None => (PRIVATE.get_or_try_init(Cluster::start).await?.server.url().to_owned(), TEMPLATE.to_owned()),
        };
        let number = NAMES.fetch_add(1, Ordering::Relaxed);
        let name = format!("workflowops_test_{number}_{}", Uuid::new_v4().simple());
        create(&server, &name, Some(&template)).await?;
        let url = url_of(&server, &name)?;
        let pool = pool::connect(&url, 8).await?;
        Ok(Self { pool, url, server, name })
    }

    /// Connections to it.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same database behind a wire that can be cut.
    ///
    /// # Panics
    /// When this machine has no port left.
    pub async fn wire(&self) -> Wire {
        Wire::to(&self.url).await.expect("a port for the wire")
    }

    /// A pool of its own to the same database, as another server process would have.
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn another_pool(&self) -> PgPool {
        pool::connect(&self.url, 4).await.expect("the test's database answers")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A test's runtime may be about to end: dropping the database gets one of its own.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(execute(&server, format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)")))
        });
        // One that stays is in nobody's way, and goes with a private server.
        let _ = dropped.join();
    }
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration but their environment")]
fn given_server() -> Option<String> {
    std::env::var(SERVER).ok().filter(|url| !url.is_empty())
}

/// Makes the template on a server that was given. Test processes that start at once wait for the one that makes it.
async fn prepare_given(server: String) -> Result<(String, String)> {
    let template = format!("{TEMPLATE}_{}", pool::schema_version());
    let mut lock = connect(&server).await?;
    sqlx::query("SELECT pg_advisory_lock(7014911)").execute(&mut lock).await?;
    let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(&template)
        .fetch_one(&mut lock)
        .await?;
    if !exists {
        // Migrated under another name: one that was cut off is never taken for the template.
        let making = format!("{template}_making");
        execute(&server, format!("DROP DATABASE IF EXISTS \"{making}\" WITH (FORCE)")).await?;
        create(&server, &making, None).await?;
        let pool = pool::connect(&url_of(&server, &making)?, 3).await?;
        pool::migrate(&pool).await?;
        pool.close().await;
        execute(&server, format!("ALTER DATABASE \"{making}\" RENAME TO \"{template}\"")).await?;
    }
    lock.close().await?;
    Ok((server, template))
}

/// Creates a database, as a copy of `template` where one is named.
pub(crate) async fn create(server: &str, name: &str, template: Option<&str>) -> Result<()> {
    let template = template.map(|template| format!(" TEMPLATE \"{template}\"")).unwrap_or_default();
    execute(server, format!("CREATE DATABASE \"{name}\"{template}")).await
}

/// Removes the databases that every cluster comes with and that no test copies: half of its files.
pub(crate) async fn slim(server: &str) -> Result<()> {
    for unused in ["template0", "template1"] {
        execute(server, format!("ALTER DATABASE {unused} IS_TEMPLATE false")).await?;
        execute(server, format!("DROP DATABASE {unused}")).await?;
    }
    Ok(())
}

/// The address of another database of the same server.
pub(crate) fn url_of(server: &str, database: &str) -> Result<String> {
    let options = PgConnectOptions::from_str(server).context("the server's address")?.database(database);
    Ok(options.to_url_lossy().to_string())
}

async fn execute(server: &str, sql: String) -> Result<()> {
    let mut connection = connect(server).await?;
    // Names are made here, of letters and digits.
    sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(&mut connection).await.context(sql)?;
    Ok(connection.close().await?)
}

async fn connect(server: &str) -> Result<PgConnection> {
    PgConnection::connect(server).await.context("connecting to the test server")
}
