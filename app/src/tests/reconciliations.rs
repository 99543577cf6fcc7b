//! The pages of reconciliations, and the section of the incident that leads to them.

use drift_domain::change::DecisionKind;
use drift_domain::incident::{ArtifactState, IncidentStatus};
use drift_domain::reconciliation::{Purpose, ReconciliationState};
use drift_domain::views::*;

use super::page;
use crate::pages::drift;
use crate::pages::drift::GraphQuery;
use crate::pages::incidents::reconciliation::{self, PICKS};
use crate::pages::incidents::{Kept, change, incident};
use crate::samples;

async fn draw(file: &str, shown: ReconciliationPage, kept: Kept) -> String {
    page(file, true, move || reconciliation::view(&shown, &kept, samples::now())).await
}

#[tokio::test]
async fn a_plan_says_what_is_written_where_and_has_one_button() {
    let plan = samples::reconciliations::page(ReconciliationState::Planned);
    let html = draw("reconciliation-planned", plan.clone(), Kept::default()).await;
    for said in [
        "Nothing is written yet",
        "data-write=\"GIT\"",
        "data-write=\"N8N\"",
        "Git afterwards",
        "n8n afterwards",
        "Decided-by: Ada Obi",
        "is taken by its name",
        "name=\"version\" value=\"7\"",
    ] {
        assert!(html.contains(said), "{said}");
    }
    assert_eq!(html.matches("Carry it out</button>").count(), 1);
    assert!(!html.to_lowercase().contains("pull request"));
    // What n8n has now goes, what Git has comes.
    let node = html.split("data-node=\"Notify on failure\"").nth(1).expect("the node");
    assert!(node.contains("Node goes"), "it is only in n8n, and a revert takes it out");
    let code = html.split("data-node=\"Keep the paid ones\"").nth(1).expect("the code");
    let (out, put) =
        (code.find("<mark>!==</mark> 0").expect("now"), code.find("<mark>&gt;</mark> 0").expect("afterwards"));
    assert!(out < put, "what goes stands before what comes");
}

#[tokio::test]
async fn with_problems_there_is_no_button_but_why() {
    let html = draw("reconciliation-problems", samples::reconciliations::stopped(), Kept::default()).await;
    assert!(!html.contains("Carry it out</button>"));
    let problems = html.split("data-problems").nth(1).and_then(|rest| rest.split("data-act").next()).expect("problems");
    for said in ["follows a tag", "Payment webhook: It holds what looks like a secret", "2 places were changed"] {
        assert!(problems.contains(said), "{said}");
    }
}

#[tokio::test]
async fn each_conflict_has_its_sides_side_by_side_and_what_was_picked_is_kept() {
    let stopped = samples::reconciliations::stopped();
    let item = samples::reconciliations::collision();
    let name = format!("pick-{}-{}", item.change, item.conflicts[0].key);
    let kept = Kept::new(PICKS, [(name.as_str(), "desired")]);
    let html = draw("reconciliation-conflicts", stopped, kept).await;
    let form =
        html.split("data-form=\"picks\"").nth(1).and_then(|rest| rest.split("</form>").next()).expect("the form");
    assert_eq!(form.matches("type=\"radio\"").count(), 5, "three sides of one, two of the other");
    assert_eq!(form.matches("checked").count(), 1, "{form}");
    for said in ["Look at the result", "has nothing here", "secrets withheld", "n8n removed the node"] {
        assert!(form.contains(said), "{said}");
    }
    assert!(form.contains(&format!("value=\"{}\"", item.change)), "the plan is made anew for the same changes");
    assert!(html.contains("data-source=\"open\"") && html.contains("What comes from where"));
}

