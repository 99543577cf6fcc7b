//! The pages, drawn from samples and read as a person would. Each is left in `target/preview` to be looked at.

use std::path::Path;

use axum::http::StatusCode;
use axum::response::Response;
use drift_domain::environment::Badge;
use drift_domain::incident::IncidentStatus;
use drift_domain::plan::PlanTier;
use drift_domain::severity::Severity;
use drift_domain::views::*;
use leptos::config::LeptosOptions;
use leptos::prelude::*;

use crate::components::layout::{Frame, Live, Theme};
use crate::pages::drift::incident::Way;
use crate::pages::drift::{GraphQuery, Layout};
use crate::pages::incidents::Kept;
use crate::pages::{connection, drift, environment, environments, problem, search, setup, sign_in};
use crate::samples;
use crate::ssr::render;

#[tokio::test]
async fn what_is_found_is_linked_and_what_is_not_is_said() {
    let found = Found {
        environments: vec![samples::row(1, "North <b>Production</b>", Badge::DriftDetected, 4)],
        incidents: vec![samples::incidents::incident_row(7, "North", IncidentStatus::Detected, Severity::High)],
    };
    let html = page("search", true, move || search::view("\"><script>", &[], &found)).await;
    assert!(html.contains("data-found=\"North &lt;b&gt;Production&lt;/b&gt;\" data-kind=\"Environment\""));
    assert!(html.contains("data-kind=\"Incident\"") && html.contains("value=\"&quot;&gt;&lt;script&gt;\""));
    assert!(html.contains("data-palette=\"\"") && html.contains("<dialog"), "the palette is on every page, closed");
    let html = page("search-nothing", true, || search::view("x", &[], &Found::default())).await;
    assert!(html.contains("Nothing is called that.") && !html.contains("data-found"));
    let outside = page("search-outside", false, || ().into_any()).await;
    assert!(!outside.contains("data-palette"), "who is not signed in finds nothing");
}

mod graph;
mod incidents;
mod reconciliations;

/// Draws a page as the server does and keeps it for the eye.
async fn page(file: &str, me: bool, body: impl FnOnce() -> AnyView + Send + 'static) -> String {
    let frame = Frame {
        title: "Preview".to_owned(),
        theme: Theme::System,
        me: me.then(samples::me),
        address: "/".to_owned(),
        home: file == "environments",
        incidents: true,
        live: if me { Live::All } else { Live::Off },
        now: Some(samples::now()),
        said: None,
    };
    keep(file, render::page(options(), frame, StatusCode::OK, Box::new(body)).await).await
}

fn options() -> LeptosOptions {
    // Fails when another test has done it.
    let _ = any_spawner::Executor::init_tokio();
    LeptosOptions::builder().output_name("workflowops").build()
}

async fn keep(file: &str, response: Response) -> String {
    let policy = response.headers()["content-security-policy"].to_str().expect("text").to_owned();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a whole body");
    let html = String::from_utf8(bytes.to_vec()).expect("UTF-8");
    for script in html.split("<script").skip(1) {
        let nonce =
            script.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a nonce on every script");
        assert!(policy.contains(&format!("'nonce-{nonce}'")), "{policy}");
    }
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/preview"));
    std::fs::create_dir_all(folder).expect("the target folder can be written");
    std::fs::write(folder.join(format!("{file}.html")), &html).expect("the preview can be written");
    html
}

#[tokio::test]
async fn the_list_shows_badges_and_neither_diff_nor_action_on_drift() {
    let html = page("environments", true, move || environments::view(&samples::list(), true)).await;
    for label in ["In Sync", "Drift Detected", "Incident Active", "Unverified"] {
        assert!(html.contains(label), "{label}");
    }
    for absent in ["/drift", "Recheck", "data-side", "decision"] {
        assert!(!html.contains(absent), "{absent} has no place on the list");
    }
    assert!(html.contains("/?after=Delta%20logistics"), "the next page is a link");
}

#[tokio::test]
async fn an_empty_list_leads_to_the_first_environment() {
    let nothing = EnvironmentList { environments: vec![], next: None, ..samples::list() };
    let html = page("environments-empty", true, {
        let nothing = nothing.clone();
        move || environments::view(&nothing, true)
    })
    .await;
    assert!(html.contains("href=\"/environments/new\""));
    let reader = EnvironmentList { can_configure: false, ..nothing };
    let html = page("environments-empty-reader", true, move || environments::view(&reader, true)).await;
    assert!(!html.contains("/environments/new") && html.contains("administrator"));
}

