//! What a person wants by mail.

use drift_domain::audit::{AuditAction, AuditTarget, Target};
use drift_domain::notification::NoticeKind;
use drift_store::StoreError;
use drift_store::audit::{By, NewEntry};
use drift_store::notifications::preferences;
use serde_json::json;

use crate::Services;
use crate::error::ServiceResult;
use crate::gate::{Permit, cap};

impl Services {
    /// The kinds of events that the caller is mailed, in the organization that they look at.
    ///
    /// # Errors
    /// [`crate::ServiceError::Unavailable`] when the database does not answer.
    pub async fn notification_preferences(&self, permit: &Permit<cap::Account>) -> ServiceResult<Vec<NoticeKind>> {
        let mut db = self.tenant(permit.organization()).await?;
        Ok(preferences::get(&mut db, permit.organization(), permit.caller().user_id).await?)
    }

    /// Sets them.
    ///
    /// # Errors
    /// [`crate::ServiceError::Unavailable`] when the database does not answer.
    pub async fn set_notification_preferences(
        &self,
        permit: &Permit<cap::Account>,
        kinds: &[NoticeKind],
    ) -> ServiceResult<()> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let mut tx = self.tenant(organization).await?;
        preferences::set(&mut tx, organization, caller.user_id, kinds).await?;
        let target =
            Target { kind: AuditTarget::User, id: Some(caller.user_id.to_string()), name: Some(caller.name.clone()) };
        let entry = NewEntry {
            after: Some(json!({ "by_mail": kinds })),
            ..crate::audit::entry(organization, By::User(caller.user_id), AuditAction::PreferencesSet, target)
        };
        drift_store::audit::append(&mut tx, entry, self.clock.now()).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }
}
