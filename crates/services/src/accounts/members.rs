//! Making organizations and members.

use chrono::{DateTime, Utc};
use drift_domain::ids::{OrganizationId, UserId};
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_store::people::{self, Membership, Organization, User};
use drift_store::secretbox::Purpose;
use drift_store::{PgConnection, StoreError, invitations};
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use super::{fields, happened_to, password, random_token};
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
pub(crate) struct Checked {
    name: String,
    email: String,
    /// Whether it is known that the address is the person's own.
    verified: bool,
    password_hash: Option<String>,
}

impl Checked {
    /// Somebody whom an identity provider vouches for: without a password, with a name where the provider tells one.
    pub(crate) fn by_provider(name: Option<&str>, email: &str) -> ServiceResult<Self> {
        let email = fields::email("email", email)?;
        let name = name.and_then(|name| fields::name("name", "your name", name).ok());
        let name = name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned());
        Ok(Self { name, email, verified: true, password_hash: None })
    }

    /// Whether it is known that the address is the person's own. It is, unless this says otherwise: whoever runs the
    /// installation says who its people are.
    pub(super) fn verified(self, verified: bool) -> Self {
        Self { verified, ..self }
    }

    pub(super) async fn new(person: Person) -> ServiceResult<Self> {
        let name = fields::name("name", "your name", &person.name)?;
        let email = fields::email("email", &person.email)?;
        password::check("password", &person.password, &email)?;
        let password_hash = Some(password::hash(person.password).await?);
        Ok(Self { name, email, verified: true, password_hash })
    }

    pub(crate) async fn insert(self, db: &mut PgConnection, at: DateTime<Utc>) -> ServiceResult<User> {
        let id = UserId(Uuid::now_v7());
        let user = User {
            id,
            email: self.email,
            name: self.name,
            password_hash: self.password_hash,
            email_verified_at: self.verified.then_some(at),
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
        join(&mut tx, organization, &user, role, None, at).await?;
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

/// Makes a person a member, on the record. `by`: who let the person in; nobody where the installation itself did.
pub(crate) async fn join(
    db: &mut PgConnection,
    organization: OrganizationId,
    user: &User,
    role: Role,
    by: Option<UserId>,
    at: DateTime<Utc>,
) -> ServiceResult<Membership> {
    people::put_membership(db, organization, user.id, role, at).await?;
    // What waited for this address has come to its end by another way.
    invitations::revoke_for(db, organization, &user.email, at).await?;
    let data = json!({ "user": user.id, "name": user.name, "role": role });
    happened_to(db, organization, by, "member.joined", data, at).await?;
    let memberships = people::memberships(db, user.id).await?;
    memberships
        .into_iter()
        .find(|membership| membership.organization_id == organization)
        .ok_or(ServiceError::NotFound("organization"))
}
