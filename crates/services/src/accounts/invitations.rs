//! Invitations: an address, a role, and a link that ends.
//!
//! There are two links. One is mailed and nobody else sees it, so whoever comes with it reads the mail of that address. The
//! other is shown to whoever invites, for handing on where mail does not arrive; it shows nothing of that kind, and an
//! account made with it is not joined to an identity provider's until its address was shown to be its own.

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::ids::InvitationId;
use drift_domain::role::Role;
use drift_domain::views::{GreetingView, InvitationView};
use drift_store::invitations::{self, Invitation, Links, NewInvitation};
use drift_store::{PgConnection, StoreError, people};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use uuid::Uuid;

use super::members::{Checked, join};
use super::roster::{above, own_role};
use super::sign_in::{Limit, subject};
use super::{Person, SignedIn, fields, happened, hash, random_token};
use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Permit, cap};
use crate::mail::Letter;

/// How long an invitation's link works.
pub const INVITATION_LASTS: TimeDelta = TimeDelta::days(7);
/// Links that one organization sends within a quarter of an hour: nobody is flooded in its name.
const MAILS: Limit = Limit { kind: "invitations of", most: 40 };

/// An invitation that was just made or sent again. The link is stored nowhere: it is shown now or never.
#[derive(Debug)]
pub struct Invited {
    /// What is kept of it.
    pub invitation: InvitationView,
    /// The link, for handing on.
    pub link: SecretString,
    /// Whether another link was mailed.
    pub mailed: bool,
}

/// Somebody new who follows an invitation's link.
#[derive(Debug)]
pub struct Newcomer {
    /// The link's token.
    pub token: String,
    /// The person's name.
    pub name: String,
    /// The password that they chose.
    pub password: SecretString,
    /// What the browser calls itself.
    pub user_agent: String,
}

/// The secrets of both links, and what is kept of them.
struct Tokens {
    shown: SecretString,
    mailed: Option<SecretString>,
}

impl Tokens {
    fn new(mails: bool) -> ServiceResult<Self> {
        Ok(Self { shown: random_token()?, mailed: mails.then(random_token).transpose()? })
    }

    fn links(&self) -> Links {
        Links {
            shown: hash(self.shown.expose_secret()),
            mailed: self.mailed.as_ref().map(|token| hash(token.expose_secret())),
        }
    }
}

