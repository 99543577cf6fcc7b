//! The pages of drift incidents.

use drift_domain::change::DecisionKind;
use drift_domain::incident::{ClosingState, IncidentAction, IncidentStatus};
use drift_domain::plan::{Lifecycle, PlanTier};
use drift_domain::views::*;

use super::page;
use crate::pages::drift;
use crate::pages::drift::GraphQuery;
use crate::pages::drift::incident::Way;
use crate::pages::incidents::{Kept, change, incident, list};
use crate::samples;

async fn workspace(file: &str, incident: IncidentPage, kept: Kept) -> String {
    page(file, true, move || incident::view(&incident, &[], &kept, samples::now())).await
}

#[tokio::test]
async fn the_list_says_where_each_stands_in_words() {
    let html = page("incidents", true, || list::view(&samples::incidents::list(), true, samples::now())).await;
    for said in ["INC-17", "Detected", "Acknowledged", "Stabilized", "Reconciled", "Closed", "nobody", "expired"] {
        assert!(html.contains(said), "{said}");
    }
    assert!(html.contains("/incidents?after=9"), "the next page is a link");
    let none = IncidentList { incidents: vec![], next: None, ..samples::incidents::list() };
    let html = page("incidents-empty", true, move || list::view(&none, true, samples::now())).await;
    assert!(html.contains("No incident is open"));
}

