//! The graph of [`super::diff`]: every state, every kind of node, and names that would like to be markup.

use drift_domain::change::Origin;
use drift_domain::views::*;

/// Made up whole. The places of what is looked for are named here: 1 changed code, 2 moved as well, 3 comes, 4 goes, 5 has
/// another name.
pub(crate) fn graph() -> GraphView {
    use GraphState::{Added, Cosmetic, Modified, Removed, Renamed, Same};
    use NodeKind::{Action, AiPart, Branch, Code, Sticky, SubWorkflow, Trigger};
    let base = |kind: &str| format!("n8n-nodes-base.{kind}");
    let mut nodes = vec![
        node("When Stripe calls", &base("webhook"), Trigger, Same, (-420.0, 0.0)),
        node("Keep the paid ones", &base("code"), Code, Modified, (-220.0, 0.0)),
        node("Stripe", &base("httpRequest"), Action, Modified, (260.0, 120.0)),
        node("Notify on failure", &base("slack"), Action, Added, (480.0, 200.0)),
        node("Old log", &base("postgres"), Action, Removed, (480.0, -60.0)),
        node("Fetch", &base("httpRequest"), Action, Renamed, (480.0, 420.0)),
        node("Paid?", &base("if"), Branch, Same, (20.0, 0.0)),
        node("Bookkeeping", &base("executeWorkflow"), SubWorkflow, Same, (700.0, -60.0)),
        node("Agent", "@n8n/n8n-nodes-langchain.agent", Action, Same, (700.0, 200.0)),
        node("Model", "@n8n/n8n-nodes-langchain.lmChatOpenAi", AiPart, Same, (700.0, 420.0)),
        node("Sticky Note", &base("stickyNote"), Sticky, Cosmetic, (-460.0, -120.0)),
        node("</text><script>alert(1)</script>", &base("noOp"), Action, Same, (920.0, 200.0)),
    ];
    nodes[1].origin = Origin::Hotfix;
    nodes[2].origin = Origin::Collision;
    (nodes[2].differences, nodes[2].moved) = (3, true);
    nodes[3].origin = Origin::Hotfix;
    nodes[4].origin = Origin::Undeployed;
    nodes[5].live_name = Some("Fetch the customer".to_owned());
    nodes[7].disabled = true;
    let text = "## Refunds\n<img src=x onerror=alert(1)> have a negative total".to_owned();
    nodes[10].note = Some(StickyView { text, width: Some(420.0), height: Some(260.0) });
    nodes[11].place = None;
    let mut model = edge(&nodes, 9, 0, 8, Same);
    (model.output_type, model.input_type) = ("ai_languageModel".to_owned(), "ai_languageModel".to_owned());
    let mut nowhere = edge(&nodes, 8, 0, 8, Same);
    (nowhere.to, nowhere.to_node) = ("<b>nobody</b>".to_owned(), None);
    let edges = vec![
        edge(&nodes, 0, 0, 1, Same),
        edge(&nodes, 1, 0, 6, Same),
        edge(&nodes, 6, 0, 2, Same),
        edge(&nodes, 2, 1, 3, Added),
        edge(&nodes, 6, 1, 4, Removed),
        edge(&nodes, 4, 0, 7, Removed),
        edge(&nodes, 3, 0, 8, Added),
        edge(&nodes, 8, 0, 1, Same),
        edge(&nodes, 6, 1, 5, Same),
        model,
        nowhere,
    ];
    GraphView { nodes, edges }
}

fn node(name: &str, node_type: &str, kind: NodeKind, state: GraphState, (x, y): (f64, f64)) -> GraphNode {
    GraphNode {
        name: name.to_owned(),
        live_name: None,
        node_type: node_type.to_owned(),
        kind,
        state,
        origin: Origin::Unknown,
        differences: u32::from(state != GraphState::Same),
        moved: false,
        disabled: false,
        place: Some(Place { x, y }),
        note: None,
    }
}

fn edge(nodes: &[GraphNode], from: usize, output: u32, to: usize, state: GraphState) -> GraphEdge {
    GraphEdge {
        from: nodes[from].name.clone(),
        from_node: u32::try_from(from).ok(),
        output_type: "main".to_owned(),
        output,
        to: nodes[to].name.clone(),
        to_node: u32::try_from(to).ok(),
        input_type: "main".to_owned(),
        input: 0,
        state,
        origin: Origin::Unknown,
    }
}
