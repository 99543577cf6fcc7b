//! People: setting an installation up, signing in and out, and who a session is.
//!
//! A session is a random token in the browser and its hash in the database: whoever reads the database cannot sign in
//! with what is there. It ends after [`IDLE`] without use, and after [`LONGEST`] however much it is used.

pub(crate) mod fields;
pub(crate) mod invitations;
pub(crate) mod members;
mod own;
pub(crate) mod password;
mod roster;
mod set_up;
pub(crate) mod sign_in;

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::audit::{AuditAction, AuditTarget, Target};
use drift_domain::ids::{OrganizationId, SessionId, UserId};
use drift_domain::plan::Plan;
use drift_domain::views::{Me, OrganizationView};
use drift_store::audit::By;
use drift_store::events::{self, NewEvent};
use drift_store::people::{self, Membership, User};
use drift_store::plans;
use drift_store::sessions::{self, NewSession};
use drift_store::{PgConnection, StoreError};
use rand::TryRngCore;
use rand::rngs::OsRng;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Via};
use crate::{Services, audit};

pub use invitations::{INVITATION_LASTS, Invited, Newcomer};
pub use members::Person;
pub use own::RESET_LASTS;

pub use crate::tokens::{LONGEST as LONGEST_TOKEN, MadeToken, PREFIX as TOKEN_PREFIX, TokenRequest};

/// A session that is not used for this long has ended.
pub const IDLE: TimeDelta = TimeDelta::hours(12);
/// A session of this age has ended.
pub const LONGEST: TimeDelta = TimeDelta::days(30);
/// A session's last use is noted this exactly, so that not every page writes.
pub(crate) const SEEN_EVERY: TimeDelta = TimeDelta::minutes(1);
/// Bytes of a session's token and of a webhook's secret.
pub(crate) const RANDOM_BYTES: usize = 32;
/// Characters of what a browser calls itself that are kept.
const USER_AGENT_KEPT: usize = 300;

/// The first start: an organization and its owner.
#[derive(Debug)]
pub struct SetUp {
    /// The organization's name.
    pub organization: String,
    /// The owner's name.
    pub name: String,
    /// The owner's e-mail address.
    pub email: String,
    /// The owner's password.
    pub password: SecretString,
    /// What the browser calls itself.
    pub user_agent: String,
}

/// Somebody signs in.
#[derive(Debug)]
pub struct SignIn {
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: SecretString,
    /// Where the request came from, if that is known: attempts are counted by it too.
    pub address: Option<IpAddr>,
    /// What the browser calls itself.
    pub user_agent: String,
}

/// Somebody who has just signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// What the browser keeps and sends along. Stored nowhere else.
    pub token: SecretString,
    /// Who it is.
    pub caller: Caller,
    /// When the session ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// What the next page tells the person, once: the answer to a form that was posted without scripts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Whether what the person asked for was done.
    pub good: bool,
    /// A sentence for a person.
    pub text: String,
    /// The field of the form that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What was typed into the form, without its secrets, so that nobody types it twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<serde_json::Value>,
}

