//! Policies: written, changed, tried out and assigned by administrators; asked by whatever acts on an incident
//! ([`holding`]). They only take away what plan and role allow, and only of what [`PolicyAction`] names.
//!
//! [`PolicyAction`]: drift_domain::policy::PolicyAction

pub(crate) mod holding;
mod overview;
mod simulate;

use drift_domain::ids::{OrganizationId, PolicyId, UserId};
use drift_domain::policy::PolicyRules;
use drift_domain::views::{PolicyCoverage, PolicyList, PolicyPage, PolicyRow, PolicyTarget};
use drift_policy::Policy;
pub use drift_policy::SCHEMA;
use drift_store::environments::EnvironmentRecord;
use drift_store::events::NewEvent;
use drift_store::policies::{NewVersion, PolicyRecord};
use drift_store::{PgConnection, StoreError, environments, events, policies};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

/// Policies in use that an organization has at most.
const MOST: usize = 100;
/// Versions that a policy's page shows: the newest.
const SHOWN: i64 = 100;
/// The longest name, in characters.
const NAME_LENGTH: usize = 100;

/// What a policy is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyContent {
    /// What a form says.
    Form(PolicyRules),
    /// Text.
    Text(String),
}

/// A content that can be kept.
struct Readable {
    text: String,
    rules: Option<PolicyRules>,
    policy: Policy,
}

impl PolicyContent {
    fn read(self) -> ServiceResult<Readable> {
        let (text, rules) = match self {
            Self::Form(rules) => {
                if let Some((field, message)) = rules.out_of_bounds() {
                    return Err(ServiceError::invalid(field, message));
                }
                (drift_policy::text(&rules), Some(rules))
            }
            Self::Text(text) => (text.replace("\r\n", "\n"), None),
        };
        let policy = Policy::read(&text).map_err(|error| {
            // A form whose text is not kept is one that would leave nobody; its field is the form.
            ServiceError::invalid(if rules.is_some() { "rules" } else { "text" }, error.to_string())
        })?;
        Ok(Readable { text, rules, policy })
    }
}

fn read_name(name: &str) -> ServiceResult<&str> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_LENGTH {
        return Err(ServiceError::invalid(
            "name",
            format!("Give the policy a name of at most {NAME_LENGTH} characters."),
        ));
    }
    Ok(name)
}

/// What an administrator reads when the database refuses a name.
fn named(error: StoreError) -> ServiceError {
    match error.constraint() {
        Some("policies_name_is_free") => ServiceError::invalid(
            "name",
            "Another policy in use has this name. Choose another name, or change that one.",
        ),
        _ => error.into(),
    }
}

