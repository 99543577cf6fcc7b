//! Connecting and migrating, on a real Postgres.

use drift_store::{PgPool, StoreError, pool};
use drift_testkit::TestDatabase;
use sqlx::{Row, query};

async fn tables(pool: &PgPool) -> i64 {
    let sql = "SELECT count(*) FROM information_schema.tables WHERE table_schema IN ('public', 'graphile_worker')";
    query(sql).fetch_one(pool).await.unwrap().get(0)
}

#[tokio::test]
async fn several_servers_may_migrate_an_empty_database_at_once() {
    let database = TestDatabase::new().await;
    let migrated = tables(database.pool()).await;
    for schema in ["public", "graphile_worker"] {
        let sql = format!("DROP SCHEMA {schema} CASCADE");
        query(sqlx::AssertSqlSafe(sql)).execute(database.pool()).await.unwrap();
    }
    query("CREATE SCHEMA public").execute(database.pool()).await.unwrap();
    let pools = [database.another_pool().await, database.another_pool().await, database.another_pool().await];
    let (a, b, c) = tokio::join!(pool::migrate(&pools[0]), pool::migrate(&pools[1]), pool::migrate(&pools[2]));
    a.and(b).and(c).unwrap();
    assert!(migrated > 10);
    assert_eq!(tables(database.pool()).await, migrated);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let database = TestDatabase::new().await;
    query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (99990101000000, 'from the future', true, '', 0)",
    )
    .execute(database.pool())
    .await
    .unwrap();
    let error = pool::migrate(database.pool()).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Migration(cause) if cause.to_string().contains("99990101000000")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told_apart() {
    let folder = std::env::temp_dir().join("workflowops-no-such-folder");
    let url = format!("postgres://nobody@{}/none", folder.display().to_string().replace('/', "%2F"));
    let error = pool::connect(&url, 1).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let error = pool::connect("not an address", 1).await.unwrap_err();
    assert!(matches!(error, StoreError::Statement(_)), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_is_cut_is_told_apart_and_the_next_works() {
    let database = TestDatabase::new().await;
    let mut connection = database.pool().acquire().await.unwrap();
    let pid: i32 = query("SELECT pg_backend_pid()").fetch_one(&mut *connection).await.unwrap().get(0);
    query("SELECT pg_terminate_backend($1, 10000)").bind(pid).execute(&database.another_pool().await).await.unwrap();
    let error = StoreError::from(query("SELECT 1").execute(&mut *connection).await.unwrap_err());
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    drop(connection);
    pool::ping(database.pool()).await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_is_given_up_while_it_begins_spoils_no_connection() {
    let database = TestDatabase::new().await;
    let pool = pool::connect(database.url(), 1).await.unwrap();
    for turns in 0..40 {
        // After so many turns nobody waits for it any more: at some of them BEGIN is sent and not answered.
        let patience = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            _ = pool.begin() => {}
            () = patience => {}
        }
        query("SELECT 1 / 0").execute(&pool).await.unwrap_err();
        pool.begin().await.unwrap().rollback().await.unwrap();
    }
}
