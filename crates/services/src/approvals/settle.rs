//! What approvals do to an act that a policy takes them for: asked in the act's own transaction.

use chrono::{DateTime, Utc};
use drift_domain::approval::ApprovalState;
use drift_domain::ids::EnvironmentId;
use drift_domain::policy::PolicyAction;
use drift_domain::role::Role;
use drift_store::PgConnection;
use drift_store::approvals::{self, End};
use drift_store::events::{self, NewEvent};
use serde_json::json;

use super::{counted, counts, hands, spoken, tell, voices};
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Via};

/// The approvals that a policy takes for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// How many.
    pub needed: u32,
    /// The least role of those who give them.
    pub approvers: Role,
    /// The rules that ask, by their titles.
    pub rules: Vec<String>,
    /// The policy, its rules, and what to do, for a person.
    pub message: String,
}

/// Ends the request that an act is carried out for, in the act's own transaction: whatever happens, it happens once.
///
/// # Errors
/// [`ServiceError::Conflict`] when it was carried out already, or is not approved.
pub(crate) async fn once(db: &mut PgConnection, caller: &Caller, now: DateTime<Utc>) -> ServiceResult<()> {
    let Via::Approval(id) = caller.via else { return Ok(()) };
    let organization = caller.organization_id;
    let record = approvals::lock(db, organization, id).await?.ok_or(ServiceError::NotFound("approval"))?;
    let done = End { state: ApprovalState::Done, by: None, reason: None };
    if record.by.id != caller.user_id
        || !approvals::step(db, organization, id, ApprovalState::Approved, done, now).await?
    {
        let message =
            format!("It is {} by now, and an approval is good for once.", record.state.label().to_lowercase());
        return Err(ServiceError::Conflict(message));
    }
    let given = voices(db, organization, id).await?;
    let by: Vec<_> = given.iter().filter(|voice| counts(voice, record.approvers)).map(spoken).collect();
    tell(db, organization, &record, "approval.done", None, json!({ "approved_by": by }), now).await
}

/// Lets an act pass that enough others have approved. An owner whom too few are left to approve for passes, too, and that is put
/// on record: enforcement never blocks the way to the end (standing rule 6).
///
/// # Errors
/// [`ServiceError::ApprovalRequired`] for what nobody has approved yet; [`ServiceError::Conflict`] for what was approved by
/// fewer than the policy takes by now.
pub(crate) async fn settle(
    db: &mut PgConnection,
    caller: &Caller,
    environment: EnvironmentId,
    action: PolicyAction,
    needs: Needs,
    now: DateTime<Utc>,
) -> ServiceResult<()> {
    let organization = caller.organization_id;
    if let Via::Approval(id) = caller.via {
        let given = counted(&voices(db, organization, id).await?, needs.approvers);
        if given >= needs.needed as usize {
            return Ok(());
        }
        let message = format!(
            "The policy takes {} approvals by now, and {given} of those given count. Ask for approval again.",
            needs.needed
        );
        return Err(ServiceError::Conflict(message));
    }
    if caller.role == Role::Owner {
        let could = hands(db, organization, caller.user_id, needs.approvers, now).await?;
        if could < needs.needed as usize {
            let data = json!({
                "action": action, "rules": needs.rules, "needed": needs.needed, "approvers": needs.approvers,
                "could": could,
            });
            let event = NewEvent {
                organization_id: organization,
                environment_id: Some(environment),
                change_id: None,
                kind: "approval.waived",
                actor: Some(caller.user_id),
                data,
            };
            events::append(db, &event, now).await?;
            return Ok(());
        }
    }
    Err(ServiceError::ApprovalRequired(Box::new(needs)))
}