impl Services {
    /// The policies in use, and which holds for which environment.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn policies(&self, permit: &Permit<cap::Policies>) -> ServiceResult<PolicyList> {
        let organization = permit.organization();
        let mut db = self.tenant(organization).await?;
        let assigned = policies::assignments(&mut db, organization).await?;
        let mut rows = Vec::new();
        for record in policies::list(&mut db, organization).await? {
            let newest = policies::versions(&mut db, organization, record.id, 1).await?.pop();
            let newest = newest.ok_or_else(|| StoreError::corrupt("a policy without a version"))?;
            rows.push(PolicyRow {
                assigned: targets(&assigned, record.id),
                id: record.id,
                name: record.name,
                version: record.version,
                by: newest.by,
                at: newest.at,
                form: newest.rules.is_some(),
            });
        }
        let all = environments::list(&mut db, organization, None, i64::MAX).await?;
        let coverage = all.iter().map(|environment| coverage(environment, &assigned)).collect();
        Ok(PolicyList { policies: rows, coverage })
    }

    /// One policy with its versions, out of use or not.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a policy that is not the caller's.
    pub async fn policy(&self, permit: &Permit<cap::Policies>, id: PolicyId) -> ServiceResult<PolicyPage> {
        let organization = permit.organization();
        let mut db = self.tenant(organization).await?;
        let record = policies::lock(&mut db, organization, id).await?.ok_or(ServiceError::NotFound("policy"))?;
        let assigned = policies::assignments(&mut db, organization).await?;
        Ok(PolicyPage {
            id,
            name: record.name,
            retired_at: record.retired_at,
            assigned: targets(&assigned, id),
            versions: policies::versions(&mut db, organization, id, SHOWN).await?,
        })
    }

    /// Writes a policy. It holds nowhere until it is assigned.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for a name that is taken, and for content that cannot be read or would leave an incident to
    /// nobody; [`ServiceError::Conflict`] for one policy too many.
    pub async fn create_policy(
        &self,
        permit: &Permit<cap::Policies>,
        name: &str,
        content: PolicyContent,
    ) -> ServiceResult<PolicyId> {
        let name = read_name(name)?;
        let content = content.read()?;
        let organization = permit.organization();
        let mut tx = self.tenant(organization).await?;
        if policies::list(&mut tx, organization).await?.len() >= MOST {
            return Err(ServiceError::Conflict(format!("There are {MOST} policies. Take one out of use first.")));
        }
        let id = PolicyId(Uuid::now_v7());
        let new = NewVersion { version: 1, text: &content.text, rules: content.rules, by: permit.caller().user_id };
        policies::insert(&mut tx, organization, id, name, &new, self.clock.now()).await.map_err(named)?;
        let data = json!({ "policy": id, "name": name, "version": 1, "text": content.text });
        self.tell_policy(&mut tx, permit, "policy.created", data).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(id)
    }

    /// Changes a policy: a new version, which holds from then on wherever the policy does. Answers its number.
    ///
    /// # Errors
    /// As [`Self::create_policy`]; [`ServiceError::NotFound`]; [`ServiceError::Stale`] when `seen` is not the newest version;
    /// [`ServiceError::Conflict`] for one that is out of use.
    pub async fn edit_policy(
        &self,
        permit: &Permit<cap::Policies>,
        id: PolicyId,
        seen: u32,
        name: &str,
        content: PolicyContent,
    ) -> ServiceResult<u32> {
        let name = read_name(name)?;
        let content = content.read()?;
        let organization = permit.organization();
        let mut tx = self.tenant(organization).await?;
        let record = in_use(&mut tx, organization, id).await?;
        let newest = policies::versions(&mut tx, organization, id, 1).await?.pop();
        if seen != record.version {
            let by = newest.map(|newest| format!("{} wrote version {}.", newest.by.name, newest.version));
            return Err(ServiceError::Stale { meanwhile: by.into_iter().collect() });
        }
        let version = record.version + 1;
        let new = NewVersion { version, text: &content.text, rules: content.rules, by: permit.caller().user_id };
        policies::edit(&mut tx, organization, id, name, &new, self.clock.now()).await.map_err(named)?;
        let data = json!({
            "policy": id, "name": name, "version": version, "text": content.text,
            "before": { "name": record.name, "version": record.version, "text": newest.map(|newest| newest.text) },
        });
        self.tell_policy(&mut tx, permit, "policy.edited", data).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(version)
    }

    /// Says which policy holds for a class of environments, or for one environment; `None` takes it away there.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a policy or an environment that is not the caller's; [`ServiceError::Conflict`] for a
    /// policy that is out of use.
    pub async fn assign_policy(
        &self,
        permit: &Permit<cap::Policies>,
        target: PolicyTarget,
        policy: Option<PolicyId>,
    ) -> ServiceResult<()> {
        let organization = permit.organization();
        let mut tx = self.tenant(organization).await?;
        let environment = match target {
            PolicyTarget::Environment(id) => {
                environments::lock(&mut tx, organization, id).await?.ok_or(ServiceError::NotFound("environment"))?;
                Some(id)
            }
            PolicyTarget::Class(_) => None,
        };
        let name = match policy {
            Some(id) => Some(in_use(&mut tx, organization, id).await?.name),
            None => None,
        };
        let before = policies::assign(&mut tx, organization, target, policy).await?;
        if before != policy {
            let data = json!({ "to": target, "policy": policy, "name": name, "before": { "policy": before } });
            let event = NewEvent { environment_id: environment, ..self.policy_event(permit, "policy.assigned", data) };
            events::append(&mut tx, &event, self.clock.now()).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Takes a policy out of use. Its versions stay.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Conflict`] while it holds somewhere, or when it is out of use already.
    pub async fn retire_policy(&self, permit: &Permit<cap::Policies>, id: PolicyId) -> ServiceResult<()> {
        let organization = permit.organization();
        let mut tx = self.tenant(organization).await?;
        let record = in_use(&mut tx, organization, id).await?;
        let assigned = policies::assignments(&mut tx, organization).await?;
        if !targets(&assigned, id).is_empty() {
            let message = format!(
                "“{}” holds for environments. Assign another policy there, or none, and take it out of use then.",
                record.name
            );
            return Err(ServiceError::Conflict(message));
        }
        policies::retire(&mut tx, organization, id, self.clock.now()).await?;
        let data = json!({ "policy": id, "name": record.name, "version": record.version });
        self.tell_policy(&mut tx, permit, "policy.retired", data).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    fn policy_event<'a>(&self, permit: &Permit<cap::Policies>, kind: &'a str, data: Value) -> NewEvent<'a> {
        let by: UserId = permit.caller().user_id;
        let organization_id = permit.organization();
        NewEvent { organization_id, environment_id: None, change_id: None, kind, actor: Some(by), data }
    }

    async fn tell_policy(
        &self,
        db: &mut PgConnection,
        permit: &Permit<cap::Policies>,
        kind: &str,
        data: Value,
    ) -> ServiceResult<()> {
        Ok(events::append(db, &self.policy_event(permit, kind, data), self.clock.now()).await?)
    }
}

/// A policy that can be changed and assigned, held until the transaction ends.
async fn in_use(db: &mut PgConnection, organization: OrganizationId, id: PolicyId) -> ServiceResult<PolicyRecord> {
    let record = policies::lock(db, organization, id).await?.ok_or(ServiceError::NotFound("policy"))?;
    match record.retired_at {
        Some(_) => Err(ServiceError::Conflict(format!("“{}” is out of use. Write a new policy.", record.name))),
        None => Ok(record),
    }
}

fn targets(assigned: &[(PolicyTarget, PolicyId)], id: PolicyId) -> Vec<PolicyTarget> {
    assigned.iter().filter(|(_, policy)| *policy == id).map(|(target, _)| *target).collect()
}

fn coverage(environment: &EnvironmentRecord, assigned: &[(PolicyTarget, PolicyId)]) -> PolicyCoverage {
    let class = environment.connection.class;
    let of = |wanted: PolicyTarget| assigned.iter().find(|(target, _)| *target == wanted).map(|(_, id)| *id);
    let own = of(PolicyTarget::Environment(environment.id));
    PolicyCoverage {
        environment_id: environment.id,
        environment: environment.connection.name.clone(),
        class,
        policy: own.or_else(|| of(PolicyTarget::Class(class))),
        own: own.is_some(),
    }
}
