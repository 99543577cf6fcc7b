//! Contents by hash: snapshots of both sides, Git's trees and blobs, and what reading them gave.
//!
//! Everything here is kept per organization, so that nobody learns by its absence or presence what another tenant has.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use drift_domain::fingerprint::Fingerprint;
use drift_domain::ids::OrganizationId;
use serde_json::Value;
use sqlx::PgConnection;

use crate::error::{StoreError, StoreResult};

/// zstd's level 3: about a sixth of the size for workflows, at hundreds of megabytes a second.
const LEVEL: i32 = 3;

/// Keeps bytes under their hash. Bytes that are kept already are not written again.
pub async fn keep_snapshot(
    db: &mut PgConnection,
    organization: OrganizationId,
    hash: Fingerprint,
    bytes: &[u8],
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let known = sqlx::query_scalar!(
        // Held until the transaction ends: retention does not take away what is about to be referred to.
        r#"SELECT true AS "known!" FROM snapshots WHERE organization_id = $1 AND hash = $2 FOR KEY SHARE"#,
        organization.0,
        hash.0.as_slice()
    )
    .fetch_optional(&mut *db)
    .await?;
    if known.is_some() {
        return Ok(());
    }
    let content = zstd::bulk::compress(bytes, LEVEL).map_err(StoreError::Compression)?;
    sqlx::query!(
        "INSERT INTO snapshots (organization_id, hash, content, size, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        organization.0,
        hash.0.as_slice(),
        content,
        i32::try_from(bytes.len()).unwrap_or(i32::MAX),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The bytes with this hash, if they are kept.
pub async fn snapshot(
    db: &mut PgConnection,
    organization: OrganizationId,
    hash: Fingerprint,
) -> StoreResult<Option<Vec<u8>>> {
    let row = sqlx::query!(
        "SELECT content, size FROM snapshots WHERE organization_id = $1 AND hash = $2",
        organization.0,
        hash.0.as_slice()
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        let size = usize::try_from(row.size).unwrap_or_default();
        zstd::bulk::decompress(&row.content, size).map_err(StoreError::Compression)
    })
    .transpose()
}

/// Which snapshots these blobs of Git are, in order of their position in the file; blobs not seen before are left out.
pub async fn git_blobs(
    db: &mut PgConnection,
    organization: OrganizationId,
    shas: &[String],
) -> StoreResult<HashMap<String, Vec<Fingerprint>>> {
    let rows = sqlx::query!(
        "SELECT sha, snapshot FROM git_blobs WHERE organization_id = $1 AND sha = ANY($2) ORDER BY sha, position",
        organization.0,
        shas
    )
    .fetch_all(db)
    .await?;
    let mut found: HashMap<String, Vec<Fingerprint>> = HashMap::new();
    for row in rows {
        let print = row.snapshot.as_slice().try_into().map_err(StoreError::corrupt)?;
        found.entry(row.sha).or_default().push(print);
    }
    Ok(found)
}

/// Keeps the workflows of one blob of Git: usually one, several where one file exports several.
pub async fn keep_git_blob(
    db: &mut PgConnection,
    organization: OrganizationId,
    sha: &str,
    parts: &[(Fingerprint, &[u8])],
    now: DateTime<Utc>,
) -> StoreResult<()> {
    for (position, (hash, bytes)) in (0i32..).zip(parts) {
        keep_snapshot(db, organization, *hash, bytes, now).await?;
        sqlx::query!(
            "INSERT INTO git_blobs (organization_id, sha, position, snapshot) VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING",
            organization.0,
            sha,
            position,
            hash.0.as_slice()
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// The listing of a folder by the SHA of its tree, if it was seen before. Marks it as seen today.
pub async fn git_tree(
    db: &mut PgConnection,
    organization: OrganizationId,
    sha: &str,
    today: NaiveDate,
) -> StoreResult<Option<Value>> {
    // At most one write a day: retention goes by the day it was last of use.
    Ok(sqlx::query_scalar!(
        "WITH seen AS (UPDATE git_trees SET seen_on = $3 WHERE organization_id = $1 AND sha = $2 AND seen_on < $3)
         SELECT files FROM git_trees WHERE organization_id = $1 AND sha = $2",
        organization.0,
        sha,
        today
    )
    .fetch_optional(db)
    .await?)
}

/// Keeps the listing of a folder.
pub async fn keep_git_tree(
    db: &mut PgConnection,
    organization: OrganizationId,
    sha: &str,
    files: &Value,
    today: NaiveDate,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO git_trees (organization_id, sha, files, seen_on) VALUES ($1, $2, $3, $4)
         ON CONFLICT (organization_id, sha) DO UPDATE SET seen_on = excluded.seen_on",
        organization.0,
        sha,
        files,
        today
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What reading these bytes under these rules gave, for those that were read before. Marks them as seen today.
pub async fn readings(
    db: &mut PgConnection,
    organization: OrganizationId,
    raw: &[Fingerprint],
    rules_version: i32,
    today: NaiveDate,
) -> StoreResult<HashMap<Fingerprint, Value>> {
    let raw: Vec<Vec<u8>> = raw.iter().map(|print| print.0.to_vec()).collect();
    let rows = sqlx::query!(
        r#"SELECT raw, reading, seen_on < $4 AS "stale!" FROM readings
           WHERE organization_id = $1 AND rules_version = $3 AND raw = ANY($2)"#,
        organization.0,
        &raw,
        rules_version,
        today
    )
    .fetch_all(&mut *db)
    .await?;
    // At most one write a day and reading: retention goes by the day it was last of use.
    if rows.iter().any(|row| row.stale) {
        sqlx::query!(
            "UPDATE readings SET seen_on = $4
             WHERE organization_id = $1 AND rules_version = $3 AND raw = ANY($2) AND seen_on < $4",
            organization.0,
            &raw,
            rules_version,
            today
        )
        .execute(db)
        .await?;
    }
    rows.into_iter().map(|row| Ok((row.raw.as_slice().try_into().map_err(StoreError::corrupt)?, row.reading))).collect()
}

/// Keeps what reading these bytes gave, in the order of their hashes whatever order they come in: of two checks that keep the
/// same at once, each could otherwise hold what the other waits for.
pub async fn keep_readings(
    db: &mut PgConnection,
    organization: OrganizationId,
    readings: &[(Fingerprint, Value)],
    rules_version: i32,
    today: NaiveDate,
) -> StoreResult<()> {
    let mut readings: Vec<&(Fingerprint, Value)> = readings.iter().collect();
    readings.sort_unstable_by_key(|(print, _)| print.0);
    let raw: Vec<Vec<u8>> = readings.iter().map(|(print, _)| print.0.to_vec()).collect();
    let values: Vec<Value> = readings.iter().map(|(_, reading)| reading.clone()).collect();
    sqlx::query!(
        "INSERT INTO readings (organization_id, raw, rules_version, reading, seen_on)
         SELECT $1, raw, $4, reading, $5 FROM unnest($2::bytea[], $3::jsonb[]) AS new (raw, reading)
         ON CONFLICT (organization_id, raw, rules_version) DO UPDATE SET reading = excluded.reading,
             seen_on = excluded.seen_on",
        organization.0,
        &raw,
        &values,
        rules_version,
        today
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets readings and listings that were last of use before `unused_since`, and the blobs of Git that no listing has any
/// more. They can be made anew.
pub async fn forget_unused(
    db: &mut PgConnection,
    organization: OrganizationId,
    unused_since: NaiveDate,
) -> StoreResult<()> {
    sqlx::query!("DELETE FROM readings WHERE organization_id = $1 AND seen_on < $2", organization.0, unused_since)
        .execute(&mut *db)
        .await?;
    sqlx::query!("DELETE FROM git_trees WHERE organization_id = $1 AND seen_on < $2", organization.0, unused_since)
        .execute(&mut *db)
        .await?;
    sqlx::query!(
        "WITH listed AS (
             SELECT DISTINCT file ->> 'sha' AS sha FROM git_trees, jsonb_array_elements(files -> 'files') AS file
             WHERE organization_id = $1)
         DELETE FROM git_blobs b WHERE organization_id = $1 AND NOT EXISTS (SELECT FROM listed WHERE listed.sha = b.sha)",
        organization.0
    )
    .execute(db)
    .await?;
    Ok(())
}
