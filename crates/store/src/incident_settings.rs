//! What an organization sets for its incidents.

use drift_domain::environment::EnvironmentClass;
use drift_domain::ids::OrganizationId;
use drift_domain::incident::TimePercent;
use sqlx::PgConnection;

use crate::error::{StoreResult, exactly_one, word};

/// What an organization set for its incidents.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Classes whose new drift opens an incident by itself; `None`: nobody chose.
    pub automatic: Option<Vec<EnvironmentClass>>,
    /// The pattern of its tickets, and the address that it leads to.
    pub ticket: Option<(String, String)>,
    /// Percent of a severity's time, by the class of the environment.
    pub time_percent: TimePercent,
    /// Whether expired incidents block no deployments, where the plan decides that by policy.
    pub deployments_unblocked: bool,
}

/// What an organization set for its incidents.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn get(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<Settings> {
    let row = sqlx::query!(
        "SELECT automatic_incidents, ticket_pattern, ticket_address, time_percent_development, time_percent_staging,
             time_percent_production, deployments_unblocked
         FROM organizations WHERE id = $1",
        organization.0
    )
    .fetch_one(db)
    .await?;
    let automatic = row.automatic_incidents.map(|all| all.iter().map(|class| word(class)).collect());
    let percent = |of: i16| u16::try_from(of).unwrap_or(100);
    let time_percent = TimePercent {
        development: percent(row.time_percent_development),
        staging: percent(row.time_percent_staging),
        production: percent(row.time_percent_production),
    };
    Ok(Settings {
        automatic: automatic.transpose()?,
        ticket: row.ticket_pattern.zip(row.ticket_address),
        time_percent,
        deployments_unblocked: row.deployments_unblocked,
    })
}

/// The version of what an organization set, which moves with every edit. `lock` holds it until the transaction ends.
///
/// # Errors
/// The database failed.
pub async fn version(db: &mut PgConnection, organization: OrganizationId, lock: bool) -> StoreResult<i64> {
    if lock {
        sqlx::query_scalar!("SELECT id FROM organizations WHERE id = $1 FOR NO KEY UPDATE", organization.0)
            .fetch_one(&mut *db)
            .await?;
    }
    let version =
        sqlx::query_scalar!("SELECT incident_settings_version FROM organizations WHERE id = $1", organization.0);
    Ok(version.fetch_one(db).await?)
}

/// Sets what an organization wants of its incidents.
///
/// # Errors
/// The database failed, or refuses an address that is none of the web.
pub async fn set(db: &mut PgConnection, organization: OrganizationId, set: &Settings) -> StoreResult<()> {
    let automatic = set.automatic.as_ref();
    let automatic: Option<Vec<String>> =
        automatic.map(|all| all.iter().map(|class| class.as_str().to_owned()).collect());
    let percent = |of: u16| i16::try_from(of).unwrap_or(100);
    let done = sqlx::query!(
        "UPDATE organizations SET automatic_incidents = $2, ticket_pattern = $3, ticket_address = $4,
             time_percent_development = $5, time_percent_staging = $6, time_percent_production = $7,
             deployments_unblocked = $8,
             incident_settings_version = incident_settings_version + 1
         WHERE id = $1",
        organization.0,
        automatic.as_deref(),
        set.ticket.as_ref().map(|ticket| &ticket.0),
        set.ticket.as_ref().map(|ticket| &ticket.1),
        percent(set.time_percent.development),
        percent(set.time_percent.staging),
        percent(set.time_percent.production),
        set.deployments_unblocked,
    );
    exactly_one(done.execute(db).await?.rows_affected())
}
