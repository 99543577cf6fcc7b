//! The one gate. A service method that does something for a person takes a [`Permit`], and only
//! [`Caller::permit`] makes one: a call that was not gated does not compile.
//!
//! ```compile_fail
//! use drift_services::gate::{cap, Caller, Permit};
//!
//! fn forge(caller: Caller) -> Permit<cap::Recheck> {
//!     Permit { caller, _capability: std::marker::PhantomData }
//! }
//! ```

use std::marker::PhantomData;

use drift_domain::ids::{OrganizationId, SessionId, UserId};
use drift_domain::plan::{Capability, Grant, PlanTier};
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
    pub plan: PlanTier,
    /// The person's role in it now.
    pub role: Role,
    /// The session that this came through.
    pub session_id: SessionId,
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
        /// See [`Capability::Diff`].
        Diff,
        /// See [`Capability::Recheck`].
        Recheck,
        /// See [`Capability::ConfirmVanished`].
        ConfirmVanished,
        /// See [`Capability::Configure`].
        Configure,
        /// See [`Capability::Incidents`].
        Incidents,
    }
}

/// Proof that this caller may use this capability. Its fields are private: the gate alone makes it.
#[derive(Clone, Debug)]
pub struct Permit<C> {
    caller: Caller,
    _capability: PhantomData<fn() -> C>,
}

impl<C> Permit<C> {
    /// Who was permitted.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The organization that the permit is for: the only one whose rows may be touched under it.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.caller.organization_id
    }
}

impl Caller {
    /// Asks the gate: the plan first, then the role.
    ///
    /// # Errors
    /// [`ServiceError::PlanRequired`] or [`ServiceError::RoleRequired`], naming what would do.
    pub fn permit<C: cap::Cap>(&self) -> ServiceResult<Permit<C>> {
        let capability = C::CAPABILITY;
        if capability.grant(self.plan) == Grant::None {
            let needs = capability.first_plan().unwrap_or(PlanTier::Enterprise);
            return Err(ServiceError::PlanRequired { capability, needs });
        }
        if self.role < capability.least_role() {
            return Err(ServiceError::RoleRequired { capability, needs: capability.least_role(), has: self.role });
        }
        Ok(Permit { caller: self.clone(), _capability: PhantomData })
    }

    /// Whether the gate would let this through: for what a screen offers, never for what the server does.
    #[must_use]
    pub fn may(&self, capability: Capability) -> bool {
        capability.grant(self.plan) != Grant::None && self.role >= capability.least_role()
    }
}