#[tokio::test]
async fn every_status_shows_its_step_and_offers_what_can_be_done_now() {
    for status in IncidentStatus::ALL {
        let file = format!("incident-{}", status.as_str().to_lowercase());
        let html = workspace(&file, samples::incidents::incident(*status), Kept::default()).await;
        assert_eq!(html.matches("aria-current=\"step\"").count(), 1, "{status}");
        assert!(html.contains(&format!("data-status=\"{status}\"")), "{status}");
        for said in ["INC-12", "Borealis clinic", "Timeline", "Affected workflows", "It drifted before"] {
            assert!(html.contains(said), "{status}: {said}");
        }
        for action in samples::incidents::incident(*status).actions {
            let name = action.action.as_str();
            match (name, &action.refused) {
                ("ACKNOWLEDGE" | "STABILIZE" | "RECONCILE" | "CLOSE", None) => {
                    let address = format!("/{}\"", name.to_lowercase());
                    assert!(html.contains(&address), "{status}: {name} has its form");
                }
                ("ACKNOWLEDGE" | "STABILIZE" | "RECONCILE" | "CLOSE", Some(_)) => {
                    let form = format!(
                        "action=\"/incidents/{}/{}\"",
                        samples::incidents::incident(*status).row.id,
                        name.to_lowercase()
                    );
                    assert!(!html.contains(&form), "{status}: {name} is refused and has no form");
                }
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_done_says_why_in_text() {
    let html =
        workspace("incident-detected", samples::incidents::incident(IncidentStatus::Detected), Kept::default()).await;
    assert!(
        html.contains("data-refused=\"STABILIZE\"") && html.contains("Somebody has to acknowledge the incident first.")
    );
    assert!(html.contains("2 of 4 changes have no path yet"), "and what is missing, by name");
    let mut viewer = samples::incidents::incident(IncidentStatus::Acknowledged);
    for action in &mut viewer.actions {
        action.refused = Some("It needs the role OPERATOR; yours is VIEWER.".to_owned());
    }
    let html = workspace("incident-viewer", viewer, Kept::default()).await;
    let forms = html.split("method=\"post\" action=\"/incidents").skip(1);
    let refused = forms.filter(|form| !form.split('"').next().is_some_and(|rest| rest.ends_with("/viewed")));
    assert_eq!(refused.count(), 0, "a viewer is offered nothing that would be refused");
    assert!(html.contains("data-viewed=\"1\"") && html.contains("1 of 5 viewed"));
    assert_eq!(html.matches("aria-pressed=\"true\" aria-label=\"Viewed: ").count(), 1);
    assert!(html.contains("data-refused=\"DECIDE\"") && html.contains("data-refused=\"COMMENT\""));
}

#[tokio::test]
async fn the_basic_lifecycle_has_no_stabilized_and_says_what_it_opens() {
    let mut basic = samples::incidents::incident(IncidentStatus::Acknowledged);
    basic.lifecycle = Lifecycle::Basic;
    basic.plan = PlanTier::Pro;
    basic.steps.retain(|step| step.status != IncidentStatus::Stabilized);
    basic.diff_access = DiffAccess::Limited { workflows: 5, needs: PlanTier::Agency };
    let html = workspace("incident-basic", basic, Kept::default()).await;
    assert!(!html.contains("Stabilized") && !html.contains("STABILIZE"));
    assert!(html.contains("opens the 5 changes that matter most") && html.contains("Agency plan opens all"));
}

#[tokio::test]
async fn a_path_is_offered_where_it_fits_and_shown_as_an_artifact_never_as_a_pull_request() {
    let page = samples::incidents::incident(IncidentStatus::Stabilized);
    let html = workspace("incident-stabilized", page, Kept::default()).await;
    for said in [
        "Promoted to Git",
        "data-artifact-state=\"PENDING\"",
        "By hand: ",
        "replaced by a later decision",
        "Choose another path",
        "One path for all 2 undecided changes",
        "new since stabilized",
    ] {
        assert!(html.contains(said), "{said}");
    }
    assert!(!html.to_lowercase().contains("pull request"));
    assert!(!html.contains("<details open"), "what an artifact left elsewhere stays folded");
    let all =
        html.split("data-form=\"decide-all\"").nth(1).and_then(|rest| rest.split("</form>").next()).unwrap_or_default();
    assert!(all.contains("PROMOTE") && !all.contains("value=\"REVERT\""), "only what fits every one of them");
}

#[tokio::test]
async fn what_was_typed_comes_back_into_its_form_or_is_shown() {
    let kept = || Kept::new("acknowledge", [("reason", "I was typing this"), ("owner", "")]);
    let html = workspace("incident-kept", samples::incidents::incident(IncidentStatus::Detected), kept()).await;
    assert!(html.contains("I was typing this</textarea>") && !html.contains("data-left-over"));
    let html =
        workspace("incident-left-over", samples::incidents::incident(IncidentStatus::Acknowledged), kept()).await;
    assert!(html.contains("What you had written") && html.contains("I was typing this"));
}

#[tokio::test]
async fn a_closing_says_how_far_it_is_and_the_receipt_proves_it() {
    let mut closing = samples::incidents::incident(IncidentStatus::Reconciled);
    closing.closing = Some(samples::incidents::refused_closing());
    let html = workspace("incident-refused", closing.clone(), Kept::default()).await;
    assert!(html.contains("data-closing=\"REFUSED\"") && html.contains("refused the connection"));
    closing.closing =
        Some(ClosingView { state: ClosingState::Checking, refused: None, ..samples::incidents::refused_closing() });
    let html = workspace("incident-closing", closing, Kept::default()).await;
    assert!(html.contains("a check of its own is running"));
    let html =
        workspace("incident-closed", samples::incidents::incident(IncidentStatus::Closed), Kept::default()).await;
    assert!(html.contains("60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"));
    assert!(html.contains("/receipt.json") && !html.contains("Next steps"));
}

#[tokio::test]
async fn a_change_of_an_incident_has_its_diff_and_its_path() {
    let html = page("incident-change", true, || {
        let page = samples::change_page(DiffOrRefusal::Diff(samples::diff()));
        change::view(
            &samples::incidents::incident(IncidentStatus::Stabilized),
            &page,
            &samples::incidents::in_incident(),
            &GraphQuery::default(),
            &Kept::default(),
            samples::now(),
        )
    })
    .await;
    for said in ["Resolution path", "data-node=\"Stripe\"", "INC-12", "Next change", "Record path"] {
        assert!(html.contains(said), "{said}");
    }
    assert!(!html.contains("/drift/changes/"), "it stays within the incident");
}

#[tokio::test]
async fn an_incident_shows_its_clock_and_what_it_means_that_its_time_is_over() {
    let running = samples::incidents::incident(IncidentStatus::Acknowledged);
    let html = workspace("incident-time", running.clone(), Kept::default()).await;
    assert!(html.contains("2 h left, until ") && html.contains("/extend\"") && html.contains("once more, by 24 h"));
    assert!(!html.contains("data-expired"));
    let mut late = running;
    let over = samples::before(0);
    late.row.expires_at = Some(over);
    late.time.as_mut().unwrap().expires_at = over;
    let html = workspace("incident-expired", late, Kept::default()).await;
    assert!(html.contains("data-expired") && html.contains("over since ") && html.contains("/extend\""));
    let html =
        workspace("incident-no-deadline", samples::incidents::incident(IncidentStatus::Detected), Kept::default())
            .await;
    assert!(!html.contains("data-time") && !html.contains("data-expired"));
}

#[tokio::test]
async fn markup_in_what_people_write_is_text() {
    let mut nasty = samples::incidents::incident(IncidentStatus::Acknowledged);
    nasty.timeline[2].note = Some("@Bo Lind <script>alert(1)</script>".to_owned());
    nasty.reason = Some("<img src=x onerror=alert(1)>".to_owned());
    nasty.ticket = Some(TicketView { text: "x".to_owned(), url: Some("javascript:alert(1)".to_owned()) });
    let html = workspace("incident-nasty", nasty, Kept::default()).await;
    assert!(!html.contains("<script>alert") && !html.contains("<img src=x") && !html.contains("javascript:"));
    assert!(html.contains("class=\"mention\">@Bo Lind"));
}

#[tokio::test]
async fn drift_leads_to_its_incident_or_offers_to_open_one() {
    let open = samples::incidents::incident_row(
        12,
        "Acme production",
        IncidentStatus::Detected,
        drift_domain::severity::Severity::High,
    );
    let draw = |way: Way| move || drift::workspace::view(&samples::workspace(), &way, &Kept::default());
    let html = page("drift-incident", true, draw(Way::Open(Box::new(open)))).await;
    assert!(html.contains("INC-12 is open") && !html.contains("Create drift incident"));
    let html = page("drift-create", true, draw(Way::Closed(Ok(())))).await;
    assert!(html.contains("Create drift incident") && html.contains("/drift/incident\""));
    let html = page("drift-create-viewer", true, draw(Way::Closed(Err("Ask an operator.".to_owned())))).await;
    assert!(!html.contains("/drift/incident\"") && html.contains("Ask an operator."));
    let html = page("drift-no-incidents", true, draw(Way::None)).await;
    assert!(!html.contains("incident-heading"));
}

#[tokio::test]
async fn of_five_hundred_changes_a_page_has_a_part_and_says_so() {
    let mut large = samples::incidents::incident(IncidentStatus::Stabilized);
    let one = large.changes[1].clone();
    large.changes = (0..50u128)
        .map(|n| {
            let mut change = one.clone();
            change.row.id = drift_domain::ids::ChangeId(uuid::Uuid::from_u128(n + 1));
            change
        })
        .collect();
    large.row.changes = 500;
    large.listed = ListedChanges {
        all: 500,
        earlier: 50,
        next: Some("0.HIGH.7.x".to_owned()),
        waiting: 480,
        fit_all: vec![DecisionKind::Promote],
        viewed: 12,
    };
    let html = workspace("incident-large", large.clone(), Kept::default()).await;
    assert_eq!(html.matches("data-change=").count(), 50);
    assert_eq!(html.matches("data-form=\"decide-").count(), 51, "one for each, and one for all");
    assert!(html.contains("One path for all 480 undecided changes, on all pages"), "all are all, not the page's");
    assert!(html.contains("51 to 100 of 500") && html.contains("480 of 500 without a path"));
    assert!(html.contains("?after=0%2EHIGH%2E7%2Ex#changes") && html.contains("First page"));
    // What fits all of them is only what the server says fits all.
    large.listed.fit_all.clear();
    let html = workspace("incident-large-no-path", large, Kept::default()).await;
    assert!(!html.contains("decide-all"));
    assert!(IncidentAction::ALL.len() == 11, "a new action needs its place on this page");
}
