//! The members of an organization: who they are, what they may do, and how they go.
//!
//! Rules that concern two members are looked at under a lock on the organization, with the roles of that moment: a role
//! that was taken away a second ago gives nothing away any more. That an organization keeps an owner, the database says
//! again.

use drift_domain::audit::{AuditAction, AuditTarget, Target};
use drift_domain::ids::{OrganizationId, UserId};
use drift_domain::plan::{Capability, PlanTier};
use drift_domain::role::Role;
use drift_domain::views::{InvitationView, MemberView, MembersView};
use drift_store::audit::By;
use drift_store::{PgConnection, StoreError, invitations, people};
use serde_json::json;

use super::{happened, invitations::view as invitation_view};
use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Permit, cap};

/// The roles that `role` may give: its own and those below. The gate has seen that members are its business.
pub(super) fn may_give(role: Role) -> Vec<Role> {
    Role::ALL.iter().copied().filter(|given| *given <= role).collect()
}

impl Services {
    /// Who belongs to the caller's organization. Everybody in it may know; invitations are for those who can invite.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn members(&self, permit: &Permit<cap::Visibility>) -> ServiceResult<MembersView> {
        let caller = permit.caller();
        let manages = caller.may(Capability::Members);
        let now = self.clock.now();
        let mut tx = self.tenant(permit.organization()).await?;
        let members = people::members(&mut tx, permit.organization()).await?;
        let waiting = if manages { invitations::open(&mut tx, permit.organization()).await? } else { Vec::new() };
        let owners = members.iter().filter(|member| member.role == Role::Owner).count();
        let members = members.into_iter().map(|member| {
            let is_you = member.user_id == caller.user_id;
            let within = manages && member.role <= caller.role;
            let last_owner = member.role == Role::Owner && owners == 1;
            MemberView {
                may_become: if within && !last_owner { may_give(caller.role) } else { Vec::new() },
                may_remove: within && !last_owner && !is_you,
                user_id: member.user_id,
                name: member.name,
                email: member.email,
                role: member.role,
                joined_at: member.joined_at,
                last_seen_at: member.last_seen_at,
                is_you,
            }
        });
        let waiting: Vec<InvitationView> =
            waiting.into_iter().map(|invitation| invitation_view(invitation, caller.role, now)).collect();
        Ok(MembersView {
            members: members.collect(),
            invitations: waiting,
            may_invite_as: if manages { may_give(caller.role) } else { Vec::new() },
            mails: self.sends_mail(),
            now,
        })
    }

    /// Changes what a member may do.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when there is no such member, [`ServiceError::PolicyRefused`] when either role is above the
    /// caller's, [`ServiceError::Conflict`] when it would leave the organization without an owner.
    pub async fn change_role(&self, permit: &Permit<cap::Members>, user: UserId, role: Role) -> ServiceResult<()> {
        let organization = permit.organization();
        let mut tx = self.tenant(organization).await?;
        let own = own_role(&mut tx, permit.caller()).await?;
        let (name, before) = target(&mut tx, organization, user, own).await?;
        if role > own {
            return Err(above(&format!("give the role {role}"), own));
        }
        if before == role {
            return Ok(());
        }
        keeps_owner(people::set_role(&mut tx, organization, user, role).await)?;
        let data = json!({ "user": user, "name": name, "from": before, "to": role });
        happened(&mut tx, permit.caller(), "member.role_changed", data, self.clock.now()).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }

    /// Ends somebody's membership, with their sessions and tokens in this organization.
    ///
    /// # Errors
    /// As [`Services::change_role`].
    pub async fn remove_member(&self, permit: &Permit<cap::Members>, user: UserId) -> ServiceResult<()> {
        let organization = permit.organization();
        let mut tx = self.tenant(organization).await?;
        let own = own_role(&mut tx, permit.caller()).await?;
        let (name, role) = target(&mut tx, organization, user, own).await?;
        keeps_owner(people::delete_membership(&mut tx, organization, user).await)?;
        let data = json!({ "user": user, "name": name, "role": role });
        happened(&mut tx, permit.caller(), "member.removed", data, self.clock.now()).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }

    /// Ends the caller's own membership, with their sessions and tokens in this organization, this one included.
    ///
    /// # Errors
    /// [`ServiceError::Conflict`] when the caller is the only owner, [`ServiceError::PolicyRefused`] for an API token.
    pub async fn leave_organization(&self, permit: &Permit<cap::Account>) -> ServiceResult<()> {
        let caller = permit.caller();
        caller.session()?;
        let organization = permit.organization();
        let mut tx = self.tenant(organization).await?;
        let role = own_role(&mut tx, caller).await?;
        keeps_owner(people::delete_membership(&mut tx, organization, caller.user_id).await)?;
        let data = json!({ "user": caller.user_id, "name": caller.name, "role": role });
        happened(&mut tx, caller, "member.left", data, self.clock.now()).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }

    /// Makes a further organization, on the Free plan, with the caller as its owner, and turns the session to it.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] when the name cannot be used, [`ServiceError::Conflict`] when the person owns too many,
    /// [`ServiceError::PolicyRefused`] for an API token.
    pub async fn found_organization(&self, permit: &Permit<cap::Account>, name: &str) -> ServiceResult<OrganizationId> {
        /// Organizations that one person may own: each is watched in the background.
        const MOST: usize = 20;
        let caller = permit.caller();
        caller.session()?;
        let name = super::fields::name("organization", "the organization's name", name)?;
        let now = self.clock.now();
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        let owned = people::memberships(&mut tx, caller.user_id).await?;
        if owned.iter().filter(|place| place.role == Role::Owner).count() >= MOST {
            return Err(ServiceError::Conflict(format!("You own {MOST} organizations already, and that is the most.")));
        }
        let id = self.insert_organization(&mut tx, name.clone(), PlanTier::Free).await?;
        let user = people::user(&mut tx, caller.user_id).await?.ok_or(ServiceError::Unauthenticated)?;
        super::members::join(&mut tx, id, &user, Role::Owner, Some(caller.user_id), now).await?;
        let target = Target { kind: AuditTarget::Organization, id: Some(id.to_string()), name: Some(name) };
        let entry = crate::audit::entry(id, By::User(caller.user_id), AuditAction::OrganizationFounded, target);
        drift_store::audit::append(&mut tx, entry, now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        self.switch_organization(caller, id).await?;
        Ok(id)
    }
}

