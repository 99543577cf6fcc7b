//! What policies allow, and which are not kept.

use drift_domain::change::DecisionKind;
use drift_domain::environment::EnvironmentClass::{self, Production, Staging};
use drift_domain::policy::{ApprovalRules, PolicyRules, PolicyTemplate};
use drift_domain::role::Role::{self, Admin, Approver, Operator, Owner};
use drift_domain::severity::Severity::{self, Critical, High, Low, Medium};
use drift_policy::{Approval, Ask, Asker, IncidentFacts, Policy, Refusal, text};
use proptest::prelude::*;

fn read(text: &str) -> Policy {
    Policy::read(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn unusable(text: &str) -> String {
    Policy::read(text).expect_err(text).to_string()
}

const fn asker(role: Role) -> Asker {
    Asker { role, class: Production }
}

const fn incident(severity: Severity) -> IncidentFacts {
    IncidentFacts { severity, expired: false, owner: false }
}

fn titles(refusals: &[Refusal]) -> Vec<&str> {
    refusals.iter().map(|refusal| refusal.title.as_str()).collect()
}

const EXPIRED: &str = r#"
@title("Expired incidents are extended by administrators")
@instead("Ask an administrator to extend it.")
forbid (principal, action == Action::"extend", resource)
when { context.incident.expired && resource.class == "PRODUCTION" }
unless { principal in Role::"ADMIN" };
"#;

#[test]
fn a_rule_refuses_with_its_title_and_the_way_out() {
    let policy = read(EXPIRED);
    let extend =
        |expired| Ask::Extend { incident: IncidentFacts { expired, ..incident(Low) }, hours: 1, extensions: 0 };
    let refusals = policy.refusals(asker(Approver), extend(true));
    assert_eq!(titles(&refusals), ["Expired incidents are extended by administrators"]);
    assert_eq!(refusals[0].instead, "Ask an administrator to extend it.");
    for (role, class, expired) in
        [(Admin, Production, true), (Owner, Production, true), (Operator, Staging, true), (Operator, Production, false)]
    {
        assert_eq!(policy.refusals(Asker { role, class }, extend(expired)), vec![], "{role} {class} {expired}");
    }
    assert_eq!(policy.refusals(asker(Operator), Ask::Acknowledge(incident(Critical))), vec![], "others are untouched");
}

#[test]
fn an_empty_policy_refuses_nothing() {
    assert_eq!(read("// Nothing.").refusals(asker(Operator), Ask::Override { days: 400 }), vec![]);
}

#[test]
fn templates_say_what_their_forms_say_at_the_edges() {
    let rules = PolicyTemplate::StrictProduction.rules();
    let policy = read(&text(&rules));
    let extend = |hours, extensions| Ask::Extend { incident: incident(Low), hours, extensions };
    let allowed = |role, ask| policy.refusals(asker(role), ask).is_empty();
    assert!(allowed(Approver, extend(24, 0)));
    assert!(!allowed(Approver, extend(25, 0)), "an hour too many");
    assert!(!allowed(Approver, extend(24, 1)), "once more than once");
    assert!(!allowed(Operator, extend(1, 0)));
    assert!(allowed(Operator, Ask::Acknowledge(incident(Medium))));
    let asked = policy.refusals(asker(Operator), Ask::Acknowledge(incident(High)));
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].approval, Some(Approval { needed: 1, approvers: Approver }));
    assert_eq!(asked[0].title, "Acknowledging HIGH and CRITICAL incidents takes the approval of an approver");
    assert!(allowed(Admin, Ask::Override { days: 2 }) && !allowed(Owner, Ask::Override { days: 3 }));
    let none = read(&text(&PolicyRules { override_days: 0, ..rules }));
    assert_eq!(titles(&none.refusals(asker(Owner), Ask::Override { days: 1 })), ["Drift is not overridden"]);
}

/// Standing rules 1, 4 and 6: there are no words for it.
#[test]
fn what_a_policy_does_not_decide_on_cannot_be_named() {
    for action in ["detect", "view", "recheck", "revert", "recover", "prove", "carryOut"] {
        let text = EXPIRED.replace("\"extend\"", &format!("{action:?}"));
        let message = unusable(&text);
        assert!(message.contains("nothing that a policy decides on"), "{message}");
        assert!(message.contains("Line 4"), "{message}");
    }
    let hidden = EXPIRED.replace("resource.class == \"PRODUCTION\"", "resource.hidden");
    assert!(unusable(&hidden).contains("hidden"), "{}", unusable(&hidden));
}

