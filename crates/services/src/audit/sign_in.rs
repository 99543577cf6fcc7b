//! Sign-ins that failed. Whoever tries learns nothing from how long the answer takes: a failure is remembered alike whoever's the
//! address is, and put into the logs of its person's organizations afterwards.

use drift_domain::audit::{AuditAction, AuditTarget, Target};
use drift_store::audit::failures::{self, Failure};
use drift_store::audit::origin::{self, Request};
use drift_store::audit::{self, By};
use drift_store::{PgConnection, StoreError, people};

use super::seal::Archive;
use crate::Services;
use crate::error::ServiceResult;

/// Failures that one transaction looks up at most.
const AT_ONCE: i64 = 200;

/// Remembers that signing in with this address failed.
pub(crate) async fn remember_failure(services: &Services, email: &str) -> ServiceResult<()> {
    /// An address longer than this is none that a person has.
    const LONGEST: usize = 254;
    let email: String = email.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    let mut db = services.pool.acquire().await.map_err(StoreError::from)?;
    Ok(failures::remember(&mut db, &email, services.clock.now()).await?)
}

impl Archive {
    /// Puts the sign-ins that failed into the logs of the organizations that their person is a member of. What nobody's address
    /// was tried with is in no log.
    pub(super) async fn file_failed_sign_ins(&self) -> ServiceResult<()> {
        loop {
            let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
            let taken = failures::take(&mut tx, AT_ONCE).await?;
            let all = i64::try_from(taken.len()).is_ok_and(|taken| taken < AT_ONCE);
            for failure in taken {
                let request = Request::of(failure.origin.clone(), None);
                origin::within(request, file(&mut tx, &failure)).await?;
            }
            tx.commit().await.map_err(StoreError::from)?;
            if all {
                return Ok(());
            }
        }
    }
}

async fn file(db: &mut PgConnection, failure: &Failure) -> ServiceResult<()> {
    let Some(user) = people::user_by_email(db, &failure.email).await? else { return Ok(()) };
    for place in people::memberships(db, user.id).await? {
        let target = Target { kind: AuditTarget::User, id: Some(user.id.to_string()), name: Some(user.name.clone()) };
        let by = By::Unknown(&failure.email);
        let entry = super::entry(place.organization_id, by, AuditAction::SignInFailed, target);
        audit::append(db, entry, failure.at).await?;
    }
    Ok(())
}
