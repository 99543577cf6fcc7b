//! Who is signed in, and where.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{InvitationId, OrganizationId, SessionId, TokenId, UserId};
use crate::plan::PlanTier;
use crate::role::Role;

/// Who is signed in, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    /// The person's name.
    pub name: String,
    /// The person's e-mail address.
    pub email: String,
    /// The organization looked at.
    pub organization: OrganizationView,
    /// Every organization that the person is a member of.
    pub organizations: Vec<OrganizationView>,
}

/// An organization, as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrganizationView {
    /// Its identifier.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its plan.
    pub plan: PlanTier,
    /// The member's role in it.
    pub role: Role,
}

/// A member of an organization, and what the one who looks may do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MemberView {
    /// The person.
    pub user_id: UserId,
    /// The person's name.
    pub name: String,
    /// The person's e-mail address.
    pub email: String,
    /// What the person may do.
    pub role: Role,
    /// When the person joined.
    pub joined_at: DateTime<Utc>,
    /// When the person was last seen here, to the minute.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Whether it is the one who looks.
    pub is_you: bool,
    /// The roles that the one who looks may give this member, the present one included. Empty: none.
    pub may_become: Vec<Role>,
    /// Whether the one who looks may remove this member.
    pub may_remove: bool,
}

/// An invitation that waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InvitationView {
    /// Its identifier.
    pub id: InvitationId,
    /// Who is invited.
    pub email: String,
    /// As what.
    pub role: Role,
    /// The name of who invited, while that person is known.
    pub invited_by: Option<String>,
    /// When its link was made.
    pub sent_at: DateTime<Utc>,
    /// When its link ends.
    pub expires_at: DateTime<Utc>,
    /// Whether the link has ended.
    pub expired: bool,
    /// Whether the one who looks may send it again or take it back.
    pub may_change: bool,
}

/// Who belongs to an organization, and who is invited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MembersView {
    /// The members, the most powerful first.
    pub members: Vec<MemberView>,
    /// The invitations that wait, the newest first.
    pub invitations: Vec<InvitationView>,
    /// The roles that the one who looks may invite as.
    pub may_invite_as: Vec<Role>,
    /// Whether invitations are mailed; where they are not, the link has to be handed on.
    pub mails: bool,
    /// When this was put together.
    pub now: DateTime<Utc>,
}

/// What an invitation says to whoever opens its link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GreetingView {
    /// The organization's name.
    pub organization: String,
    /// As what one joins.
    pub role: Role,
    /// Who is invited.
    pub email: String,
    /// The name of who invited.
    pub invited_by: Option<String>,
    /// When the link ends.
    pub expires_at: DateTime<Utc>,
    /// Whether the invited person has an account already, and so signs in with it.
    pub has_account: bool,
}

/// A signed-in browser of the one who looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionView {
    /// Its identifier.
    pub id: SessionId,
    /// What the browser calls itself.
    pub user_agent: String,
    /// The organization that it looks at.
    pub organization: String,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// Whether it is this one.
    pub current: bool,
}

/// An API token of the one who looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenView {
    /// Its identifier.
    pub id: TokenId,
    /// What its person calls it.
    pub name: String,
    /// The most that it may do; the person's own role bounds it again at every use.
    pub role: Role,
    /// Its last characters.
    pub ending: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Whether it has ended.
    pub expired: bool,
}

/// A person's own account, as the person sees it in one organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccountView {
    /// The person's name.
    pub name: String,
    /// The person's e-mail address.
    pub email: String,
    /// Whether the person has a password; one who signs in through an identity provider alone has none.
    pub has_password: bool,
    /// The browsers that the person is signed in with.
    pub sessions: Vec<SessionView>,
    /// The person's tokens in this organization.
    pub tokens: Vec<TokenView>,
    /// The roles that a token of the person may have.
    pub token_roles: Vec<Role>,
    /// When this was put together.
    pub now: DateTime<Utc>,
}
