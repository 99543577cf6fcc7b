//! Policies on [Cedar](https://www.cedarpolicy.com): text that only takes away, held against a schema before it is kept, and
//! asked about what somebody would do. No I/O; whether and of whom it is asked is the services' business.
//!
//! A policy is a set of `forbid` rules. Each says in `@title` what it forbids and in `@instead` what would satisfy it, for the
//! refusal to tell:
//!
//! ```cedar
//! @title("Expired incidents are extended by administrators")
//! @instead("Ask an administrator to extend it.")
//! forbid (principal, action == Action::"extend", resource)
//! when { context.incident.expired }
//! unless { principal in Role::"ADMIN" };
//! ```
//!
//! A rule with `@approvals("1")` stands back once so many others have approved, of the role `@approvers("APPROVER")` or above.

mod ask;
mod forms;
mod strands;

pub use ask::{Ask, Asker, IncidentFacts};
pub use forms::text;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::str::FromStr;
use std::sync::LazyLock;

use cedar_policy::{
    Authorizer, Context, Decision, Effect, Entities, Entity, EntityTypeName, EntityUid, Policy as Rule, PolicyId,
    PolicySet, Request, Response, RestrictedExpression, Schema, ValidationMode, Validator,
};
use drift_domain::policy::{ApprovalRules, PolicyAction};
use drift_domain::role::Role;
use miette::Diagnostic;

/// The longest text of a policy, in bytes.
pub const LONGEST: usize = 20_000;
/// The most rules of one policy.
pub const MOST_RULES: usize = 100;
/// The schema, as people read it who write text.
pub const SCHEMA: &str = include_str!("policy.cedarschema");

/// What is wrong with a text, so that it is not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(String);

/// What a rule refuses, and what would satisfy it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the rule forbids.
    pub title: String,
    /// What would satisfy it.
    pub instead: String,
    /// The approvals that would, where they would.
    pub approval: Option<Approval>,
}

/// Approvals of others, under which a rule stands back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approval {
    /// How many.
    pub needed: u32,
    /// The least role of those who give them.
    pub approvers: Role,
}

/// A policy that can be asked.
#[derive(Clone, Debug)]
pub struct Policy {
    rules: PolicySet,
}

static OF_SCHEMA: LazyLock<Schema> = LazyLock::new(|| match Schema::from_cedarschema_str(SCHEMA) {
    Ok((schema, _)) => schema,
    Err(error) => unreachable!("a test reads the schema: {error}"),
});

/// What every policy stands on: the plan and the roles have allowed it already.
const BASE: &str = "permit (principal, action, resource);";

impl Policy {
    /// Reads a text, and refuses what could not be asked, what speaks of other things than a policy can, and what would leave
    /// nobody who may lead an incident to its end.
    ///
    /// # Errors
    /// [`Unusable`], which names the place and what would be right.
    pub fn read(text: &str) -> Result<Self, Unusable> {
        if text.len() > LONGEST {
            return Err(Unusable(format!("The text is longer than {LONGEST} bytes.")));
        }
        let mut rules = PolicySet::from_str(text).map_err(|error| unread(text, &error))?;
        if rules.templates().count() > 0 {
            return Err(Unusable(
                "Templates with slots have nothing here that fills them: name what is meant.".to_owned(),
            ));
        }
        if rules.policies().count() > MOST_RULES {
            return Err(Unusable(format!("A policy has {MOST_RULES} rules at most.")));
        }
        for rule in rules.policies() {
            look_at(text, rule)?;
        }
        let validated = Validator::new(OF_SCHEMA.clone()).validate(&rules, ValidationMode::Strict);
        if let Some(error) = validated.validation_errors().next() {
            return Err(unread(text, error));
        }
        let base = Rule::parse(Some(PolicyId::new("base")), BASE);
        base.map_err(|error| error.to_string())
            .and_then(|base| rules.add(base).map_err(|error| error.to_string()))
            .map_err(Unusable)?;
        let policy = Self { rules };
        strands::look(&policy)?;
        Ok(policy)
    }