#[tokio::test]
async fn every_state_of_an_environment_has_the_banner_and_leads_to_the_workspace() {
    for badge in Badge::ALL {
        let affected = u32::from(matches!(badge, Badge::DriftDetected | Badge::IncidentActive)) * 4;
        let file = format!("environment-{}", badge.as_str().to_lowercase());
        let html = page(&file, true, move || environment::view(&samples::environment(*badge, affected))).await;
        assert!(html.contains(&format!("data-banner=\"{badge}\"")), "{badge}");
        assert_eq!(html.matches("View Drift").count(), 1, "{badge}: one call to action");
        for absent in ["Recheck", "data-side", "<form method=\"post\" action=\"/environments"] {
            assert!(!html.contains(absent), "{badge}: {absent} belongs to the workspace");
        }
    }
}

#[tokio::test]
async fn unverified_says_why_since_when_and_what_to_do_and_never_in_sync() {
    let html =
        page("environment-unverified", true, move || environment::view(&samples::environment(Badge::Unverified, 2)))
            .await;
    for said in
        ["refused the connection", "failing since", "31 min ago", "Checks go on by themselves", "known to differ"]
    {
        assert!(html.contains(said), "{said}");
    }
    assert!(!html.to_lowercase().contains("in sync"));
}

#[tokio::test]
async fn the_workspace_offers_what_the_caller_may_do_and_nothing_else() {
    let html =
        page("drift", true, move || drift::workspace::view(&samples::workspace(), &Way::None, &Kept::default())).await;
    for offered in ["Recheck", "Finish review", "Link them", "Record decision", "Putting it right by hand"] {
        assert!(html.contains(offered), "{offered}");
    }
    let mut reader = samples::workspace();
    reader.environment.can_recheck = false;
    reader.environment.can_configure = false;
    reader.can_confirm = false;
    reader.adoption = reader.adoption.map(|adoption| AdoptionView { can_finish: false, ..adoption });
    let html = page("drift-reader", true, move || drift::workspace::view(&reader, &Way::None, &Kept::default())).await;
    for refused in ["/drift/recheck", "Finish review<", "Link them", "Record decision"] {
        assert!(!html.contains(refused), "{refused}");
    }
}

#[tokio::test]
async fn without_diffs_in_the_plan_there_is_no_dead_link_but_a_way_up() {
    let mut free = samples::workspace();
    free.diff_access = DiffAccess::None { needs: PlanTier::Pro };
    free.changes.iter_mut().for_each(|change| change.openable = false);
    let html = page("drift-free", true, move || drift::workspace::view(&free, &Way::None, &Kept::default())).await;
    assert!(
        !html.contains("/drift/changes/0193\"") && !html.contains("row-link"),
        "no link into a page that would refuse"
    );
    assert!(html.contains("The Pro plan also shows what exactly differs"));
    assert!(
        html.contains("/override\"") && html.contains("Days (1 to 30)"),
        "there is a way to accept it, on the record"
    );
}

#[tokio::test]
async fn a_vanished_change_outside_the_filter_is_still_announced() {
    let mut filtered = samples::workspace();
    filtered.filter.severity = Some(Severity::Low);
    filtered.changes.retain(|change| change.severity == Severity::Low);
    let html =
        page("drift-filtered", true, move || drift::workspace::view(&filtered, &Way::None, &Kept::default())).await;
    assert!(html.contains("1 vanished change waits") && html.contains("?state=VANISHED"));
    assert!(html.contains("<option value=\"LOW\" selected"));
}

#[tokio::test]
async fn an_unverified_workspace_without_changes_does_not_read_as_in_sync() {
    let unknown = Workspace {
        environment: samples::environment(Badge::Unverified, 0),
        changes: vec![],
        matching_changes: 0,
        earlier_changes: 0,
        next: None,
        open_changes: 0,
        vanished_changes: 0,
        adoption: None,
        ambiguities: vec![],
        ..samples::workspace()
    };
    let html =
        page("drift-unknown", true, move || drift::workspace::view(&unknown, &Way::None, &Kept::default())).await;
    assert!(html.contains("Not known") && !html.contains("n8n and Git agree"));
}

#[tokio::test]
async fn a_diff_shows_both_sides_by_node_and_folds_what_does_not_matter() {
    let diff = DiffOrRefusal::Diff(samples::diff());
    let environment = samples::environment(Badge::DriftDetected, 4);
    let html = page("change", true, move || {
        drift::change::view(&environment, &samples::change_page(diff), &GraphQuery::default(), false)
    })
    .await;
    assert_eq!(html.matches("<article").count(), 5, "two changed nodes, one new one, the workflow, the connections");
    for said in [
        "secret withheld",
        "1 cosmetic difference",
        "data-connection=\"Stripe to Notify on failure\"",
        "port 2",
        "Ignored in this workflow",
        "only in n8n",
        "Earlier changes",
    ] {
        assert!(html.contains(said), "{said}");
    }
    assert!(!html.contains("<details open"), "cosmetic and ignored stay folded");
}