/// The caller's role at this moment, never above the one that they came with. Everybody else who changes members waits.
pub(super) async fn own_role(db: &mut PgConnection, caller: &Caller) -> ServiceResult<Role> {
    people::lock_members(db, caller.organization_id).await?;
    let now = people::member(db, caller.organization_id, caller.user_id).await?;
    let (_, role) = now.ok_or(ServiceError::Unauthenticated)?;
    let own = role.min(caller.role);
    Ok(own)
}

/// A member whom somebody of the role `own` may change: an administrator does not touch an owner.
async fn target(
    db: &mut PgConnection,
    organization: OrganizationId,
    user: UserId,
    own: Role,
) -> ServiceResult<(String, Role)> {
    let (name, role) = people::member(db, organization, user).await?.ok_or(ServiceError::NotFound("member"))?;
    if role > own { Err(above(&format!("change {name}, whose role is {role}"), own)) } else { Ok((name, role)) }
}

/// Nobody reaches above their own role.
pub(super) fn above(what: &str, own: Role) -> ServiceError {
    let message = format!("Your role is {own}, so you cannot {what}. Ask somebody whose role is as high.");
    ServiceError::policy("not-above-own-role", message)
}

fn keeps_owner(result: Result<(), StoreError>) -> ServiceResult<()> {
    match result {
        Err(error) if error.constraint() == Some(people::KEEPS_AN_OWNER) => Err(ServiceError::Conflict(
            "An organization keeps an owner, and this is its last one. Make somebody else an owner first.".to_owned(),
        )),
        result => Ok(result?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gives_more_than_they_have() {
        assert_eq!(may_give(Role::Admin), [Role::Viewer, Role::Operator, Role::Approver, Role::Admin]);
        assert_eq!(may_give(Role::Owner).last(), Some(&Role::Owner));
    }
}
