//! Reading the log: a page of it, and what fits as rows of a file.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use drift_domain::audit::{AuditAction, AuditTarget, Entry, Verified};
use drift_domain::ids::{AuditEntryId, EnvironmentId, OrganizationId, UserId};
use drift_domain::plan::{Capability, Grant};
use drift_domain::views::{AuditPage, AuditSeals};
use drift_store::audit::{self, By, Filter, Position};
use drift_store::{PgPool, StoreError, environments, people};
use serde_json::{Value, json};

use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

/// Days that a plan shows which has the log within limits.
pub const LIMITED_DAYS: i64 = 90;
/// Entries on a page.
const PAGE: i64 = 50;
/// Entries of a file that are read together.
const ROWS: i64 = 500;
/// Seals that a page looks at.
const NEWEST: i64 = 500;

/// What somebody looks for. What is left out is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Done by this person.
    pub actor: Option<UserId>,
    /// Of this kind.
    pub action: Option<AuditAction>,
    /// About this, by identifier or by name.
    pub target: Option<String>,
    /// About this environment.
    pub environment: Option<EnvironmentId>,
    /// With this in a name, an address, a reason or the particulars.
    pub text: Option<String>,
    /// The first day, in UTC.
    pub from: Option<NaiveDate>,
    /// The last day, in UTC.
    pub to: Option<NaiveDate>,
}

/// Since when the caller's plan shows the log; `None` from its beginning.
pub(super) fn shown_since(permit: &Permit<cap::Audit>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (permit.plan().grant(Capability::Audit) != Grant::Full).then(|| now - TimeDelta::days(LIMITED_DAYS))
}

impl Services {
    /// A page of the organization's log, the newest first.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for days that are no range, or when `after` is not what an earlier page answered as `next`.
    pub async fn audit_log(
        &self,
        permit: &Permit<cap::Audit>,
        looked: Looked,
        after: Option<&str>,
    ) -> ServiceResult<AuditPage> {
        let (organization, now) = (permit.organization(), self.clock.now());
        let shown_since = shown_since(permit, now);
        let filter = filter(&looked, shown_since)?;
        let after = after.map(str::trim).filter(|text| !text.is_empty()).map(position).transpose()?;
        let mut db = self.tenant(organization).await?;
        let mut found = audit::list(&mut db, organization, &filter, after, PAGE + 1).await?;
        let more = found.len() > PAGE as usize;
        found.truncate(PAGE as usize);
        let entries = found.into_iter().map(entry).collect::<ServiceResult<Vec<_>>>()?;
        let seals = match super::seal::newest(&mut db, organization, NEWEST).await? {
            Ok(Verified { after_sequence, sequence, hash, .. }) => AuditSeals {
                sequence,
                hash: (sequence > 0).then(|| hash.to_string()),
                looked_at: sequence - after_sequence,
                fault: None,
            },
            Err(fault) => AuditSeals { sequence: 0, hash: None, looked_at: 0, fault: Some(fault.to_string()) },
        };
        let all = environments::list(&mut db, organization, None, i64::MAX).await?;
        let members = people::members(&mut db, organization).await?;
        Ok(AuditPage {
            next: entries.last().filter(|_| more).map(cursor),
            entries,
            seals,
            shown_since,
            environments: all.into_iter().map(|e| (e.id, e.connection.name)).collect(),
            people: members.into_iter().map(|member| (member.user_id, member.name)).collect(),
            now,
        })
    }

    /// What fits, as rows of a file, the newest first. It is put on record.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for days that are no range.
    pub async fn export_audit_rows(&self, permit: &Permit<cap::Audit>, looked: Looked) -> ServiceResult<AuditRows> {
        let (organization, now) = (permit.organization(), self.clock.now());
        let filter = filter(&looked, shown_since(permit, now))?;
        let asked = json!({
            "actor": looked.actor, "action": looked.action, "target": looked.target, "environment": looked.environment,
            "text": looked.text, "from": looked.from, "to": looked.to,
        });
        self.put_export_on_record(organization, permit.caller().user_id, "audit.csv", asked).await?;
        Ok(AuditRows { pool: self.pool.clone(), organization, filter, after: None, ended: false })
    }