#[tokio::test]
async fn lines_stand_one_under_the_other_or_side_by_side_with_the_words_that_differ_marked() {
    for (name, layout) in [("change-unified", Layout::Unified), ("change-split", Layout::Split)] {
        let environment = samples::environment(Badge::DriftDetected, 4);
        let mut diff = samples::diff();
        let whole: Vec<String> = (1..=14).map(|n| format!("line {n} <b>")).collect();
        diff.entries[0].desired = Some(whole.join("\n").replace("line 12 <b>", "const items = $input.all();"));
        // The last line is after what the hunk shows.
        diff.entries[0].lines.pop();
        diff.entries[0].lines[3].text = "return items.filter(i => i.json.total !== 0 || '<script>');".to_owned();
        let shown = samples::change_page(DiffOrRefusal::Diff(diff));
        let query = GraphQuery::laid_out(layout);
        let html = page(name, true, move || drift::change::view(&environment, &shown, &query, false)).await;
        let text = if layout == Layout::Split { "<td class=\"text removed\">" } else { "<td class=\"text\">" };
        assert!(
            html.contains(&format!("{text}return items.filter(i =&gt; i.json.total <mark>&gt;</mark> 0")),
            "{name}"
        );
        assert!(!html.contains("'<script>'"), "what is marked is text all the same");
        assert!(
            html.contains("Show 11 more lines that are the same")
                && html.contains("<span class=\"tk-c\">11</span> &lt;b&gt;"),
            "{name}"
        );
        assert!(
            html.contains("Show 1 more line that is the same")
                && html.contains("<span class=\"tk-c\">14</span> &lt;b&gt;"),
            "{name}"
        );
        assert!(html.contains("data-copy=\"parameters.jsCode\""));
        assert_eq!(html.matches("class=\"lines split\"").count(), usize::from(layout == Layout::Split));
        let label = if layout == Layout::Split { "Side by side" } else { "Unified" };
        let current =
            html.split("How lines are shown").nth(1).and_then(|nav| nav.split("aria-current=\"true\"").nth(1));
        assert!(current.and_then(|nav| nav.split("</a>").next()).is_some_and(|link| link.contains(label)), "{name}");
    }
}

#[tokio::test]
async fn code_has_colours_around_the_words_that_differ_and_stays_text() {
    let environment = samples::environment(Badge::DriftDetected, 4);
    let mut diff = samples::diff();
    let code = &mut diff.entries[0];
    let hostile = "const a = '</td></tr><script>alert(1)</script>'; // <img src=x onerror=alert(2)>";
    let mut lines: Vec<String> = (1..=14).map(|n| format!("sum({n});")).collect();
    lines[2] = hostile.to_owned();
    lines[12] = "return items.filter(i => i.json.total > 0);".to_owned();
    code.desired = Some(lines.join("\n"));
    lines[12] = "// refunds have a negative total\nreturn items.filter(i => i.json.total !== 0);".to_owned();
    code.live = Some(lines.join("\n"));
    code.lines[1].text = "sum(12);".to_owned();
    code.lines.pop();
    diff.entries.push(DiffEntry {
        path: vec!["parameters".to_owned(), "subject".to_owned()],
        desired: Some("=Hello {{ $json.name }}".to_owned()),
        live: Some("=Hello {{ $json.nick }} <b>".to_owned()),
        lines: Vec::new(),
        ..diff.entries[0].clone()
    });
    for (name, layout) in [("change-code", Layout::Unified), ("change-code-split", Layout::Split)] {
        let (environment, shown) = (environment.clone(), samples::change_page(DiffOrRefusal::Diff(diff.clone())));
        let query = GraphQuery::laid_out(layout);
        let html = page(name, true, move || drift::change::view(&environment, &shown, &query, false)).await;
        for said in [
            "<span class=\"tk-k\">return</span> items.<span class=\"tk-f\">filter</span>",
            "i.json.total <mark>&gt;</mark> <span class=\"tk-c\">0</span>",
            "<span class=\"tk-r\">// refunds have a negative total</span>",
            "<span class=\"tk-t\">'&lt;/td&gt;&lt;/tr&gt;&lt;script&gt;alert(1)&lt;/script&gt;'</span>",
            "<span class=\"tk-r\">// &lt;img src=x onerror=alert(2)&gt;</span>",
            "<span class=\"tk-n\">$</span><mark><span class=\"tk-n\">json</span>.nick<!></mark> <span class=\"tk-x\">}}</span>",
        ] {
            assert!(html.contains(said), "{name}: {said}");
        }
        assert!(!html.contains("<script>alert") && !html.contains("<img src=x"), "{name}");
    }
}