#[tokio::test]
async fn picks_of_the_plan_before_are_offered_again_and_those_that_are_taken_stay() {
    let mut stopped = samples::reconciliations::stopped();
    let item = stopped.items.last_mut().expect("the collision");
    let key = item.conflicts[0].key.clone();
    item.picks = [(key.clone(), MergeSide::Base), ("node:Settled".to_owned(), MergeSide::Live)].into();
    let change = item.change;
    let checked = |html: &str, side: &str| {
        let pick = html.split(&format!("name=\"pick-{change}-{key}\" value=\"{side}\"")).nth(1).expect("the side");
        pick.split('>').next().is_some_and(|rest| rest.contains("checked"))
    };
    let html = draw("reconciliation-picked-before", stopped.clone(), Kept::default()).await;
    assert!(checked(&html, "base") && !checked(&html, "live"));
    assert!(html.contains(&format!("type=\"hidden\" name=\"pick-{change}-node:Settled\" value=\"live\"")));
    let name = format!("pick-{change}-{key}");
    let html = draw("reconciliation-picked-now", stopped, Kept::new(PICKS, [(name.as_str(), "live")])).await;
    assert!(checked(&html, "live") && !checked(&html, "base"), "what was typed just now wins");
}

#[tokio::test]
async fn who_may_not_sees_everything_and_is_offered_nothing() {
    let mut stopped = samples::reconciliations::stopped();
    let why = Some("It needs the role OPERATOR; yours is VIEWER.".to_owned());
    (stopped.carry_out_refused, stopped.cancel_refused) = (why.clone(), why.clone());
    (stopped.retry_refused, stopped.plan_refused) = (why.clone(), why);
    let draw = move || reconciliation::view(&stopped, &Kept::default(), samples::now());
    let html = page("reconciliation-viewer", true, draw).await;
    assert!(!html.contains("method=\"post\" action=\"/incidents") && html.contains("yours is VIEWER"));
    assert!(html.contains("data-conflict") && html.contains("n8n removed the node"));
}

#[tokio::test]
async fn once_it_is_begun_its_steps_tell_how_far_it_is() {
    let waiting = samples::reconciliations::page(ReconciliationState::Pending);
    let html = draw("reconciliation-waiting", waiting, Kept::default()).await;
    assert!(html.contains("1 of 2 reviews") && html.contains("/cancel\"") && !html.contains("/carry-out\""));
    assert!(html.contains("data-step=\"GIT_MERGE\" data-step-state=\"BEGUN\""));

    let mut late = samples::reconciliations::page(ReconciliationState::Pending);
    late.cancel_refused = Some("It has begun to write to n8n.".to_owned());
    let html = draw("reconciliation-writing", late, Kept::default()).await;
    assert!(html.contains("data-refused=\"cancel\"") && html.contains("It has begun to write to n8n."));
    assert!(!html.contains("/cancel\""));

    let failed = samples::reconciliations::page(ReconciliationState::Failed);
    let html = draw("reconciliation-failed", failed, Kept::default()).await;
    assert!(html.contains("/retry\"") && html.contains("is not installed") && html.contains("Make a new plan"));
    let items: Vec<_> = html.split("data-item=").skip(1).collect();
    assert!(items[0].contains("Carried out") && items[1].contains("Failed"), "each workflow has its own result");

    let done = samples::reconciliations::page(ReconciliationState::Done);
    let html = draw("reconciliation-done", done, Kept::default()).await;
    assert!(html.contains("Back to the incident") && !html.contains("method=\"post\" action=\"/incidents"));
    let traces = html.find("Where it left traces").expect("the fold");
    assert!(html.find("github.example").is_some_and(|at| at > traces), "addresses are folded away");
    assert!(!html.to_lowercase().contains("pull request"));
}

#[tokio::test]
async fn an_address_that_is_no_web_address_is_no_link() {
    let mut nasty = samples::reconciliations::page(ReconciliationState::Done);
    nasty.steps[2].address = Some("javascript:alert(1)".to_owned());
    nasty.steps[2].said = Some("<script>alert(1)</script>".to_owned());
    let html = draw("reconciliation-nasty", nasty, Kept::default()).await;
    assert!(!html.contains("href=\"javascript:") && !html.contains("<script>alert"));
}