impl Services {
    /// Who a session's token belongs to. `None` for a token that is unknown, or of a session that has ended.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn authenticate(&self, token: &str) -> ServiceResult<Option<Caller>> {
        if token.len() != 2 * RANDOM_BYTES {
            return Ok(None);
        }
        let now = self.clock.now();
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let Some(session) = sessions::find(&mut db, hash(token), now, now - IDLE).await? else { return Ok(None) };
        if now - session.last_seen_at >= SEEN_EVERY {
            sessions::touch(&mut db, session.id, now).await?;
        }
        let plan = plans::effective(&mut db, session.organization_id).await?;
        let plan = plan.unwrap_or_else(|| Plan::standard(session.plan));
        let caller = Caller {
            user_id: session.user_id,
            name: session.name,
            email: session.email,
            organization_id: session.organization_id,
            organization_name: session.organization_name,
            plan: Arc::new(plan),
            role: session.role,
            via: Via::Session(session.id),
        };
        audit::asked_by(&caller);
        Ok(Some(caller))
    }

    /// Ends the caller's session, in every tab and window of that browser.
    ///
    /// # Errors
    /// [`ServiceError::PolicyRefused`] for an API token, which has no session.
    pub async fn sign_out(&self, caller: &Caller) -> ServiceResult<()> {
        let session = caller.session()?;
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        sessions::delete(&mut tx, session).await?;
        let target = Target { kind: AuditTarget::Session, id: Some(session.to_string()), name: None };
        let entry = audit::entry(caller.organization_id, By::User(caller.user_id), AuditAction::SignOut, target);
        drift_store::audit::append(&mut tx, entry, self.clock.now()).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }

    /// Who the caller is, and where they may go.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn me(&self, caller: &Caller) -> ServiceResult<Me> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let memberships = people::memberships(&mut db, caller.user_id).await?;
        Ok(Me {
            name: caller.name.clone(),
            email: caller.email.clone(),
            organization: OrganizationView {
                id: caller.organization_id,
                name: caller.organization_name.clone(),
                plan: caller.plan.tier(),
                role: caller.role,
            },
            organizations: memberships.into_iter().map(organization_view).collect(),
        })
    }

    /// Turns the caller's session to another organization that they are a member of.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when there is no such organization or the caller is no member of it: the two are not told
    /// apart. [`ServiceError::Unauthenticated`] when the session has ended meanwhile.
    pub async fn switch_organization(&self, caller: &Caller, to: OrganizationId) -> ServiceResult<()> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        match sessions::switch_organization(&mut db, caller.session()?, caller.user_id, to).await {
            Err(error) if error.constraint() == Some(sessions::MEMBERS_ONLY) => {
                Err(ServiceError::NotFound("organization"))
            }
            Err(StoreError::WrongRows { .. }) => Err(ServiceError::Unauthenticated),
            result => Ok(result?),
        }
    }

    /// Leaves a notice for the caller's next page.
    ///
    /// # Errors
    /// [`ServiceError::Unauthenticated`] when the session has ended meanwhile.
    pub async fn leave_notice(&self, caller: &Caller, notice: &Notice) -> ServiceResult<()> {
        let notice = serde_json::to_value(notice).map_err(ServiceError::unavailable)?;
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        match sessions::put_notice(&mut db, caller.organization_id, caller.session()?, &notice).await {
            Err(StoreError::WrongRows { .. }) => Err(ServiceError::Unauthenticated),
            result => Ok(result?),
        }
    }

    /// Takes the notice that was left for the caller's next page, if any: it is told once.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn take_notice(&self, caller: &Caller) -> ServiceResult<Option<Notice>> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let notice = sessions::take_notice(&mut db, caller.organization_id, caller.session()?).await?;
        // One that another version left in another form is not worth an error page.
        Ok(notice.and_then(|notice| serde_json::from_value(notice).ok()))
    }

    /// Begins a session for a person in one of their organizations.
    pub(crate) async fn begin_session(
        &self,
        db: &mut PgConnection,
        user: &User,
        place: Membership,
        user_agent: &str,
    ) -> ServiceResult<SignedIn> {
        let now = self.clock.now();
        let token = random_token()?;
        let new = NewSession {
            id: SessionId(Uuid::now_v7()),
            token_hash: hash(token.expose_secret()),
            user_id: user.id,
            organization_id: place.organization_id,
            user_agent: &user_agent.chars().filter(|c| !c.is_control()).take(USER_AGENT_KEPT).collect::<String>(),
            expires_at: now + LONGEST,
        };
        sessions::insert(db, &new, now).await?;
        let target = Target { kind: AuditTarget::Session, id: Some(new.id.to_string()), name: None };
        let entry = audit::entry(place.organization_id, By::User(user.id), AuditAction::SignIn, target);
        drift_store::audit::append(db, entry, now).await?;
        let plan = plans::effective(db, place.organization_id).await?;
        let plan = plan.unwrap_or_else(|| Plan::standard(place.plan));
        let caller = Caller {
            user_id: user.id,
            name: user.name.clone(),
            email: user.email.clone(),
            organization_id: place.organization_id,
            organization_name: place.organization_name,
            plan: Arc::new(plan),
            role: place.role,
            via: Via::Session(new.id),
        };
        Ok(SignedIn { token, caller, expires_at: new.expires_at })
    }
}

fn organization_view(membership: Membership) -> OrganizationView {
    OrganizationView {
        id: membership.organization_id,
        name: membership.organization_name,
        plan: membership.plan,
        role: membership.role,
    }
}

/// Puts on the record what somebody did to their account or their organization's people.
pub(crate) async fn happened(
    db: &mut PgConnection,
    caller: &Caller,
    kind: &str,
    mut data: serde_json::Value,
    at: DateTime<Utc>,
) -> ServiceResult<()> {
    if let (Via::Token(token), Some(data)) = (caller.via, data.as_object_mut()) {
        data.insert("by_token".to_owned(), token.to_string().into());
    }
    happened_to(db, caller.organization_id, Some(caller.user_id), kind, data, at).await
}

/// The same, in an organization that the person does not look at.
pub(crate) async fn happened_to(
    db: &mut PgConnection,
    organization_id: OrganizationId,
    actor: Option<UserId>,
    kind: &str,
    data: serde_json::Value,
    at: DateTime<Utc>,
) -> ServiceResult<()> {
    let event = NewEvent { organization_id, environment_id: None, change_id: None, kind, actor, data };
    Ok(events::append(db, &event, at).await?)
}

/// What is stored of a token. The token is as random as a key, so a plain hash keeps it: there is nothing to guess.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    *blake3::hash(token.as_bytes()).as_bytes()
}

/// 256 random bits of the operating system, in hexadecimal digits. Not a parameter: a token that a test could choose could
/// be guessed.
pub(crate) fn random_token() -> ServiceResult<SecretString> {
    let mut bytes = [0; RANDOM_BYTES];
    OsRng.try_fill_bytes(&mut bytes).map_err(ServiceError::unavailable)?;
    Ok(hex::encode(bytes).into())
}