    /// What stands in the way of something: nothing where it is allowed.
    #[must_use]
    pub fn refusals(&self, asker: Asker, ask: Ask) -> Vec<Refusal> {
        let answer = match self.answer(asker, ask) {
            Ok(answer) => answer,
            Err(error) => return vec![unanswered(&error)],
        };
        // Cedar leaves a rule out that could not be reckoned with. Here it counts as one that forbids.
        if let Some(error) = answer.diagnostics().errors().next() {
            return vec![unanswered(&error.to_string())];
        }
        if answer.decision() == Decision::Allow {
            return Vec::new();
        }
        let mut refusals: Vec<_> = answer
            .diagnostics()
            .reason()
            .filter_map(|id| self.rules.policy(id))
            .map(|rule| Refusal {
                title: said(rule, "title"),
                instead: said(rule, "instead"),
                // What may not wait for anybody waits for no approval.
                approval: approval(rule).ok().flatten().filter(|_| ask.action() != PolicyAction::DeployEmergency),
            })
            .collect();
        refusals.sort_by(|a, b| a.title.cmp(&b.title));
        refusals.dedup();
        refusals
    }
}

impl Policy {
    fn answer(&self, asker: Asker, ask: Ask) -> Result<Response, String> {
        request(asker, ask).map(|(request, entities)| Authorizer::new().is_authorized(&request, &self.rules, &entities))
    }

    /// The titles of the rules that stand in the way of something and say that approvals would do.
    fn approvals(&self, asker: Asker, ask: Ask) -> Vec<String> {
        let Ok(answer) = self.answer(asker, ask) else { return Vec::new() };
        let rules = answer.diagnostics().reason().filter_map(|id| self.rules.policy(id));
        rules.filter(|rule| rule.annotation("approvals").is_some()).map(|rule| said(rule, "title")).collect()
    }
}

fn unanswered(error: &str) -> Refusal {
    Refusal {
        title: format!("A rule of it could not be reckoned with: {error}"),
        instead: "An administrator changes the policy.".to_owned(),
        approval: None,
    }
}

fn said(rule: &Rule, annotation: &str) -> String {
    rule.annotation(annotation).unwrap_or_default().trim().to_owned()
}

/// What Cedar's schema does not hold: rules only forbid, and say what and what to do.
fn look_at(text: &str, rule: &Rule) -> Result<(), Unusable> {
    let place = place(text, &rule.to_string());
    if rule.effect() == Effect::Permit {
        let what = "A policy only takes away: what the plan and the role allow is allowed without it. Write “forbid”.";
        return Err(Unusable(format!("{place}{what}")));
    }
    for (annotation, what) in [("title", "what it forbids"), ("instead", "what somebody can do instead")] {
        let words = said(rule, annotation);
        if words.is_empty() || words.chars().count() > 300 {
            let message = format!("{place}Each rule says in @{annotation}(\"…\"), in at most 300 characters, {what}.");
            return Err(Unusable(message));
        }
    }
    approval(rule).map_err(|what| Unusable(format!("{place}{what}"))).map(drop)
}

/// The approvals under which a rule stands back.
fn approval(rule: &Rule) -> Result<Option<Approval>, String> {
    let most = ApprovalRules::MOST;
    let approvers = match rule.annotation("approvers").map(str::trim) {
        None => ApprovalRules::NONE.approvers,
        Some(name) => match name.parse::<Role>() {
            Ok(role) if role >= Role::Operator => role,
            _ => {
                return Err(
                    "@approvers(\"…\") is the least role of those who approve: OPERATOR, APPROVER, ADMIN or OWNER."
                        .to_owned(),
                );
            }
        },
    };
    match (rule.annotation("approvals").map(str::trim), rule.annotation("approvers")) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err("@approvers(\"…\") belongs to @approvals(\"…\"), which says how many.".to_owned()),
        (Some(number), _) => match number.parse() {
            Ok(needed) if (1..=most).contains(&needed) => Ok(Some(Approval { needed, approvers })),
            _ => Err(format!("@approvals(\"…\") is a number from 1 to {most}.")),
        },
    }
}