impl Services {
    /// Invites an address into the caller's organization.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] when the address is none, is a member's, or waits for an answer already;
    /// [`ServiceError::PolicyRefused`] when the role is above the caller's; [`ServiceError::RateLimited`].
    pub async fn invite(&self, permit: &Permit<cap::Members>, email: &str, role: Role) -> ServiceResult<Invited> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let email = fields::email("email", email)?;
        self.limit_mails(permit).await?;
        let now = self.clock.now();
        let tokens = Tokens::new(self.sends_mail())?;
        let mut tx = self.tenant(organization).await?;
        let own = own_role(&mut tx, caller).await?;
        if role > own {
            return Err(above(&format!("invite somebody as {role}"), own));
        }
        let members = people::members(&mut tx, organization).await?;
        if let Some(member) = members.iter().find(|member| member.email == email) {
            let message = format!("{} is a member already, as {}.", member.name, member.role);
            return Err(ServiceError::invalid("email", message));
        }
        let new = NewInvitation {
            organization_id: organization,
            id: InvitationId(Uuid::now_v7()),
            email: &email,
            role,
            links: tokens.links(),
            invited_by: caller.user_id,
            expires_at: now + INVITATION_LASTS,
        };
        match invitations::insert(&mut tx, &new, now).await {
            Err(error) if error.constraint() == Some(invitations::ONE_OPEN) => {
                let message = "This address is invited already. Send that invitation again, or take it back first.";
                return Err(ServiceError::invalid("email", message));
            }
            result => result?,
        }
        let data = json!({ "invitation": new.id, "email": email, "role": role });
        happened(&mut tx, caller, "invitation.created", data, now).await?;
        let invitation = Invitation {
            organization_id: organization,
            organization_name: caller.organization_name.clone(),
            id: new.id,
            email: email.clone(),
            role,
            invited_by: Some(caller.user_id),
            invited_by_name: Some(caller.name.clone()),
            sent_at: now,
            expires_at: new.expires_at,
        };
        let invited = self.hand_out(&mut tx, caller, invitation, tokens).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(invited)
    }

    /// Makes an invitation's links anew and mails one; the older ones end.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when it does not wait any more, [`ServiceError::PolicyRefused`] when its role is above the
    /// caller's, [`ServiceError::RateLimited`].
    pub async fn resend_invitation(&self, permit: &Permit<cap::Members>, id: InvitationId) -> ServiceResult<Invited> {
        let (organization, caller) = (permit.organization(), permit.caller());
        self.limit_mails(permit).await?;
        let now = self.clock.now();
        let tokens = Tokens::new(self.sends_mail())?;
        let mut tx = self.tenant(organization).await?;
        let mut invitation = self.open_invitation(&mut tx, caller, id).await?;
        (invitation.sent_at, invitation.expires_at) = (now, now + INVITATION_LASTS);
        gone(invitations::renew(&mut tx, organization, id, tokens.links(), now, invitation.expires_at).await)?;
        let data = json!({ "invitation": id, "email": invitation.email, "role": invitation.role });
        happened(&mut tx, caller, "invitation.sent_again", data, now).await?;
        let invited = self.hand_out(&mut tx, caller, invitation, tokens).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(invited)
    }

    /// Takes an invitation back: its links end.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when it does not wait any more, [`ServiceError::PolicyRefused`] when its role is above the
    /// caller's.
    pub async fn revoke_invitation(&self, permit: &Permit<cap::Members>, id: InvitationId) -> ServiceResult<()> {
        let mut tx = self.tenant(permit.organization()).await?;
        let invitation = self.open_invitation(&mut tx, permit.caller(), id).await?;
        let now = self.clock.now();
        gone(invitations::revoke(&mut tx, permit.organization(), id, now).await)?;
        let data = json!({ "invitation": id, "email": invitation.email, "role": invitation.role });
        happened(&mut tx, permit.caller(), "invitation.revoked", data, now).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }

    /// What an invitation says to whoever opens its link. `None` for a link that does not work, or not any more.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn greeting(&self, token: &str) -> ServiceResult<Option<GreetingView>> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let found = invitations::by_token(&mut db, &hash(token), self.clock.now()).await?;
        let Some((invitation, _)) = found else { return Ok(None) };
        let has_account = people::user_by_email(&mut db, &invitation.email).await?.is_some();
        Ok(Some(GreetingView {
            organization: invitation.organization_name,
            role: invitation.role,
            email: invitation.email,
            invited_by: invitation.invited_by_name,
            expires_at: invitation.expires_at,
            has_account,
        }))
    }

    /// Makes an account for the invited address, a member of the organization, and signs it in.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a link that does not work, [`ServiceError::Invalid`] when name or password cannot be
    /// used, [`ServiceError::Conflict`] when the address has an account: its person signs in with that.
    pub async fn accept_as_newcomer(&self, new: Newcomer) -> ServiceResult<SignedIn> {
        let now = self.clock.now();
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let (invitation, mailed) = invitation(&mut db, &hash(&new.token), now).await?;
        if people::user_by_email(&mut db, &invitation.email).await?.is_some() {
            return Err(ServiceError::Conflict(format!(
                "There is an account for {} already. Sign in with it, then open the link again.",
                invitation.email
            )));
        }
        drop(db);
        let person = Person { name: new.name, email: invitation.email.clone(), password: new.password };
        let checked = Checked::new(person).await?.verified(mailed);
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        let user = checked.insert(&mut tx, now).await?;
        let place = self.take(&mut tx, &invitation, &user, now).await?;
        let signed_in = self.begin_session(&mut tx, &user, place, &new.user_agent).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(signed_in)
    }

    /// Makes the caller a member of the organization that invited their address, and turns the session to it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a link that does not work, [`ServiceError::Conflict`] when somebody else is invited or
    /// the caller is a member already, [`ServiceError::PolicyRefused`] for an API token.
    pub async fn accept_as_member(&self, caller: &Caller, token: &str) -> ServiceResult<()> {
        caller.session()?;
        let now = self.clock.now();
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        let (invitation, mailed) = invitation(&mut tx, &hash(token), now).await?;
        if invitation.email != caller.email {
            return Err(ServiceError::Conflict(format!(
                "This invitation is for {}, and you are signed in as {}. Sign out first, then open the link again.",
                invitation.email, caller.email
            )));
        }
        let user = people::user(&mut tx, caller.user_id).await?.ok_or(ServiceError::Unauthenticated)?;
        self.take(&mut tx, &invitation, &user, now).await?;
        if mailed {
            people::verify_email(&mut tx, user.id, now).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        self.switch_organization(caller, invitation.organization_id).await
    }

    /// Makes a person a member by an invitation, on the record. One who is a member already keeps their role.
    pub(crate) async fn take(
        &self,
        db: &mut PgConnection,
        invitation: &Invitation,
        user: &people::User,
        now: DateTime<Utc>,
    ) -> ServiceResult<people::Membership> {
        let organization = invitation.organization_id;
        people::lock_members(db, organization).await?;
        if people::member(db, organization, user.id).await?.is_some() {
            return Err(ServiceError::Conflict(format!(
                "You are a member of {} already.",
                invitation.organization_name
            )));
        }
        gone(invitations::accept(db, organization, invitation.id, user.id, now).await)?;
        join(db, organization, user, invitation.role, invitation.invited_by, now).await
    }

    async fn limit_mails(&self, permit: &Permit<cap::Members>) -> ServiceResult<()> {
        let by_organization = subject(&self.secrets, &MAILS, &permit.organization().to_string());
        self.count_attempt(&[&by_organization]).await.map(drop)
    }

    /// An invitation that waits and that the caller may change.
    async fn open_invitation(
        &self,
        db: &mut PgConnection,
        caller: &Caller,
        id: InvitationId,
    ) -> ServiceResult<Invitation> {
        let own = own_role(db, caller).await?;
        let open = invitations::open(db, caller.organization_id).await?;
        let found = open.into_iter().find(|invitation| invitation.id == id);
        let invitation = found.ok_or(ServiceError::NotFound("invitation"))?;
        if invitation.role > own {
            return Err(above(&format!("change an invitation as {}", invitation.role), own));
        }
        Ok(invitation)
    }

    /// Mails one link and answers with the other.
    async fn hand_out(
        &self,
        db: &mut PgConnection,
        caller: &Caller,
        invitation: Invitation,
        tokens: Tokens,
    ) -> ServiceResult<Invited> {
        let link = |token: &SecretString| self.public_link(&format!("/invitations/{}", token.expose_secret()));
        if let Some(token) = &tokens.mailed {
            let letter = Letter::Invitation {
                to: invitation.email.clone(),
                organization: invitation.organization_name.clone(),
                role: invitation.role,
                invited_by: caller.name.clone(),
                link: link(token),
                expires_at: invitation.expires_at,
            };
            self.post(db, &letter, invitation.expires_at).await?;
        }
        let shown = link(&tokens.shown).into();
        let invitation = view(invitation, caller.role, self.clock.now());
        Ok(Invited { invitation, link: shown, mailed: tokens.mailed.is_some() })
    }
}

/// The invitation of a link, and whether the link was mailed.
pub(crate) async fn invitation(
    db: &mut PgConnection,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> ServiceResult<(Invitation, bool)> {
    invitations::by_token(db, token_hash, now).await?.ok_or(ServiceError::NotFound("invitation"))
}

fn gone(result: Result<(), StoreError>) -> ServiceResult<()> {
    match result {
        Err(StoreError::WrongRows { .. }) => Err(ServiceError::NotFound("invitation")),
        result => Ok(result?),
    }
}

/// An invitation as somebody of the role `own` sees it.
pub(super) fn view(invitation: Invitation, own: Role, now: DateTime<Utc>) -> InvitationView {
    InvitationView {
        id: invitation.id,
        email: invitation.email,
        role: invitation.role,
        invited_by: invitation.invited_by_name,
        sent_at: invitation.sent_at,
        expires_at: invitation.expires_at,
        expired: invitation.expires_at <= now,
        may_change: invitation.role <= own,
    }
}
