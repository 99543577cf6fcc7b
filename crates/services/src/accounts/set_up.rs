//! The first start: whoever comes first makes the organization and becomes its owner.

use drift_domain::audit::{AuditAction, AuditTarget, Target};
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_store::audit::By;
use drift_store::{StoreError, people};

use super::members::{Checked, Person, join};
use super::{SetUp, SignedIn, fields};
use crate::Services;
use crate::error::{ServiceError, ServiceResult};

/// The plan that a new installation's organization begins on: nobody has bought another one yet.
const FIRST_PLAN: PlanTier = PlanTier::Free;

impl Services {
    /// Whether nobody has an account yet, so that somebody has to set this installation up.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn needs_setup(&self) -> ServiceResult<bool> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        Ok(!people::any_user(&mut db).await?)
    }

    /// Makes the first organization and its owner, and signs the owner in. It works once, while nobody has an account: of
    /// two who try at once, one is told that they came second.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] when a field cannot be used, [`ServiceError::Conflict`] when it was done before.
    pub async fn set_up(&self, new: SetUp) -> ServiceResult<SignedIn> {
        // Before the work of hashing: a stranger on an installation that is in use gets nothing for free.
        if !self.needs_setup().await? {
            return Err(done_before());
        }
        let organization = fields::name("organization", "the organization's name", &new.organization)?;
        let owner = Checked::new(Person { name: new.name, email: new.email, password: new.password }).await?;

        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        people::lock_set_up(&mut tx).await?;
        if people::any_user(&mut tx).await? {
            return Err(done_before());
        }
        let named = organization.clone();
        let id = self.insert_organization(&mut tx, organization, FIRST_PLAN).await?;
        let at = self.clock.now();
        let user = owner.insert(&mut tx, at).await?;
        let place = join(&mut tx, id, &user, Role::Owner, Some(user.id), at).await?;
        let target = Target { kind: AuditTarget::Organization, id: Some(id.to_string()), name: Some(named) };
        let entry = crate::audit::entry(id, By::User(user.id), AuditAction::SetUp, target);
        drift_store::audit::append(&mut tx, entry, at).await?;
        let signed_in = self.begin_session(&mut tx, &user, place, &new.user_agent).await?;
        tx.commit().await.map_err(StoreError::from)?;
        tracing::info!(organization.id = %id, user.id = %user.id, "this installation was set up");
        Ok(signed_in)
    }
}

fn done_before() -> ServiceError {
    ServiceError::Conflict("This installation is set up already. Sign in instead.".to_owned())
}
