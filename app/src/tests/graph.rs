//! The canvas of a change: every state in words and marks, links that work without scripts, and no markup of strangers.

use drift_domain::environment::Badge;
use drift_domain::incident::IncidentStatus;
use drift_domain::views::*;

use super::page;
use crate::pages::drift;
use crate::pages::drift::GraphQuery;
use crate::pages::incidents::{Kept, change as of_incident};
use crate::samples;

fn with_graph() -> ChangePage {
    ChangePage { graph: Some(samples::graph::graph()), ..samples::change_page(DiffOrRefusal::Diff(samples::diff())) }
}

async fn change(file: &str, shown: ChangePage, chosen: Option<usize>) -> String {
    let environment = samples::environment(Badge::DriftDetected, 4);
    page(file, true, move || drift::change::view(&environment, &shown, &GraphQuery::of(chosen), false)).await
}

/// A node, as it is drawn.
fn tag(html: &str, at: usize) -> &str {
    let start = html.find(&format!("id=\"node-{at}\"")).expect("the node is drawn");
    let start = html[..start].rfind('<').unwrap();
    &html[start..start + html[start..].find("</a>").unwrap()]
}

#[tokio::test]
async fn every_state_has_its_mark_and_its_sentence() {
    let html = change("change-graph", with_graph(), None).await;
    for (at, state, said) in [
        (0, "same", "When Stripe calls: trigger (n8n-nodes-base.webhook), the same on both sides"),
        (1, "modified", "Keep the paid ones: code (n8n-nodes-base.code), changed, hotfix, 1 difference"),
        (2, "modified", "changed, collision, 3 differences, moved on the canvas"),
        (3, "added", "Notify on failure: action (n8n-nodes-base.slack), only in n8n, hotfix"),
        (4, "removed", "Old log: action (n8n-nodes-base.postgres), only in Git, undeployed"),
        (5, "renamed", "called “Fetch the customer” in n8n"),
        (7, "same", "sub-workflow (n8n-nodes-base.executeWorkflow), the same on both sides, switched off"),
        (10, "cosmetic", "differs in its looks alone, which is no drift"),
    ] {
        let tag = tag(&html, at);
        assert!(tag.contains(&format!("data-state=\"{state}\"")) && tag.contains(said), "{tag}");
    }
    for mark in ["N Only in n8n", "D Only in Git", "M Changed", "R Renamed", ">Cosmetic<", ">true<", ">false<"] {
        assert!(html.contains(mark), "{mark}");
    }
    assert!(html.contains("aria-label=\"Stripe, output 2, to Notify on failure: only in n8n\""));
    assert!(html.contains(">switched off<") && html.contains("graph-wire graph-part"));
    assert!(html.contains("12 nodes, 11 connections"), "the table has all, what leads nowhere too");
}

#[tokio::test]
async fn changes_are_in_reach_of_the_keyboard_in_the_order_of_the_work() {
    let html = change("change-graph", with_graph(), None).await;
    let turn = |at| tag(&html, at).split("data-turn=\"").nth(1).and_then(|rest| rest.split('"').next());
    let turns: Vec<_> =
        [1, 2, 4, 3, 5].map(turn).into_iter().flatten().map(|turn| turn.parse::<u32>().unwrap()).collect();
    assert_eq!(turns.len(), 5);
    assert!(turns.is_sorted(), "{turns:?}");
    for unchanged in [0, 6, 10] {
        let tag = tag(&html, unchanged);
        assert!(tag.contains("tabindex=\"-1\"") && !tag.contains("data-turn"), "{tag}");
    }
    let scrolls = html.split("<div ").find(|tag| tag.contains("class=\"graph-box\"")).unwrap();
    assert!(scrolls.contains("tabindex=\"0\"") && scrolls.contains("role=\"region\""), "{}", &scrolls[..200]);
}

