//! The text of a policy that was made with a form.

use std::fmt::Write as _;

use drift_domain::policy::{PolicyAction, PolicyRules};
use drift_domain::role::Role;

/// The text that says what the rules of a form say. What every member who gets as far may do anyway makes no rule.
#[must_use]
pub fn text(rules: &PolicyRules) -> String {
    let mut out = String::new();
    let severe = "[\"HIGH\", \"CRITICAL\"].contains(context.incident.severity)";
    let not_severe = "!([\"HIGH\", \"CRITICAL\"].contains(context.incident.severity))";
    let roles = [
        (PolicyAction::Acknowledge, rules.acknowledge, not_severe, "Incidents are acknowledged by {who}"),
        (
            PolicyAction::Acknowledge,
            rules.acknowledge_severe,
            severe,
            "HIGH and CRITICAL incidents are acknowledged by {who}",
        ),
        (PolicyAction::Extend, rules.extend, "", "Incidents are extended by {who}"),
        (
            PolicyAction::Extend,
            rules.extend_expired,
            "context.incident.expired",
            "Expired incidents are extended by {who}",
        ),
        (PolicyAction::Override, rules.r#override, "", "Drift is overridden by {who}"),
        (PolicyAction::Decide, rules.decide, not_severe, "Changes are decided by {who}"),
        (
            PolicyAction::Decide,
            rules.decide_severe,
            severe,
            "Changes of HIGH and CRITICAL incidents are decided by {who}",
        ),
        (PolicyAction::DeployEmergency, rules.deploy_emergency, "", "Emergency deployments are made by {who}"),
        (PolicyAction::Close, rules.close, "", "Incidents are closed by {who}"),
    ];
    for (action, least, when, title) in roles {
        if least > Role::Operator {
            let (who, one) = people(least);
            let when = if when.is_empty() { String::new() } else { format!("when {{ {when} }}\n") };
            rule(
                &mut out,
                action,
                &title.replace("{who}", who),
                &format!("Ask {one} to do it."),
                &format!("{when}unless {{ principal in Role::\"{least}\" }}"),
            );
        }
    }
    approvals(&mut out, rules, severe);
    let PolicyRules { extension_hours: hours, extensions, override_days: days, .. } = *rules;
    rule(
        &mut out,
        PolicyAction::Extend,
        &format!("An extension gives {hours} hours at most"),
        &format!("Ask for {hours} hours or fewer."),
        &format!("when {{ context.hours > {hours} }}"),
    );
    rule(
        &mut out,
        PolicyAction::Extend,
        &format!("An incident is extended {extensions} times at most"),
        "Decide its changes, or have the policy changed by an administrator.",
        &format!("when {{ context.extensions >= {extensions} }}"),
    );
    let (title, instead) = match days {
        0 => ("Drift is not overridden".to_owned(), "Open an incident and decide the change.".to_owned()),
        days => (format!("An override lasts {days} days at most"), format!("Ask for {days} days or fewer.")),
    };
    rule(&mut out, PolicyAction::Override, &title, &instead, &format!("when {{ context.days > {days} }}"));
    out
}

fn approvals(out: &mut String, rules: &PolicyRules, severe: &str) {
    let approvers = rules.approvals.approvers;
    for (action, needed) in rules.approvals.each() {
        let what = match action {
            PolicyAction::Acknowledge => "Acknowledging",
            PolicyAction::Extend => "Giving more time",
            PolicyAction::Override => "Overriding drift",
            PolicyAction::Decide => "Deciding changes",
            PolicyAction::Close => "Closing",
            PolicyAction::DeployEmergency => continue,
        };
        let severe_of = match action {
            PolicyAction::Extend => " to HIGH and CRITICAL incidents",
            PolicyAction::Decide => " of HIGH and CRITICAL incidents",
            _ => " HIGH and CRITICAL incidents",
        };
        // An override knows of no incident.
        let of_severe = rules.approvals.severe_only && action != PolicyAction::Override;
        let (of, when) = match of_severe {
            true => (severe_of, format!("when {{ {severe} }}")),
            false => ("", String::new()),
        };
        let (one, many) = (people(approvers).1, people(approvers).0);
        let (title, instead) = match needed {
            0 => continue,
            1 => (format!("{what}{of} takes the approval of {one}"), format!("Ask {one} to approve it.")),
            n => (format!("{what}{of} takes the approval of {n} {many}"), format!("Ask {n} {many} to approve it.")),
        };
        let annotations = format!("@approvals(\"{needed}\")\n@approvers(\"{approvers}\")\n");
        annotated(out, action, &title, &instead, &annotations, &when);
    }
}

const fn people(least: Role) -> (&'static str, &'static str) {
    match least {
        Role::Viewer => ("members", "a member"),
        Role::Operator => ("operators", "an operator"),
        Role::Approver => ("approvers", "an approver"),
        Role::Admin => ("administrators", "an administrator"),
        Role::Owner => ("owners of the organization", "an owner of the organization"),
    }
}

fn rule(out: &mut String, action: PolicyAction, title: &str, instead: &str, conditions: &str) {
    annotated(out, action, title, instead, "", conditions);
}

fn annotated(out: &mut String, action: PolicyAction, title: &str, instead: &str, more: &str, conditions: &str) {
    let between = if out.is_empty() { "" } else { "\n" };
    let action = action.in_text();
    let _ = write!(
        out,
        "{between}@title(\"{title}\")\n@instead(\"{instead}\")\n{more}forbid (principal, action == Action::\"{action}\", resource)\n{conditions};\n"
    );
}
