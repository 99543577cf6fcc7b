//! Making organizations and members.

use chrono::{DateTime, Utc};
use drift_domain::ids::{OrganizationId, UserId};
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_store::events::{self, NewEvent};
use drift_store::people::{self, Membership, Organization, User};
use drift_store::secretbox::Purpose;
use drift_store::{PgConnection, StoreError};
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use super::{fields, password, random_token};
use crate::Services;
use crate::error::{ServiceError, ServiceResult};

/// A person to be made a member.
#[derive(Debug)]
pub struct Person {
    /// The person's name.
    pub name: String,
    /// The e-mail address, which the person signs in with.
    pub email: String,
    /// The password.
    pub password: SecretString,
}

/// A person whose fields were checked and whose password is hashed.
pub(super) struct Checked {
    name: String,
    email: String,
    password_hash: String,
}

impl Checked {
    pub(super) async fn new(person: Person) -> ServiceResult<Self> {
        let name = fields::name("name", "your name", &person.name)?;
        let email = fields::email("email", &person.email)?;
        password::check("password", &person.password, &email)?;
        Ok(Self { name, email, password_hash: password::hash(person.password).await? })
    }

    pub(super) async fn insert(self, db: &mut PgConnection, at: DateTime<Utc>) -> ServiceResult<User> {
        let id = UserId(Uuid::now_v7());
        let user = User {
            id,
            email: self.email,
            name: self.name,
            password_hash: Some(self.password_hash),
            // Whoever runs the installation says who the person is.
            email_verified_at: Some(at),
        };
        match people::insert_user(db, &user, at).await {
            Err(error) if error.constraint() == Some(people::EMAIL_IS_UNIQUE) => {
                Err(ServiceError::invalid("email", "Somebody has an account with this e-mail address already."))
            }
            Err(error) if error.constraint() == Some(people::EMAIL_IS_LOWER_CASE) => {
                Err(ServiceError::invalid("email", "Write the e-mail address in plain lower-case letters."))
            }
            result => {
                result?;
                Ok(user)
            }
        }
    }
}

impl Services {
    /// Makes an organization, without members. For whoever runs the installation: it asks no gate.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] when the name is blank or too long.
    pub async fn create_organization(&self, name: &str, plan: PlanTier) -> ServiceResult<OrganizationId> {
        let name = fields::name("organization", "the organization's name", name)?;
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        let id = self.insert_organization(&mut tx, name, plan).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(id)
    }

    /// Makes a person a member of an organization, with this role from now on. Who has an account already keeps name and
    /// password. For whoever runs the installation: it asks no gate.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] when the name, the address or the password cannot be used; [`ServiceError::NotFound`] when
    /// there is no such organization.
    pub async fn add_member(&self, organization: OrganizationId, person: Person, role: Role) -> ServiceResult<UserId> {
        let email = fields::canonical_email(&person.email);
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let known = people::user_by_email(&mut db, &email).await?;
        drop(db);
        // Hashing takes long: no transaction waits for it.
        let new = match &known {
            None => Some(Checked::new(person).await?),
            Some(_) => None,
        };
        let at = self.clock.now();
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        if people::organization(&mut tx, organization).await?.is_none() {
            return Err(ServiceError::NotFound("organization"));
        }
        let user = match (known, new) {
            (Some(user), _) => user,
            (None, Some(new)) => new.insert(&mut tx, at).await?,
            (None, None) => return Err(ServiceError::NotFound("person")),
        };
        join(&mut tx, organization, &user, role, at).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(user.id)
    }

    /// Stores an organization with a webhook secret of its own.
    pub(super) async fn insert_organization(
        &self,
        db: &mut PgConnection,
        name: String,
        plan: PlanTier,
    ) -> ServiceResult<OrganizationId> {
        let id = OrganizationId(Uuid::now_v7());
        let secret =
            self.secrets.seal(id, Purpose::WebhookSecret, &random_token()?).map_err(ServiceError::unavailable)?;
        let organization = Organization { id, name, plan, webhook_secret: secret };
        people::insert_organization(db, &organization, self.clock.now()).await?;
        Ok(id)
    }
}

/// Makes a person a member, on the record.
pub(super) async fn join(
    db: &mut PgConnection,
    organization: OrganizationId,
    user: &User,
    role: Role,
    at: DateTime<Utc>,
) -> ServiceResult<Membership> {
    people::put_membership(db, organization, user.id, role, at).await?;
    let event = NewEvent {
        organization_id: organization,
        environment_id: None,
        change_id: None,
        kind: "member.joined",
        actor: None,
        data: json!({ "user": user.id, "name": user.name, "role": role }),
    };
    events::append(db, &event, at).await?;
    let memberships = people::memberships(db, user.id).await?;
    memberships
        .into_iter()
        .find(|membership| membership.organization_id == organization)
        .ok_or(ServiceError::NotFound("organization"))
}
