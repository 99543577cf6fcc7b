//! The one gate. A service method that does something for a person takes a [`Permit`], and only
//! [`Caller::permit`] makes one: a call that was not gated does not compile.
//!
//! ```compile_fail
//! use drift_services::gate::{cap, Caller, Permit};
//!
//! fn forge(caller: Caller) -> Permit<cap::Recheck> {
//!     Permit { plan: caller.plan.clone(), caller, _capability: std::marker::PhantomData }
//! }
//! ```

use std::marker::PhantomData;
use std::sync::Arc;

use drift_domain::ids::{ApprovalId, OrganizationId, SessionId, TokenId, UserId};
use drift_domain::plan::{Capability, Grant, Plan, PlanTier};
use drift_domain::role::Role;

use crate::error::{ServiceError, ServiceResult};

/// Who asks: a person, as a member of one organization. Made by signing in; everything is answered for this
/// organization alone (standing rule 9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The person.
    pub user_id: UserId,
    /// The person's name.
    pub name: String,
    /// The person's e-mail address.
    pub email: String,
    /// The organization that the person acts in.
    pub organization_id: OrganizationId,
    /// The organization's name.
    pub organization_name: String,
    /// The organization's plan now.
    pub plan: Arc<Plan>,
    /// The person's role in it now.
    pub role: Role,
    /// What this came through.
    pub via: Via,
}

/// What somebody came in through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// A signed-in browser.
    Session(SessionId),
    /// An API token. [`Caller::role`] is bounded by the token's.
    Token(TokenId),
    /// A request that others have approved: it is carried out for whoever asked.
    Approval(ApprovalId),
}

impl Caller {
    /// The session that this came through, for what only somebody at a browser may do.
    ///
    /// # Errors
    /// [`ServiceError::PolicyRefused`] for an API token.
    pub fn session(&self) -> ServiceResult<SessionId> {
        match self.via {
            Via::Session(id) => Ok(id),
            Via::Token(_) | Via::Approval(_) => Err(ServiceError::policy(
                "session-required",
                "An API token cannot do this: it takes a person who has signed in. Sign in with a browser and do it there.",
            )),
        }
    }
}

/// The capabilities as types, for [`Permit`].
pub mod cap {
    use drift_domain::plan::Capability;

    /// A capability at the type level.
    pub trait Cap {
        /// The same as a value.
        const CAPABILITY: Capability;
    }

    macro_rules! caps {
        ($($(#[$meta:meta])* $name:ident,)+) => {$(
            $(#[$meta])*
            #[derive(Clone, Copy, Debug)]
            pub enum $name {}
            impl Cap for $name {
                const CAPABILITY: Capability = Capability::$name;
            }
        )+};
    }

    caps! {
        /// See [`Capability::Visibility`].
        Visibility,
        /// See [`Capability::Summary`].
        Summary,
        /// See [`Capability::Override`].
        Override,
        /// See [`Capability::Incidents`].
        Incidents,
        /// See [`Capability::ManageIncidents`].
        ManageIncidents,
        /// See [`Capability::Diff`].
        Diff,
        /// See [`Capability::Lifecycle`].
        Lifecycle,
        /// See [`Capability::Stabilize`].
        Stabilize,
        /// See [`Capability::Ownership`].
        Ownership,
        /// See [`Capability::TicketLink`].
        TicketLink,
        /// See [`Capability::AdjustSeverity`].
        AdjustSeverity,
        /// See [`Capability::Extend`].
        Extend,
        /// See [`Capability::Decide`].
        Decide,
        /// See [`Capability::Execute`].
        Execute,
        /// See [`Capability::Deploy`].
        Deploy,
        /// See [`Capability::Recheck`].
        Recheck,
        /// See [`Capability::ConfirmVanished`].
        ConfirmVanished,
        /// See [`Capability::Configure`].
        Configure,
        /// See [`Capability::RequestUpgrade`].
        RequestUpgrade,
        /// See [`Capability::ManagePlan`].
        ManagePlan,
        /// See [`Capability::Members`].
        Members,
        /// See [`Capability::Account`].
        Account,
        /// See [`Capability::Notifications`].
        Notifications,
        /// See [`Capability::Metrics`].
        Metrics,
        /// See [`Capability::Audit`].
        Audit,
        /// See [`Capability::Approvals`].
        Approvals,
        /// See [`Capability::Policies`].
        Policies,
        /// See [`Capability::Reports`].
        Reports,
        /// See [`Capability::Retention`].
        Retention,
        /// See [`Capability::Holds`].
        Holds,
    }
}

/// Proof that this caller may use this capability. Its fields are private: the gate alone makes it.
#[derive(Clone, Debug)]
pub struct Permit<C> {
    caller: Caller,
    plan: Arc<Plan>,
    _capability: PhantomData<fn() -> C>,
}

impl<C> Permit<C> {
    /// Who was permitted.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The plan that it was permitted under: the organization's, or the one that an incident keeps.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The organization that the permit is for: the only one whose rows may be touched under it.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.caller.organization_id
    }
}

impl Caller {
    /// Asks the gate: the plan first, then the role. What the permit is used on is found, or not, by the service, which
    /// knows this organization's rows alone; where "not yours" must come before "not in the plan", the services' own
    /// gates for an environment and an incident look first.
    ///
    /// # Errors
    /// [`ServiceError::PlanRequired`] or [`ServiceError::RoleRequired`], naming what would do.
    pub fn permit<C: cap::Cap>(&self) -> ServiceResult<Permit<C>> {
        self.permit_under(&self.plan)
    }

    /// Asks the gate under the plan that an incident keeps (product, Incidents).
    ///
    /// # Errors
    /// [`ServiceError::PlanRequired`] or [`ServiceError::RoleRequired`], naming what would do.
    pub(crate) fn permit_under<C: cap::Cap>(&self, plan: &Arc<Plan>) -> ServiceResult<Permit<C>> {
        self.ask(C::CAPABILITY, plan)?;
        Ok(Permit { caller: self.clone(), plan: Arc::clone(plan), _capability: PhantomData })
    }

    fn ask(&self, capability: Capability, plan: &Plan) -> ServiceResult<()> {
        if plan.grant(capability) == Grant::None {
            let needs = capability.first_plan().unwrap_or(PlanTier::Enterprise);
            return Err(ServiceError::PlanRequired { capability, needs });
        }
        if self.role < capability.least_role() {
            return Err(ServiceError::RoleRequired { capability, needs: capability.least_role(), has: self.role });
        }
        Ok(())
    }

    /// Whether the gate would let this through: for what a screen offers, never for what the server does.
    #[must_use]
    pub fn may(&self, capability: Capability) -> bool {
        self.ask(capability, &self.plan).is_ok()
    }

    /// Why the gate would not let this through under a plan, for a screen to say.
    #[must_use]
    pub fn refusal_under(&self, capability: Capability, plan: &Plan) -> Option<ServiceError> {
        self.ask(capability, plan).err()
    }
}
