//! Requests for a higher plan: asked once, answered once, kept for good.

use chrono::{DateTime, Utc};
use drift_domain::ids::{EnvironmentId, OrganizationId, UpgradeRequestId, UserId};
use drift_domain::plan::{Capability, PlanTier};
use drift_domain::views::{UpgradeAnswer, UpgradeRequestView};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::{StoreError, StoreResult, exactly_one, word};

/// The constraint that refuses a person's second open request.
pub const ONE_OPEN: &str = "upgrade_requests_one_open";

/// A request to be kept.
#[derive(Clone, Debug)]
pub struct NewRequest<'a> {
    /// Its identifier.
    pub id: UpgradeRequestId,
    /// The plan asked for.
    pub plan: PlanTier,
    /// The plan of the organization.
    pub plan_then: PlanTier,
    /// What the person could not do.
    pub capability: Option<Capability>,
    /// Where they could not.
    pub environment: Option<EnvironmentId>,
    /// What they say about it.
    pub note: &'a str,
    /// Who asks.
    pub by: UserId,
}

/// Keeps a request.
///
/// # Errors
/// Constraint [`ONE_OPEN`] when the person has an open one.
pub async fn insert(
    db: &mut PgConnection,
    organization: OrganizationId,
    request: &NewRequest<'_>,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO upgrade_requests
             (organization_id, id, plan, plan_then, capability, environment_id, note, requested_by, requested_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        organization.0,
        request.id.0,
        request.plan.as_str(),
        request.plan_then.as_str(),
        request.capability.map(Capability::as_str),
        request.environment.map(|id| id.0),
        request.note,
        request.by.0,
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Which requests to read.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// Everybody's.
    All,
    /// One person's.
    Of(UserId),
    /// One.
    One(UpgradeRequestId),
}

struct Row {
    id: Uuid,
    plan: String,
    plan_then: String,
    capability: Option<String>,
    environment: Option<String>,
    note: String,
    requested_by: String,
    requested_at: DateTime<Utc>,
    state: String,
    answer: String,
    answered_by: Option<String>,
    answered_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for UpgradeRequestView {
    type Error = StoreError;

    fn try_from(row: Row) -> StoreResult<Self> {
        let granted = row.state == "GRANTED";
        let words = row.answer;
        Ok(Self {
            id: UpgradeRequestId(row.id),
            plan: word(&row.plan)?,
            plan_then: word(&row.plan_then)?,
            capability: row.capability.as_deref().map(word).transpose()?,
            environment: row.environment,
            note: row.note,
            by: row.requested_by,
            at: row.requested_at,
            answer: row.answered_by.zip(row.answered_at).map(|(by, at)| UpgradeAnswer { granted, words, by, at }),
        })
    }
}

/// Requests of an organization, open ones first, then the newest: those behind `after` in that order.
pub async fn list(
    db: &mut PgConnection,
    organization: OrganizationId,
    which: Which,
    after: Option<UpgradeRequestId>,
    limit: i64,
) -> StoreResult<Vec<UpgradeRequestView>> {
    let of = if let Which::Of(user) = which { Some(user.0) } else { None };
    let one = if let Which::One(id) = which { Some(id.0) } else { None };
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT r.id, r.plan, r.plan_then, r.capability, e.name AS "environment?", r.note, u.name AS requested_by,
               r.requested_at, r.state, r.answer, a.name AS "answered_by?", r.answered_at
           FROM upgrade_requests r
           JOIN users u ON u.id = r.requested_by
           LEFT JOIN users a ON a.id = r.answered_by
           LEFT JOIN environments e ON e.organization_id = r.organization_id AND e.id = r.environment_id
           WHERE r.organization_id = $1 AND ($2::uuid IS NULL OR r.requested_by = $2) AND ($3::uuid IS NULL OR r.id = $3)
             AND ($5::uuid IS NULL OR (r.state = 'OPEN', r.requested_at, r.id) <
                 (SELECT a.state = 'OPEN', a.requested_at, a.id FROM upgrade_requests a
                  WHERE a.organization_id = $1 AND a.id = $5))
           ORDER BY r.state = 'OPEN' DESC, r.requested_at DESC, r.id DESC LIMIT $4"#,
        organization.0,
        of,
        one,
        limit,
        after.map(|id| id.0),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Answers a request that is open.
///
/// # Errors
/// [`StoreError::WrongRows`] when it is answered by now, or there is none such.
pub async fn answer(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: UpgradeRequestId,
    granted: bool,
    words: &str,
    by: UserId,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE upgrade_requests SET state = $3, answer = $4, answered_by = $5, answered_at = $6
         WHERE organization_id = $1 AND id = $2 AND state = 'OPEN'",
        organization.0,
        id.0,
        if granted { "GRANTED" } else { "DECLINED" },
        words,
        by.0,
        at,
    );
    exactly_one(done.execute(db).await?.rows_affected())
}
