//! Errors as RFC 9457 problem documents: one `match` over [`ServiceError`], for the whole API.

use axum::Json;
use axum::response::{IntoResponse, Response};
use drift_domain::plan::{Capability, PlanTier};
use drift_domain::role::Role;
use drift_services::ServiceError;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

/// `application/problem+json`: what happened, to what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// Which problem this is: a URI that stays the same from release to release.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub kind: Box<str>,
    /// The problem in a few words, the same for every occurrence.
    #[schema(value_type = String)]
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, and what to do: sentences for a person.
    pub detail: String,
    /// The field that cannot be used, by its name in the request (422).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub field: Option<&'static str>,
    /// What was asked for and not granted (402, 403).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capability: Option<Capability>,
    /// The first plan that grants it (402).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs_plan: Option<PlanTier>,
    /// The least role that may (403).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs_role: Option<Role>,
    /// The policy or limit that does not allow it (403).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub policy: Option<&'static str>,
    /// What happened since the caller looked, oldest first (409, 412).
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub meanwhile: Box<[String]>,
    /// Seconds to wait (429, 503); also in the header `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

impl Problem {
    /// A problem without particulars. `name` is the last part of its type.
    pub fn new(status: StatusCode, name: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:workflowops:problem:{name}").into(),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
            capability: None,
            needs_plan: None,
            needs_role: None,
            policy: None,
            meanwhile: Box::default(),
            retry_after: None,
        }
    }

    /// The request itself cannot be read.
    pub(crate) fn bad_request(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::new(status, "bad-request", "The request cannot be read", detail)
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        let detail = error.to_string();
        drift_services::audit::note_refusal(&error);
        match error {
            ServiceError::Unauthenticated => {
                Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Not signed in", detail)
            }
            ServiceError::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail),
            ServiceError::PlanRequired { capability, needs } => Self {
                capability: Some(capability),
                needs_plan: Some(needs),
                ..Self::new(StatusCode::PAYMENT_REQUIRED, "plan-required", "The plan does not have this", detail)
            },
            ServiceError::PlanLimit { capability, needs, message: _ } => Self {
                capability: Some(capability),
                needs_plan: Some(needs),
                ..Self::new(StatusCode::PAYMENT_REQUIRED, "plan-limit", "The plan has no more of this", detail)
            },
            ServiceError::RoleRequired { capability, needs, has: _ } => Self {
                capability: Some(capability),
                needs_role: Some(needs),
                ..Self::new(StatusCode::FORBIDDEN, "role-required", "The role may not do this", detail)
            },
            ServiceError::PolicyRefused { policy, message: _ } => Self {
                policy: Some(policy),
                ..Self::new(StatusCode::FORBIDDEN, "policy-refused", "A policy does not allow this", detail)
            },
            ServiceError::ApprovalRequired(needs) => Self {
                policy: Some("organization-policy"),
                needs_role: Some(needs.approvers),
                ..Self::new(StatusCode::FORBIDDEN, "approval-required", "A policy takes approval for this", detail)
            },
            ServiceError::Stale { meanwhile } => Self {
                meanwhile: meanwhile.into(),
                ..Self::new(StatusCode::CONFLICT, "stale", "It was changed since you looked", detail)
            },
            ServiceError::Invalid { field, message: _ } => Self {
                field: Some(field),
                ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A field cannot be used", detail)
            },
            ServiceError::Conflict(_) => {
                Self::new(StatusCode::CONFLICT, "conflict", "It does not fit the state of things", detail)
            }
            ServiceError::RateLimited { retry_after_seconds } => Self {
                retry_after: Some(u32::try_from(retry_after_seconds).unwrap_or(u32::MAX)),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", "Too many attempts", detail)
            },
            ServiceError::Unavailable(cause) => {
                tracing::error!(error = %cause, "a request failed by the product's own fault");
                Self {
                    retry_after: Some(5),
                    ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not possible just now", detail)
                }
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What a handler answers.
pub(crate) type Answer<T> = Result<T, Problem>;

#[cfg(test)]
mod tests {
    use super::*;

    /// Every error of the services, with the status and the type that programs rely on.
    #[test]
    fn each_error_has_its_status_and_names_what_would_help() {
        let cases: [(ServiceError, u16, &str); 11] = [
            (ServiceError::Unauthenticated, 401, "unauthenticated"),
            (ServiceError::NotFound("environment"), 404, "not-found"),
            (ServiceError::PlanRequired { capability: Capability::Diff, needs: PlanTier::Pro }, 402, "plan-required"),
            (
                ServiceError::RoleRequired { capability: Capability::Configure, needs: Role::Admin, has: Role::Viewer },
                403,
                "role-required",
            ),
            (
                ServiceError::PlanLimit {
                    capability: Capability::ManageIncidents,
                    needs: PlanTier::Agency,
                    message: "The Pro plan has one.".to_owned(),
                },
                402,
                "plan-limit",
            ),
            (ServiceError::policy("OVERRIDE_DAYS", "Overrides are not allowed."), 403, "policy-refused"),
            (ServiceError::Stale { meanwhile: vec!["Ada closed it.".to_owned()] }, 409, "stale"),
            (ServiceError::invalid("name", "The name is empty."), 422, "invalid"),
            (ServiceError::Conflict("It was decided already.".to_owned()), 409, "conflict"),
            (ServiceError::RateLimited { retry_after_seconds: 90 }, 429, "rate-limited"),
            (ServiceError::unavailable("password=hunter2 was refused"), 503, "unavailable"),
        ];
        for (error, status, name) in cases {
            let problem = Problem::from(error);
            assert_eq!((problem.status, &*problem.kind), (status, &*format!("urn:workflowops:problem:{name}")));
            assert!(!problem.detail.is_empty());
            assert!(!problem.detail.contains("hunter2"), "the cause of a fault is for the log alone");
        }
    }

    #[test]
    fn particulars_are_there_for_programs_too() {
        let plan = ServiceError::PlanRequired { capability: Capability::Diff, needs: PlanTier::Pro };
        assert_eq!(
            serde_json::to_value(Problem::from(plan)).unwrap(),
            serde_json::json!({
                "type": "urn:workflowops:problem:plan-required",
                "title": "The plan does not have this",
                "status": 402,
                "detail": "Seeing what differs inside a workflow needs the Pro plan or a higher one.",
                "capability": "DIFF",
                "needs_plan": "PRO",
            })
        );
        let response = Problem::from(ServiceError::RateLimited { retry_after_seconds: 90 }).into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "90");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    }
}
