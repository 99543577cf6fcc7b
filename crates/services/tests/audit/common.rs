//! What these tests share.

use drift_domain::audit::{Fault, FileCheck, Verified};
use drift_domain::ids::OrganizationId;
use drift_services::audit::AuditExport;
use drift_services::gate::Caller;
use drift_testkit::TestApp;

/// Does something to the tables as nobody may: with the triggers that keep the log switched off.
pub async fn tamper(app: &TestApp, sql: &str) {
    let mut tx = app.database.pool().begin().await.unwrap();
    sqlx::raw_sql("SET LOCAL session_replication_role = replica").execute(&mut *tx).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// What verifying the database says.
pub async fn verify(app: &TestApp, organization: OrganizationId) -> Result<Verified, Fault> {
    app.services.archive().verify(organization, None).await.unwrap()
}

/// All lines of an export.
pub async fn lines(mut export: AuditExport) -> Vec<String> {
    let mut text = String::new();
    while let Some(part) = export.next().await.unwrap() {
        text.push_str(&part);
    }
    text.lines().map(str::to_owned).collect()
}

/// What verifying an export says.
pub fn verify_file(lines: &[String]) -> Result<Verified, Fault> {
    let mut check = FileCheck::new(None);
    lines.iter().try_for_each(|line| check.take(line))?;
    check.end()
}

/// The actions of an organization's log, in the order of the chain, with the names of who did it.
pub async fn actions(app: &TestApp, of: &Caller) -> Vec<String> {
    let sql = "SELECT action FROM audit_entries WHERE organization_id = $1 ORDER BY at, id";
    sqlx::query_scalar(sql).bind(of.organization_id.0).fetch_all(app.database.pool()).await.unwrap()
}
