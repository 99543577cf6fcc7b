//! What the form of a policy carries: texts, as they were typed, so that nobody types them twice.

use drift_domain::policy::{ApprovalRules, PolicyRules};
use drift_domain::role::Role;
use drift_services::policies::PolicyContent;
use drift_services::{ServiceError, ServiceResult};
use serde::{Deserialize, Serialize};

/// The fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    /// The policy that is changed; empty for a new one.
    pub id: String,
    /// The version that was seen of it.
    pub version: String,
    pub name: String,
    /// `text`, or anything else for a form.
    pub kind: String,
    pub text: String,
    pub acknowledge: String,
    pub acknowledge_severe: String,
    pub extend: String,
    pub extend_expired: String,
    pub extension_hours: String,
    pub extensions: String,
    pub r#override: String,
    pub override_days: String,
    pub decide: String,
    pub decide_severe: String,
    pub deploy_emergency: String,
    pub close: String,
    pub approve_acknowledge: String,
    pub approve_extend: String,
    pub approve_override: String,
    pub approve_decide: String,
    pub approve_close: String,
    /// `on` where only severe incidents take approvals.
    pub severe_only: String,
    pub approvers: String,
    /// Days that a trial looks back.
    pub days: String,
}

impl Fields {
    /// A form that says what rules say.
    pub(crate) fn of(rules: &PolicyRules) -> Self {
        let approvals = rules.approvals;
        Self {
            acknowledge: rules.acknowledge.to_string(),
            acknowledge_severe: rules.acknowledge_severe.to_string(),
            extend: rules.extend.to_string(),
            extend_expired: rules.extend_expired.to_string(),
            extension_hours: rules.extension_hours.to_string(),
            extensions: rules.extensions.to_string(),
            r#override: rules.r#override.to_string(),
            override_days: rules.override_days.to_string(),
            decide: rules.decide.to_string(),
            decide_severe: rules.decide_severe.to_string(),
            deploy_emergency: rules.deploy_emergency.to_string(),
            close: rules.close.to_string(),
            approve_acknowledge: approvals.acknowledge.to_string(),
            approve_extend: approvals.extend.to_string(),
            approve_override: approvals.r#override.to_string(),
            approve_decide: approvals.decide.to_string(),
            approve_close: approvals.close.to_string(),
            severe_only: if approvals.severe_only { "on" } else { "" }.to_owned(),
            approvers: approvals.approvers.to_string(),
            ..Self::default()
        }
    }

    /// A text.
    pub(crate) fn written(text: String) -> Self {
        Self { kind: "text".to_owned(), text, ..Self::default() }
    }

    pub(crate) fn is_text(&self) -> bool {
        self.kind == "text"
    }

    /// What was typed, as the services take it.
    pub(crate) fn content(&self) -> ServiceResult<PolicyContent> {
        if self.is_text() {
            return Ok(PolicyContent::Text(self.text.clone()));
        }
        Ok(PolicyContent::Form(PolicyRules {
            acknowledge: role("acknowledge", &self.acknowledge)?,
            acknowledge_severe: role("acknowledge_severe", &self.acknowledge_severe)?,
            extend: role("extend", &self.extend)?,
            extend_expired: role("extend_expired", &self.extend_expired)?,
            extension_hours: number("extension_hours", &self.extension_hours)?,
            extensions: number("extensions", &self.extensions)?,
            r#override: role("override", &self.r#override)?,
            override_days: number("override_days", &self.override_days)?,
            decide: role("decide", &self.decide)?,
            decide_severe: role("decide_severe", &self.decide_severe)?,
            deploy_emergency: role("deploy_emergency", &self.deploy_emergency)?,
            close: role("close", &self.close)?,
            approvals: ApprovalRules {
                acknowledge: number("approvals", &self.approve_acknowledge)?,
                extend: number("approvals", &self.approve_extend)?,
                r#override: number("approvals", &self.approve_override)?,
                decide: number("approvals", &self.approve_decide)?,
                close: number("approvals", &self.approve_close)?,
                severe_only: self.severe_only == "on",
                approvers: role("approvers", &self.approvers)?,
            },
        }))
    }
}

fn role(field: &'static str, text: &str) -> ServiceResult<Role> {
    text.parse().map_err(|_| ServiceError::invalid(field, "Choose one of the roles."))
}

/// A whole number that a field holds.
pub(crate) fn number(field: &'static str, text: &str) -> ServiceResult<u32> {
    text.trim().parse().map_err(|_| ServiceError::invalid(field, "Write a whole number."))
}

#[cfg(test)]
mod tests {
    use drift_domain::policy::PolicyTemplate;

    use super::*;

    #[test]
    fn a_form_says_again_what_it_was_made_of() {
        for template in PolicyTemplate::ALL {
            let rules = template.rules();
            assert_eq!(Fields::of(&rules).content().unwrap(), PolicyContent::Form(rules), "{template}");
        }
        let wrong = Fields { extensions: "often".to_owned(), ..Fields::of(&PolicyTemplate::Standard.rules()) };
        assert!(matches!(wrong.content(), Err(ServiceError::Invalid { field: "extensions", .. })));
        assert_eq!(Fields::written("x".to_owned()).content().unwrap(), PolicyContent::Text("x".to_owned()));
    }
}
