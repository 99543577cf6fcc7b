//! What somebody has viewed of an incident: each person's own, so that nobody reads fifty changes twice. It decides nothing, is
//! nobody else's business, and stands in no record.

use drift_domain::ids::{ChangeId, IncidentId};
use drift_domain::views::Ticks;
use drift_store::{StoreError, viewed};

use super::{found, page};
use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

impl Services {
    /// Ticks a change of an incident as viewed by the caller, who saw it with this `content`; without one, takes the tick away.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the caller's organization has no such incident, or it no such change;
    /// [`ServiceError::Invalid`] when the content is none; [`ServiceError::Conflict`] when the change holds something else by now.
    pub async fn set_viewed(
        &self,
        permit: &Permit<cap::Incidents>,
        id: IncidentId,
        change: ChangeId,
        content: Option<&str>,
    ) -> ServiceResult<Ticks> {
        let (organization, user) = (permit.organization(), permit.caller().user_id);
        let mut tx = self.tenant(organization).await?;
        let record = found(&mut tx, organization, id).await?;
        page::one(&mut tx, organization, &record, change).await?;
        match content {
            Some(content) => {
                let content = content.parse().map_err(|_| {
                    ServiceError::invalid(
                        "content",
                        "This is no content of a change. Take the one that the change is shown with.",
                    )
                })?;
                if !viewed::tick(&mut tx, organization, user, (id, change), content, self.clock.now()).await? {
                    let why =
                        "This change has moved on since you looked at it. Look at it as it is now, and tick that.";
                    return Err(ServiceError::Conflict(why.to_owned()));
                }
            }
            None => viewed::untick(&mut tx, organization, user, change).await?,
        }
        let viewed = viewed::count(&mut tx, organization, user, id).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Ticks { viewed, of: super::list::row(&record).changes })
    }
}
