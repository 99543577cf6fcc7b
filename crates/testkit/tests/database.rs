//! Databases of tests are apart, migrated, and gone afterwards.

use drift_testkit::TestDatabase;
use sqlx::query_scalar;

const ADD: &str = "INSERT INTO users (id, email, name, password_hash, created_at)
                   VALUES (gen_random_uuid(), 'a@example.com', 'A', '-', now())";

async fn users(database: &TestDatabase) -> i64 {
    query_scalar("SELECT count(*) FROM users").fetch_one(database.pool()).await.unwrap()
}

#[tokio::test]
async fn two_databases_do_not_see_each_other() {
    let (one, other) = tokio::join!(TestDatabase::new(), TestDatabase::new());
    sqlx::raw_sql(ADD).execute(one.pool()).await.unwrap();
    assert_eq!((users(&one).await, users(&other).await), (1, 0));
    let jobs: i64 = query_scalar("SELECT count(*) FROM graphile_worker.jobs").fetch_one(one.pool()).await.unwrap();
    assert_eq!(jobs, 0, "the job queue is there too");
}

#[tokio::test]
async fn another_pool_sees_the_same() {
    let database = TestDatabase::new().await;
    sqlx::raw_sql(ADD).execute(&database.another_pool().await).await.unwrap();
    assert_eq!(users(&database).await, 1);
}

#[tokio::test]
async fn a_database_goes_with_its_test_even_while_it_is_used() {
    let database = TestDatabase::new().await;
    let watching = TestDatabase::new().await;
    let name: String = query_scalar("SELECT current_database()").fetch_one(database.pool()).await.unwrap();
    let open = database.pool().begin().await.unwrap();
    drop(database);
    let left: i64 = query_scalar("SELECT count(*) FROM pg_database WHERE datname = $1")
        .bind(name)
        .fetch_one(watching.pool())
        .await
        .unwrap();
    assert_eq!(left, 0);
    drop(open);
}
