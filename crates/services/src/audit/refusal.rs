//! What is refused leaves an entry, whoever refuses it: the doors note it where they turn an error into an answer.

use std::net::IpAddr;

use drift_domain::audit::{AuditAction, AuditTarget, AuditVia, Target};
use drift_domain::ids::TokenId;
use drift_store::StoreError;
use drift_store::audit::origin::{self, Asker, Refusal, Request};
use drift_store::audit::{self, By, NewEntry};
use serde_json::json;

use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Via};

/// Notes who asks, for what the request at work leaves in the log.
pub(crate) fn asked_by(caller: &Caller) {
    let token: Option<TokenId> = match caller.via {
        Via::Token(id) => Some(id),
        Via::Session(_) | Via::Approval(_) => None,
    };
    origin::asked_by(Asker { organization: caller.organization_id, user: caller.user_id, token });
}

/// Notes that the request at work is answered with this, if it is a refusal: by the plan, the role or a policy.
pub fn note_refusal(error: &ServiceError) {
    let (kind, what) = match error {
        ServiceError::PlanRequired { capability, .. } => ("PLAN", capability.as_str()),
        ServiceError::PlanLimit { capability, .. } => ("PLAN_LIMIT", capability.as_str()),
        ServiceError::RoleRequired { capability, .. } => ("ROLE", capability.as_str()),
        ServiceError::PolicyRefused { policy, .. } => ("POLICY", *policy),
        ServiceError::ApprovalRequired(_) => ("APPROVAL", "organization-policy"),
        _ => return,
    };
    origin::refuse(Refusal { kind, what: what.to_owned(), message: error.to_string() });
}

impl Services {
    /// Does what a request asks for, so that what it leaves in the log says where it came from, and what it is refused is in
    /// the log, too. `asked` is its method and route, without what an address may hold.
    pub async fn within_request<F: Future>(
        &self,
        via: AuditVia,
        address: Option<IpAddr>,
        user_agent: Option<&str>,
        asked: Option<String>,
        work: F,
    ) -> F::Output {
        let request = Request::new(via, address.map(|address| address.to_canonical().to_string()), user_agent, asked);
        let answer = origin::within(request.clone(), work).await;
        if let Some((asker, refusal)) = request.refused() {
            let asked = request.asked().map(str::to_owned);
            let written = origin::within(request, self.write_refusal(asker, refusal, asked)).await;
            if let Err(error) = written {
                // Nothing happened that the log would have to speak of; the answer stands.
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, "a refusal could not be written into the audit log");
            }
        }
        answer
    }

    async fn write_refusal(&self, asker: Asker, refusal: Refusal, asked: Option<String>) -> ServiceResult<()> {
        let target = Target { kind: AuditTarget::Capability, id: Some(refusal.what), name: None };
        let entry = NewEntry {
            after: Some(json!({ "refused_by": refusal.kind, "told": refusal.message, "asked": asked })),
            ..super::entry(asker.organization, By::User(asker.user), AuditAction::Refused, target)
        };
        let mut tx = self.tenant(asker.organization).await?;
        audit::append(&mut tx, entry, self.clock.now()).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }
}

/// Does what a subcommand is asked for, so that what it leaves in the log says so.
pub async fn by_command<F: Future>(via: AuditVia, work: F) -> F::Output {
    origin::within(Request::new(via, None, None, None), work).await
}