    /// Puts on record that a person took something away as a file.
    pub(crate) async fn put_export_on_record(
        &self,
        organization: OrganizationId,
        by: UserId,
        what: &str,
        asked: Value,
    ) -> ServiceResult<()> {
        let mut tx = self.tenant(organization).await?;
        let entry = super::export::exported(organization, By::User(by), what, asked);
        audit::append(&mut tx, entry, self.clock.now()).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }
}

/// Rows of a file, read as their reader takes them. No transaction is held meanwhile.
#[derive(Debug)]
pub struct AuditRows {
    pool: PgPool,
    organization: OrganizationId,
    filter: Filter,
    after: Option<Position>,
    ended: bool,
}

impl AuditRows {
    /// The next rows; `None` behind the last.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn next(&mut self) -> ServiceResult<Option<Vec<Entry>>> {
        if self.ended {
            return Ok(None);
        }
        let mut tx = drift_store::tenant::begin(&self.pool, self.organization).await?;
        let found = audit::list(&mut tx, self.organization, &self.filter, self.after, ROWS).await?;
        drop(tx);
        self.ended = found.len() < ROWS as usize;
        let rows = found.into_iter().map(entry).collect::<ServiceResult<Vec<_>>>()?;
        self.after = rows.last().map(|entry| Position { at: entry.at, id: entry.id });
        Ok((!rows.is_empty()).then_some(rows))
    }
}

/// An entry as this version reads it. A word that it does not know, of a newer version or of nobody, hides nothing else.
fn entry(mut json: Value) -> ServiceResult<Entry> {
    if json["action"].as_str().is_none_or(|word| word.parse::<AuditAction>().is_err()) {
        json["action"] = AuditAction::Other.as_str().into();
    }
    if json["target"]["kind"].as_str().is_none_or(|word| word.parse::<AuditTarget>().is_err()) {
        json["target"]["kind"] = AuditTarget::Organization.as_str().into();
    }
    serde_json::from_value(json).map_err(ServiceError::unavailable)
}

fn filter(looked: &Looked, shown_since: Option<DateTime<Utc>>) -> ServiceResult<Filter> {
    let begins = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    if looked.from.zip(looked.to).is_some_and(|(from, to)| to < from) {
        return Err(ServiceError::invalid("to", "The range ends before it begins."));
    }
    let until = match looked.to {
        Some(day) => Some(
            day.checked_add_days(Days::new(1))
                .map(begins)
                .ok_or_else(|| ServiceError::invalid("to", "There is no such day."))?,
        ),
        None => None,
    };
    Ok(Filter {
        actor: looked.actor,
        action: looked.action,
        target: looked.target.clone(),
        environment: looked.environment,
        text: looked.text.clone(),
        from: looked.from.map(begins).max(shown_since),
        until,
    })
}

fn cursor(entry: &Entry) -> String {
    format!("{}.{}", entry.at.timestamp_micros(), entry.id)
}

fn position(text: &str) -> ServiceResult<Position> {
    let read = text.split_once('.').and_then(|(at, id)| {
        let at = DateTime::from_timestamp_micros(at.parse().ok()?)?;
        Some(Position { at, id: id.parse::<AuditEntryId>().ok()? })
    });
    read.ok_or_else(|| {
        ServiceError::invalid("after", "This is not where a page ended. Take `next` of the page before.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_whole_days_within_what_the_plan_shows() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let since = "2026-11-02T10:00:00Z".parse().unwrap();
        let looked = Looked { from: Some(day("2026-11-01")), to: Some(day("2026-11-03")), ..Looked::default() };
        let read = filter(&looked, Some(since)).unwrap();
        assert_eq!((read.from, read.until), (Some(since), Some("2026-11-04T00:00:00Z".parse().unwrap())));
        let reversed = Looked { from: Some(day("2026-11-03")), to: Some(day("2026-11-01")), ..Looked::default() };
        assert!(filter(&reversed, None).is_err());
        let last = Looked { to: Some(NaiveDate::MAX), ..Looked::default() };
        assert!(filter(&last, None).is_err());
    }

    #[test]
    fn a_place_survives_its_address() {
        let id = AuditEntryId(uuid::Uuid::from_u128(7));
        let at = DateTime::from_timestamp_micros(1_790_000_000_123_456).unwrap();
        assert_eq!(position(&format!("{}.{id}", at.timestamp_micros())).unwrap(), Position { at, id });
        assert!(position("7").is_err() && position("x.y").is_err());
    }
}