/// Where a rule begins, for a message.
fn place(text: &str, rule: &str) -> String {
    text.find(rule.trim()).map(|at| format!("Line {}: ", line(text, at))).unwrap_or_default()
}

fn line(text: &str, at: usize) -> usize {
    text.get(..at).map_or(1, |before| before.matches('\n').count() + 1)
}

/// An error of Cedar's, with its line and what helps.
fn unread(text: &str, error: &(impl Diagnostic + std::fmt::Display)) -> Unusable {
    let mut message = String::new();
    if let Some(label) = error.labels().and_then(|mut labels| labels.next()) {
        let _ = write!(message, "Line {}: ", line(text, label.offset()));
    }
    let _ = write!(message, "{error}");
    if let Some(help) = error.help() {
        let _ = write!(message, " ({help})");
    }
    if error.to_string().contains("unrecognized action") {
        let known: Vec<_> = PolicyAction::ALL.iter().map(|action| action.in_text()).collect();
        let _ = write!(
            message,
            " A policy speaks of {}. Detection, seeing drift, rechecks, recoveries and the proof at the closing are nothing that a policy decides on.",
            known.join(", ")
        );
    }
    Unusable(message)
}

type Asked = (Request, Entities);

fn request(asker: Asker, ask: Ask) -> Result<Asked, String> {
    let uid = |kind: &str, id: &str| {
        let name = EntityTypeName::from_str(kind).map_err(|error| error.to_string())?;
        Ok::<_, String>(EntityUid::from_type_name_and_id(name, cedar_policy::EntityId::new(id)))
    };
    let member = uid("Member", "asks")?;
    let environment = uid("Environment", "asked about")?;
    let role = |role: Role| uid("Role", role.as_str());
    let mut entities = vec![Entity::new_no_attrs(member.clone(), [role(asker.role)?].into())];
    for (at, below) in Role::ALL.iter().enumerate() {
        let parents = at.checked_sub(1).map(|at| role(Role::ALL[at])).transpose()?;
        entities.push(Entity::new_no_attrs(role(*below)?, parents.into_iter().collect()));
    }
    let class = RestrictedExpression::new_string(asker.class.as_str().to_owned());
    let of_environment = HashMap::from([("class".to_owned(), class)]);
    let whole = Entity::new(environment.clone(), of_environment, [].into()).map_err(|error| error.to_string())?;
    entities.push(whole);
    let entities = Entities::from_entities(entities, Some(&OF_SCHEMA)).map_err(|error| error.to_string())?;
    let action = uid("Action", ask.action().in_text())?;
    let request = Request::new(member, action, environment, context(ask)?, Some(&OF_SCHEMA));
    Ok((request.map_err(|error| error.to_string())?, entities))
}

fn context(ask: Ask) -> Result<Context, String> {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let number = |number: u32| RestrictedExpression::new_long(i64::from(number));
    let incident = |facts: IncidentFacts| {
        let record = RestrictedExpression::new_record([
            ("severity".to_owned(), text(facts.severity.as_str())),
            ("expired".to_owned(), RestrictedExpression::new_bool(facts.expired)),
            ("owner".to_owned(), RestrictedExpression::new_bool(facts.owner)),
        ]);
        record.map(|record| ("incident".to_owned(), record)).map_err(|error| error.to_string())
    };
    let pairs = match ask {
        Ask::Acknowledge(facts) | Ask::Close(facts) => vec![incident(facts)?],
        Ask::Extend { incident: facts, hours, extensions } => {
            vec![incident(facts)?, ("hours".to_owned(), number(hours)), ("extensions".to_owned(), number(extensions))]
        }
        Ask::Override { days } => vec![("days".to_owned(), number(days))],
        Ask::Decide { incident: facts, path } => vec![incident(facts)?, ("path".to_owned(), text(path.as_str()))],
        Ask::DeployEmergency { blocked } => vec![("blocked".to_owned(), RestrictedExpression::new_bool(blocked))],
    };
    Context::from_pairs(pairs).map_err(|error| error.to_string())
}
