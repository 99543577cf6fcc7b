//! What a person wants by mail.

use drift_domain::notification::NoticeKind;
use drift_store::StoreError;
use drift_store::notifications::preferences;

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
        let mut tx = self.tenant(permit.organization()).await?;
        preferences::set(&mut tx, permit.organization(), permit.caller().user_id, kinds).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }
}