#[tokio::test]
async fn a_restore_without_an_incident_stands_below_its_environment() {
    let mut restore = samples::reconciliations::page(ReconciliationState::Planned);
    (restore.incident_id, restore.incident_number, restore.incident_version) = (None, None, None);
    restore.row.purpose = Purpose::Restore;
    restore.items.truncate(1);
    restore.items[0].decision = None;
    let html = draw("reconciliation-restore", restore, Kept::default()).await;
    assert!(html.contains("/drift/reconciliations/") && html.contains("It decides nothing about the change."));
    assert!(!html.contains("name=\"version\"") && html.contains("Put “Payment webhook” back"));
}

#[tokio::test]
async fn the_incident_leads_to_the_plan_and_lists_what_was_carried_out() {
    let mut ready = samples::incidents::incident(IncidentStatus::Stabilized);
    ready.to_carry_out = vec![ready.changes[0].row.id];
    let states = [ReconciliationState::Pending, ReconciliationState::Failed, ReconciliationState::Done];
    ready.reconciliations = (1..).zip(states).map(|(n, state)| samples::reconciliations::row(n, state)).collect();
    let done = ready.reconciliations[2].id;
    ready.changes[3].artifacts[0] = ArtifactView {
        by_hand: false,
        reconciliation: Some(done),
        ..samples::incidents::artifact(9, DecisionKind::Promote, ArtifactState::Success)
    };
    let html =
        page("incident-carry-out", true, move || incident::view(&ready, &[], &Kept::default(), samples::now())).await;
    for said in [
        "Show what would be written",
        "1 path is ready",
        "data-reconciliation=\"PENDING\"",
        "Waits: ",
        "is not installed",
        "WorkflowOps carried it out.",
        "Have it carried out",
    ] {
        assert!(html.contains(said), "{said}");
    }
    let told = html.split("data-by-product").nth(1).expect("the artifact");
    assert!(told.contains(&format!("/reconciliations/{done}\"")), "it leads to the one that carried it out");

    let mut pro = samples::incidents::incident(IncidentStatus::Acknowledged);
    pro.carry_out_refused = Some("Having decisions carried out needs the Agency plan or a higher one.".to_owned());
    let html =
        page("incident-by-hand", true, move || incident::view(&pro, &[], &Kept::default(), samples::now())).await;
    assert!(html.contains("needs the Agency plan") && html.contains("by hand all the same"));
    assert!(!html.contains("Show what would be written"));
}

#[tokio::test]
async fn both_sides_can_be_put_back_by_whoever_may() {
    let draw = |may: bool| {
        move || {
            let page = samples::change_page(DiffOrRefusal::Diff(samples::diff()));
            let environment = samples::environment(drift_domain::environment::Badge::DriftDetected, 4);
            drift::change::view(&environment, &page, &GraphQuery::default(), may)
        }
    };
    let html = page("change-put-back", true, draw(true)).await;
    for said in ["n8n side back into n8n", "n8n side back into Git", "Git side back into n8n", "Git side back into Git"]
    {
        assert!(html.contains(said), "{said}");
    }
    let html = page("change-put-back-not", true, draw(false)).await;
    assert!(!html.contains("/restore\""));

    let html = page("incident-change-vanished", true, || {
        let mut shown = samples::change_page(DiffOrRefusal::Diff(samples::diff()));
        shown.row = samples::vanished();
        change::view(
            &samples::incidents::incident(IncidentStatus::Stabilized),
            &shown,
            &samples::incidents::in_incident(),
            &GraphQuery::default(),
            &Kept::default(),
            samples::now(),
        )
    })
    .await;
    let fold = html.split("id=\"put-back\"").nth(1).and_then(|rest| rest.split('>').next()).expect("the fold");
    assert!(fold.contains("open"), "of a vanished change it is unfolded: {fold}");
}