#[test]
fn what_would_strand_an_incident_is_not_kept() {
    let all = "@title(\"Nobody does anything\")\n@instead(\"Wait.\")\nforbid (principal, action, resource);";
    assert!(unusable(all).contains("would leave nobody"), "{}", unusable(all));
    for (action, when) in [
        ("acknowledge", "context.incident.severity == \"LOW\""),
        ("close", "context.incident.expired && resource.class == \"STAGING\""),
        ("decide", "context.path == \"REVERT\" && context.incident.owner"),
        ("deployEmergency", "context.blocked"),
    ] {
        let text = format!(
            "@title(\"Not so\")\n@instead(\"Wait.\")\nforbid (principal, action == Action::{action:?}, resource) when {{ {when} }};"
        );
        let message = unusable(&text);
        assert!(message.contains("“Not so” would leave nobody"), "{message}");
        read(&text.replace("};", "} unless { principal in Role::\"OWNER\" };"));
    }
}

#[test]
fn what_is_wrong_with_a_text_is_said() {
    let permit = "@title(\"All may\")\n@instead(\"-\")\npermit (principal, action, resource);";
    assert!(unusable(permit).contains("Write “forbid”"));
    let mute = EXPIRED.replace("@instead(\"Ask an administrator to extend it.\")\n", "");
    assert!(unusable(&mute).contains("@instead"));
    assert!(unusable("forbid (principal").starts_with("Line 1"), "{}", unusable("forbid (principal"));
    let slot = EXPIRED.replace("(principal,", "(principal == ?principal,");
    assert!(unusable(&slot).contains("slots"), "{}", unusable(&slot));
    let number = EXPIRED.replace("context.incident.expired", "context.hours > \"24\"");
    assert!(unusable(&number).contains("Line"), "{}", unusable(&number));
    assert!(unusable(&" ".repeat(drift_policy::LONGEST + 1)).contains("longer than"));
    let many = "@title(\"a\")@instead(\"b\")forbid(principal,action==Action::\"extend\",resource)when{false};\n"
        .repeat(drift_policy::MOST_RULES + 1);
    assert!(unusable(&many).contains("rules at most"));
}

const TWO: &str = r#"
@title("Closing takes two administrators")
@instead("Ask two administrators to approve it.")
@approvals("2")
@approvers("ADMIN")
forbid (principal, action == Action::"close", resource);
"#;

/// Whoever may approve is asked; nobody is left stranded by that, since an owner whom nobody is left to approve for goes on.
#[test]
fn approvals_bind_everybody_and_are_kept() {
    let policy = read(TWO);
    for role in [Operator, Owner] {
        let refusals = policy.refusals(asker(role), Ask::Close(incident(Low)));
        assert_eq!(refusals[0].approval, Some(Approval { needed: 2, approvers: Admin }));
    }
    let plain = TWO.replace("@approvers(\"ADMIN\")\n", "");
    let refusals = read(&plain).refusals(asker(Owner), Ask::Close(incident(Low)));
    assert_eq!(
        refusals[0].approval,
        Some(Approval { needed: 2, approvers: Approver }),
        "approvers, where none are named"
    );
}

#[test]
fn approvals_that_cannot_be_had_are_not_kept() {
    for (from, to, says) in [
        ("\"2\"", "\"0\"", "a number from 1 to 5"),
        ("\"2\"", "\"six\"", "a number from 1 to 5"),
        ("\"ADMIN\"", "\"VIEWER\"", "OPERATOR, APPROVER, ADMIN or OWNER"),
        ("\"ADMIN\"", "\"BOSS\"", "OPERATOR, APPROVER, ADMIN or OWNER"),
        ("@approvals(\"2\")\n", "", "says how many"),
    ] {
        let message = unusable(&TWO.replace(from, to));
        assert!(message.contains(says), "{message}");
    }
    // Standing rule 6: an emergency waits for nobody.
    let emergency = unusable(&TWO.replace("\"close\"", "\"deployEmergency\""));
    assert!(emergency.contains("An emergency waits for nobody"), "{emergency}");
    let but_owners = TWO
        .replace("\"close\"", "\"deployEmergency\"")
        .replace(", resource);", ", resource) unless { principal in Role::\"OWNER\" };");
    assert!(unusable(&but_owners).contains("An emergency waits for nobody"), "{}", unusable(&but_owners));
}

/// A rule that cannot be reckoned with counts as one that forbids: Cedar by itself leaves it out.
#[test]
fn what_cannot_be_reckoned_with_is_refused() {
    let overflow = format!(
        "@title(\"Too long\")\n@instead(\"Ask for less.\")\nforbid (principal, action == Action::\"extend\", resource) when {{ context.hours * {} > 9 }};",
        i64::MAX
    );
    let refusals =
        read(&overflow).refusals(asker(Owner), Ask::Extend { incident: incident(Low), hours: 2, extensions: 0 });
    assert!(refusals[0].title.contains("could not be reckoned with"), "{refusals:?}");
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(Role::ALL)
}