#[tokio::test]
async fn a_node_that_was_chosen_shows_both_of_its_sides_beside_the_canvas() {
    let html = change("change-graph-chosen", with_graph(), Some(2)).await;
    assert_eq!(html.matches("data-node=\"Stripe\"").count(), 2, "in the panel and in the whole diff");
    let panel = &html[html.find("id=\"graph-chosen\"").unwrap()..html.find("id=\"graph-table\"").unwrap()];
    for said in
        ["Stripe <mark>live</mark>", "Stripe <mark>test</mark>", "secret withheld", "position", "data-side=\"desired\""]
    {
        assert!(panel.contains(said), "{said}");
    }
    assert!(!panel.contains("Notify on failure"), "of this node alone");
    assert!(tag(&html, 2).contains("aria-current=\"true\"") && !tag(&html, 1).contains("aria-current"));
    assert!(html.contains("href=\"?node=2#node-2\""), "nodes are links");
    let environment = samples::environment(Badge::DriftDetected, 4);
    let split = GraphQuery::laid_out(drift::Layout::Split);
    let html =
        page("change-graph-split", true, move || drift::change::view(&environment, &with_graph(), &split, false));
    let html = html.await;
    assert!(html.contains("href=\"?node=2&amp;view=split#node-2\""), "lines stay side by side");
    assert!(!html.contains("href=\"?node=2#node-2\""), "on the canvas and in the table");
    let none = change("change-graph-nobody", with_graph(), Some(99)).await;
    assert!(none.contains("Choose a node") && !none.contains("aria-current=\"true\" tabindex"));
}

#[tokio::test]
async fn names_and_notes_on_the_canvas_are_text() {
    let html = change("change-graph", with_graph(), Some(11)).await;
    for markup in ["<script>alert", "<img src=x", "</text><script", "<b>nobody"] {
        assert!(!html.contains(markup), "{markup}");
    }
    assert!(html.contains("&lt;script&gt;alert(1)"));
}

#[tokio::test]
async fn a_plan_with_text_alone_says_which_has_the_canvas_and_one_without_diffs_says_it_once() {
    let html = change("change-text-only", samples::change_page(DiffOrRefusal::Diff(samples::diff())), None).await;
    assert!(html.contains("data-graph=\"text-only\"") && html.contains("The Agency plan also shows it"));
    assert!(!html.contains("<svg class=\"graph-picture\"") && html.contains("data-side"));
    let message = "Seeing what differs needs the Pro plan.".to_owned();
    let refused = DiffOrRefusal::Refused { message, needs: drift_domain::plan::PlanTier::Pro };
    let html = change("change-refused", samples::change_page(refused), None).await;
    assert!(!html.contains("data-graph") && !html.contains("graph-box"));
}

#[tokio::test]
async fn a_change_of_an_incident_has_the_canvas_too() {
    let html = page("incident-change-graph", true, || {
        let incident = samples::incidents::incident(IncidentStatus::Stabilized);
        of_incident::view(
            &incident,
            &with_graph(),
            &samples::incidents::in_incident(),
            &GraphQuery::of(Some(3)),
            &Kept::default(),
            samples::now(),
        )
    })
    .await;
    assert!(html.contains("graph-picture") && tag(&html, 3).contains("aria-current"));
}

#[tokio::test]
async fn five_hundred_nodes_are_a_page_that_can_be_sent() {
    let mut many = with_graph();
    let graph = many.graph.as_mut().unwrap();
    let node = graph.nodes[0].clone();
    graph.nodes = (0..500_u32)
        .map(|n| GraphNode {
            place: Some(Place { x: f64::from(n % 25) * 220.0, y: f64::from(n / 25) * 200.0 }),
            name: format!("Node {n}"),
            ..node.clone()
        })
        .collect();
    let edge = graph.edges[0].clone();
    graph.edges =
        (0..499_u32).map(|n| GraphEdge { from_node: Some(n), to_node: Some(n + 1), ..edge.clone() }).collect();
    let html = change("change-graph-large", many, None).await;
    assert_eq!(html.matches("class=\"graph-node").count(), 500);
    assert!(html.len() < 1_500_000, "{} bytes before they are compressed", html.len());
    assert!(!html.contains("<filter") && !html.contains("filter="));
}