#[tokio::test]
async fn a_huge_diff_shows_a_part_and_says_how_much_is_left_out() {
    let environment = samples::environment(Badge::DriftDetected, 4);
    let mut diff = samples::diff();
    let line = diff.entries[0].lines[2].clone();
    diff.entries[0].lines = vec![line; 60_000];
    let shown = samples::change_page(DiffOrRefusal::Diff(diff));
    let draw = move || drift::change::view(&environment, &shown, &GraphQuery::default(), false);
    let html = page("change-huge", true, draw).await;
    assert!(html.contains("data-left-out=\"57000\"") && html.contains("57000 further lines are not shown here"));
    assert_eq!(html.matches("<tr class=\"removed\"").count(), 3_000);
}

#[tokio::test]
async fn a_refused_diff_is_a_calm_notice_with_the_plan_that_has_it() {
    let refused =
        DiffOrRefusal::Refused { message: "Seeing what differs needs the Pro plan.".to_owned(), needs: PlanTier::Pro };
    let environment = samples::environment(Badge::DriftDetected, 4);
    let html = page("change-refused", true, move || {
        drift::change::view(&environment, &samples::change_page(refused), &GraphQuery::default(), false)
    })
    .await;
    assert!(html.contains("data-refused=\"PRO\"") && !html.contains("data-side"));
}

#[tokio::test]
async fn markup_in_names_and_code_is_text() {
    let mut nasty = samples::workspace();
    nasty.changes[0].workflow = "<img src=x onerror=alert(1)>".to_owned();
    nasty.changes[0].summary = "</td><script>alert(1)</script>".to_owned();
    let html = page("drift-nasty", true, move || drift::workspace::view(&nasty, &Way::None, &Kept::default())).await;
    assert!(!html.contains("<img src=x") && !html.contains("<script>alert"));
}

#[tokio::test]
async fn the_connection_form_never_fills_in_a_secret() {
    let form = connection::ConnectionForm {
        environment: Some((samples::environment(Badge::InSync, 0).row.id, "Acme production".to_owned())),
        draft: EnvironmentDraft {
            n8n_api_key: "n8n_secret".to_owned(),
            git_token: "ghp_secret".to_owned(),
            ..EnvironmentDraft::default()
        },
        error: Some(("repository".to_owned(), "Write it as owner/name.".to_owned())),
        webhook: Some(connection::Webhook {
            address: "https://ops.example/webhooks/github/1".to_owned(),
            secret: "whsec".to_owned(),
        }),
    };
    let html = page("connection", true, move || connection::view(&form)).await;
    assert!(!html.contains("n8n_secret") && !html.contains("ghp_secret"));
    assert!(html.contains("aria-describedby=\"repository-error\"") && html.contains("Write it as owner/name."));
}

#[tokio::test]
async fn a_report_says_for_each_side_what_works_or_what_is_wrong() {
    let report = ConnectionReport {
        live: SideReport::Works(vec!["n8n answers and lists 42 workflows.".to_owned()]),
        desired: SideReport::Fails(samples::checks().remove(2).failure.expect("a failed check says why")),
    };
    let draw = Box::new(move || connection::report(&report));
    let html = keep("report", render::fragment(options(), Theme::System, "Report", StatusCode::OK, draw).await).await;
    assert!(html.contains("n8n works") && html.contains("GitHub does not work") && html.contains("used up"));
}

#[tokio::test]
async fn the_pages_outside_name_their_errors() {
    let form = sign_in::SignInForm {
        email: "ada@northwind.example".to_owned(),
        next: "/".to_owned(),
        error: Some("E-mail or password is wrong.".to_owned()),
        ..sign_in::SignInForm::default()
    };
    assert!(page("sign-in", false, move || sign_in::view(&form)).await.contains("role=\"alert\""));
    let form = setup::SetupForm {
        field: Some("password".to_owned()),
        error: Some("Too short.".to_owned()),
        ..setup::SetupForm::default()
    };
    assert!(page("setup", false, move || setup::view(&form)).await.contains("password-error"));
    let problem = problem::Problem {
        status: 404,
        title: "Nothing here",
        text: "There is no such environment in this organization.".to_owned(),
        go: ("/", "Go to the environments"),
        icon: crate::components::icon::Icon::Question,
    };
    assert!(page("problem", true, move || problem::view(&problem)).await.contains("data-status=\"404\""));
}