fn facts() -> impl Strategy<Value = IncidentFacts> {
    (prop::sample::select(Severity::ALL), any::<bool>(), any::<bool>())
        .prop_map(|(severity, expired, owner)| IncidentFacts { severity, expired, owner })
}

fn approvals() -> impl Strategy<Value = ApprovalRules> {
    let approvers = prop::sample::select(vec![Operator, Approver, Admin, Owner]);
    (prop::array::uniform5(0..=ApprovalRules::MOST), any::<bool>(), approvers).prop_map(
        |(n, severe_only, approvers)| ApprovalRules {
            acknowledge: n[0],
            extend: n[1],
            r#override: n[2],
            decide: n[3],
            close: n[4],
            severe_only,
            approvers,
        },
    )
}

fn rules() -> impl Strategy<Value = PolicyRules> {
    let roles = prop::collection::vec(role(), 9);
    let numbers = (1..=168_u32, 0..=10_u32, 0..=30_u32);
    (roles, numbers, approvals()).prop_map(|(r, (extension_hours, extensions, override_days), approvals)| PolicyRules {
        approvals,
        acknowledge: r[0],
        acknowledge_severe: r[1],
        extend: r[2],
        extend_expired: r[3],
        extension_hours,
        extensions,
        r#override: r[4],
        override_days,
        decide: r[5],
        decide_severe: r[6],
        deploy_emergency: r[7],
        close: r[8],
    })
}

fn ask() -> impl Strategy<Value = Ask> {
    let path = prop::sample::select(vec![DecisionKind::Promote, DecisionKind::Revert, DecisionKind::Replace]);
    prop_oneof![
        facts().prop_map(Ask::Acknowledge),
        facts().prop_map(Ask::Close),
        (facts(), 1..200_u32, 0..12_u32).prop_map(|(incident, hours, extensions)| Ask::Extend {
            incident,
            hours,
            extensions
        }),
        (0..40_u32).prop_map(|days| Ask::Override { days }),
        (facts(), path).prop_map(|(incident, path)| Ask::Decide { incident, path }),
        any::<bool>().prop_map(|blocked| Ask::DeployEmergency { blocked }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever a form says: its text is kept, and says the same as the form does.
    #[test]
    fn the_text_of_a_form_says_what_the_form_says(
        rules in rules(), asks in prop::collection::vec((role(), prop::sample::select(EnvironmentClass::ALL), ask()), 20)
    ) {
        let policy = read(&text(&rules));
        for (role, class, ask) in asks.into_iter().filter(|(role, ..)| *role >= Operator) {
            let severe = |facts: IncidentFacts| facts.severity >= High;
            let of = |facts, one, other| if severe(facts) { other } else { one };
            let allowed = match ask {
                Ask::Acknowledge(facts) => role >= of(facts, rules.acknowledge, rules.acknowledge_severe),
                Ask::Decide { incident, .. } => role >= of(incident, rules.decide, rules.decide_severe),
                Ask::Close(_) => role >= rules.close,
                Ask::DeployEmergency { .. } => role >= rules.deploy_emergency,
                Ask::Override { days } => role >= rules.r#override && days <= rules.override_days,
                Ask::Extend { incident, hours, extensions } => {
                    let late = !incident.expired || role >= rules.extend_expired;
                    role >= rules.extend && late && hours <= rules.extension_hours && extensions < rules.extensions
                }
            };
            let of_severe = |facts: IncidentFacts| severe(facts) || !rules.approvals.severe_only;
            let takes = rules.approvals.each().into_iter().find(|(action, _)| *action == ask.action());
            let needed = match ask {
                Ask::Override { .. } => takes,
                Ask::Acknowledge(facts) | Ask::Close(facts) => takes.filter(|_| of_severe(facts)),
                Ask::Extend { incident, .. } | Ask::Decide { incident, .. } => takes.filter(|_| of_severe(incident)),
                Ask::DeployEmergency { .. } => None,
            };
            let approval = needed
                .filter(|(_, needed)| *needed > 0)
                .map(|(_, needed)| Approval { needed, approvers: rules.approvals.approvers });
            let refusals = policy.refusals(Asker { role, class }, ask);
            let (asked, refused): (Vec<_>, Vec<_>) = refusals.into_iter().partition(|refusal| refusal.approval.is_some());
            prop_assert_eq!(refused.is_empty(), allowed, "{} {} {:?}: {:?}", role, class, ask, refused);
            prop_assert_eq!(asked.first().and_then(|asked| asked.approval), approval, "{:?}", ask);
        }
    }
}
