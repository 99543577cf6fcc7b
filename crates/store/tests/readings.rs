//! Readings are kept by several checks at once.

use chrono::NaiveDate;
use drift_domain::fingerprint::Fingerprint;
use drift_domain::ids::OrganizationId;
use drift_store::contents::keep_readings;
use drift_store::{PgConnection, PgPool};
use drift_testkit::TestDatabase;
use serde_json::json;
use uuid::Uuid;

async fn organization(pool: &PgPool) -> OrganizationId {
    let id = Uuid::now_v7();
    sqlx::query("INSERT INTO organizations (id, name, plan, webhook_secret, created_at) VALUES ($1, 'A', 'FREE', '\\x00', now())")
        .bind(id)
        .execute(pool)
        .await
        .unwrap();
    OrganizationId(id)
}

async fn keep(db: &mut PgConnection, organization: OrganizationId, of: &[u8]) {
    let readings: Vec<_> = of.iter().map(|byte| (Fingerprint([*byte; 32]), json!({ "is": "other" }))).collect();
    keep_readings(db, organization, &readings, 1, NaiveDate::default()).await.unwrap();
}

/// Whoever waits for a reading holds no later one that somebody else could wait for.
#[tokio::test]
async fn whoever_waits_holds_nothing_that_comes_later() {
    let database = TestDatabase::new().await;
    let pool = database.pool().clone();
    let organization = organization(&pool).await;
    let mut first = pool.begin().await.unwrap();
    keep(&mut first, organization, &[1]).await;

    let mut db = pool.acquire().await.unwrap();
    let waits = tokio::spawn(async move { keep(&mut db, organization, &[3, 1]).await });
    let waiting =
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')";
    while !sqlx::query_scalar::<_, bool>(waiting).fetch_one(&pool).await.unwrap() {
        tokio::task::yield_now().await;
    }
    let mut other = pool.acquire().await.unwrap();
    // It does not have to wait. If it did, this would say so.
    sqlx::query("SET lock_timeout = '2s'").execute(&mut *other).await.unwrap();
    keep(&mut other, organization, &[3]).await;

    first.commit().await.unwrap();
    waits.await.unwrap();
}
