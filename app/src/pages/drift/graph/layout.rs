//! Where everything of a graph goes, in whole pixels from the top left corner. Knows neither colours nor words.
//!
//! Places are n8n's, so that people find their way. What n8n allows and a picture cannot show is put right: places that are
//! missing, the same as another's, negative, or so far out that there would be nothing but emptiness between.

use std::collections::HashMap;

use drift_domain::views::{GraphEdge, GraphNode, GraphState, GraphView, NodeKind, Place};

/// The side of a node, as on n8n's canvas.
pub(super) const NODE: i32 = 96;
/// What a sticky note measures where the workflow does not say: n8n's own default.
const STICKY: (f64, f64) = (240.0, 160.0);
/// Around everything, with room for the names below and the connections that lead back.
const MARGIN: i32 = 64;
/// More emptiness than this between two columns or rows tells nothing.
const EMPTY: f64 = 480.0;
/// Beyond this n8n's canvas has no places; it keeps sums exact.
const FAR: f64 = 1e9;
/// The longest side. What does not fit is pushed together.
const LONGEST: f64 = 60_000.0;
/// Nodes that say no place stand in rows of so many, below everything.
const ROW: usize = 8;
/// From one of them to the next.
const STEP: i32 = 200;
/// How far a node is moved that would hide another one.
const ASIDE: i32 = 30;

/// A graph with places.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub width: i32,
    pub height: i32,
    /// One for each node, in their order.
    pub boxes: Vec<Box>,
    /// One for each connection between two nodes that are there.
    pub wires: Vec<Wire>,
}

/// A node's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Box {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
}

/// A connection's way.
#[derive(Debug)]
pub(super) struct Wire {
    /// Which connection.
    pub edge: usize,
    /// The way, as SVG writes it.
    pub path: String,
    /// In the middle of it.
    pub middle: (i32, i32),
    /// What to write at its ends, and where: of nodes with more than one output or input.
    pub ports: Vec<Port>,
}

/// What is written where a connection begins or ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Port {
    pub x: i32,
    pub y: i32,
    pub text: String,
    /// Whether the text ends there, not begins.
    pub ends: bool,
}

/// Gives everything its place.
pub(super) fn layout(graph: &GraphView) -> Layout {
    let boxes = boxes(&graph.nodes);
    let sides = Sides::of(graph);
    let wires: Vec<_> = graph
        .edges
        .iter()
        .enumerate()
        .filter_map(|(at, edge)| {
            let (from, to) = (edge.from_node? as usize, edge.to_node? as usize);
            let ends = (*boxes.get(from)?, *boxes.get(to)?);
            let (path, middle, ports) = way(edge, (from, to), ends, &sides, graph.nodes.get(from)?);
            Some(Wire { edge: at, path, middle, ports })
        })
        .collect();
    let far = |side: fn(&Box) -> i32| boxes.iter().map(side).max().unwrap_or_default();
    let lowest = wires.iter().map(|wire| wire.middle.1).max().unwrap_or_default();
    Layout {
        width: far(|b| b.x + b.width) + MARGIN,
        height: far(|b| b.y + b.height).max(lowest) + MARGIN,
        boxes,
        wires,
    }
}

fn size(node: &GraphNode) -> (f64, f64) {
    let Some(note) = node.note.as_ref().filter(|_| node.kind == NodeKind::Sticky) else {
        return (NODE.into(), NODE.into());
    };
    let side = |given: Option<f64>, usual: f64| given.filter(|n| *n > 0.0).unwrap_or(usual).clamp(NODE.into(), FAR);
    (side(note.width, STICKY.0), side(note.height, STICKY.1))
}

fn boxes(nodes: &[GraphNode]) -> Vec<Box> {
    let places: Vec<_> = nodes.iter().map(|node| node.place.map(near).zip(Some(size(node)))).collect();
    let across = Axis::of(places.iter().flatten().map(|(place, size)| (place.x, place.x + size.0)));
    let down = Axis::of(places.iter().flatten().map(|(place, size)| (place.y, place.y + size.1)));
    let below = if places.iter().all(Option::is_none) { MARGIN } else { down.end() + STEP };
    let mut homeless = 0;
    let boxes = places.iter().map(|place| match place {
        Some((place, size)) => {
            let (x, y) = (across.at(place.x), down.at(place.y));
            // Notes cover what stands on them however the emptiness around it was taken out.
            let (right, bottom) = (across.at(place.x + size.0), down.at(place.y + size.1));
            Box { x, y, width: (right - x).max(NODE), height: (bottom - y).max(NODE) }
        }
        None => {
            let (column, row) = (homeless % ROW, homeless / ROW);
            homeless += 1;
            let step = |n: usize| i32::try_from(n).unwrap_or_default() * STEP;
            Box { x: MARGIN + step(column), y: below + step(row), width: NODE, height: NODE }
        }
    });
    apart(boxes.collect(), nodes)
}

/// Moves nodes aside that would hide another one: what is gone gives way to what is there.
fn apart(mut boxes: Vec<Box>, nodes: &[GraphNode]) -> Vec<Box> {
    let mut taken: HashMap<(i32, i32), i32> = HashMap::new();
    let mut order: Vec<_> = (0..nodes.len()).filter(|at| nodes[*at].kind != NodeKind::Sticky).collect();
    order.sort_by_key(|at| nodes[*at].state == GraphState::Removed);
    for at in order {
        let Box { x, y, .. } = boxes[at];
        let here = taken.entry((x / 16, y / 16)).or_default();
        boxes[at] = Box { x: x + *here * ASIDE, y: y + *here * ASIDE, width: NODE, height: NODE };
        *here += 1;
    }
    boxes
}

fn near(place: Place) -> Place {
    let near = |n: f64| if n.is_finite() { n.clamp(-FAR, FAR) } else { 0.0 };
    Place { x: near(place.x), y: near(place.y) }
}

/// One direction: from n8n's pixels to those of the picture, in order, and with less emptiness.
#[derive(Debug, Default)]
struct Axis {
    /// Where something begins or ends, and where that is in the picture.
    stops: Vec<(f64, f64)>,
}

impl Axis {
    fn of(spans: impl Iterator<Item = (f64, f64)>) -> Self {
        let mut ends: Vec<f64> = spans.flat_map(|(from, to)| [from, to]).collect();
        ends.sort_by(f64::total_cmp);
        ends.dedup();
        let (mut stops, mut at): (Vec<(f64, f64)>, f64) = (Vec::with_capacity(ends.len()), 0.0);
        for end in ends {
            at += stops.last().map_or(0.0, |(before, _)| (end - before).min(EMPTY));
            stops.push((end, at));
        }
        let shrink = (LONGEST / at.max(1.0)).min(1.0);
        stops.iter_mut().for_each(|(_, at)| *at *= shrink);
        Self { stops }
    }

    /// Where a stop is in the picture.
    fn at(&self, n: f64) -> i32 {
        let found = self.stops.partition_point(|(stop, _)| *stop < n);
        let at = self.stops.get(found).or(self.stops.last()).map_or(0.0, |(_, at)| *at);
        #[expect(clippy::cast_possible_truncation, reason = "at most LONGEST")]
        let at = at.round() as i32;
        at + MARGIN
    }

    fn end(&self) -> i32 {
        self.stops.last().map_or(MARGIN, |(stop, _)| self.at(*stop))
    }
}

/// How many outputs and inputs each node has, as far as connections tell.
#[derive(Default)]
struct Sides<'g> {
    outputs: HashMap<usize, u32>,
    inputs: HashMap<usize, u32>,
    /// The other kinds of input, which AI nodes have below.
    parts: HashMap<usize, Vec<&'g str>>,
}

impl<'g> Sides<'g> {
    fn of(graph: &'g GraphView) -> Self {
        let mut sides = Self::default();
        for edge in &graph.edges {
            let (Some(from), Some(to)) = (edge.from_node, edge.to_node) else { continue };
            let (from, to) = (from as usize, to as usize);
            if edge.output_type == "main" {
                let at_least = graph.nodes.get(from).map_or(1, outputs);
                let outputs = sides.outputs.entry(from).or_insert(at_least);
                *outputs = edge.output.saturating_add(1).max(*outputs);
            }
            if edge.input_type == "main" {
                let inputs = sides.inputs.entry(to).or_insert(1);
                *inputs = edge.input.saturating_add(1).max(*inputs);
            } else {
                let parts = sides.parts.entry(to).or_default();
                if !parts.contains(&edge.input_type.as_str()) {
                    parts.push(&edge.input_type);
                }
            }
        }
        sides
    }
}

/// How many outputs nodes of a type have at least.
fn outputs(node: &GraphNode) -> u32 {
    match short_type(node) {
        "if" | "splitInBatches" => 2,
        _ => 1,
    }
}

/// A node's type without the package that it comes from.
pub(super) fn short_type(node: &GraphNode) -> &str {
    node.node_type.rsplit('.').next().unwrap_or_default()
}

/// What people call an output of a node; ports are counted from 1, as in the text of a diff.
pub(super) fn output_name(node: &GraphNode, output: u32) -> String {
    match (short_type(node), output) {
        ("if", 0) => "true".to_owned(),
        ("if", 1) => "false".to_owned(),
        ("splitInBatches", 0) => "done".to_owned(),
        ("splitInBatches", 1) => "loop".to_owned(),
        (_, n) => n.saturating_add(1).to_string(),
    }
}

fn way(
    edge: &GraphEdge,
    (from, to): (usize, usize),
    ends: (Box, Box),
    sides: &Sides<'_>,
    source: &GraphNode,
) -> (String, (i32, i32), Vec<Port>) {
    let (a, b) = ends;
    let mut ports = Vec::new();
    if edge.output_type != "main" {
        let kinds = sides.parts.get(&to).map_or(&[][..], Vec::as_slice);
        let at = kinds.iter().position(|kind| *kind == edge.input_type).unwrap_or_default();
        let (x1, y1) = (a.x + a.width / 2, a.y);
        let (x2, y2) = (b.x + part(b.width, at, kinds.len()), b.y + b.height);
        let bend = ((y1 - y2).abs() / 2).max(40);
        let path = format!("M{x1} {y1}C{x1} {} {x2} {} {x2} {y2}", y1 - bend, y2 + bend);
        return (path, (i32::midpoint(x1, x2), i32::midpoint(y1, y2)), ports);
    }
    let (outputs, inputs) = (count(&sides.outputs, from), count(&sides.inputs, to));
    let (x1, y1) = (a.x + a.width, a.y + part(a.height, edge.output as usize, outputs));
    let (x2, y2) = (b.x, b.y + part(b.height, edge.input as usize, inputs));
    if outputs > 1 {
        ports.push(Port { x: x1 + 6, y: y1 - 4, text: output_name(source, edge.output), ends: false });
    }
    if inputs > 1 {
        ports.push(Port { x: x2 - 6, y: y2 - 4, text: edge.input.saturating_add(1).to_string(), ends: true });
    }
    if x2 > x1 - NODE / 2 {
        let bend = ((x2 - x1).abs() / 2).clamp(24, 160);
        let path = format!("M{x1} {y1}C{} {y1} {} {y2} {x2} {y2}", x1 + bend, x2 - bend);
        return (path, (i32::midpoint(x1, x2), i32::midpoint(y1, y2)), ports);
    }
    // Back to something on the left: below both, clear of their names.
    let (low, out, back) = (a.y.max(b.y) + NODE + 56, x1 + 56, x2 - 56);
    let path = format!("M{x1} {y1}C{out} {y1} {out} {low} {x1} {low}L{x2} {low}C{back} {low} {back} {y2} {x2} {y2}");
    (path, (i32::midpoint(x1, x2), low), ports)
}

fn count(ports: &HashMap<usize, u32>, node: usize) -> usize {
    ports.get(&node).map_or(1, |n| *n as usize)
}

/// Where the port `at` of `of` is along a side.
fn part(side: i32, at: usize, of: usize) -> i32 {
    let whole = |n: usize| i64::try_from(n).unwrap_or(i64::MAX / 2);
    let at = i64::from(side).saturating_mul(whole(at) + 1) / (whole(of.max(1)) + 1);
    i32::try_from(at).unwrap_or(side).min(side)
}

/// A name in at most two lines of `width` characters, broken at spaces where it has them, cut where it is longer.
pub(super) fn lines(name: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut words = name.split_whitespace();
    while let Some(word) = words.next() {
        let length = |text: &str| text.chars().count();
        let last = lines.last().map_or(0, |line| length(line));
        if last > 0 && last + 1 + length(word) > width {
            if lines.len() == 2 {
                return cut(lines, width, true);
            }
            lines.push(word.to_owned());
        } else if let Some(line) = lines.last_mut() {
            if last > 0 {
                line.push(' ');
            }
            line.push_str(word);
        }
        if lines.last().is_some_and(|line| length(line) > width) {
            return cut(lines, width, words.next().is_some());
        }
    }
    lines
}

/// With a mark that there is more, where there is.
fn cut(mut lines: Vec<String>, width: usize, more: bool) -> Vec<String> {
    if let Some(line) = lines.last_mut()
        && (more || line.chars().count() > width)
    {
        *line = line.chars().take(width.saturating_sub(1)).collect::<String>().trim_end().to_owned() + "…";
    }
    lines
}

#[cfg(test)]
mod tests {
    use drift_domain::change::Origin;
    use drift_domain::views::StickyView;

    use super::*;

    fn node(place: Option<(f64, f64)>) -> GraphNode {
        GraphNode {
            name: "N".to_owned(),
            live_name: None,
            node_type: "n8n-nodes-base.set".to_owned(),
            kind: NodeKind::Action,
            state: GraphState::Same,
            origin: Origin::Unknown,
            differences: 0,
            moved: false,
            disabled: false,
            place: place.map(|(x, y)| Place { x, y }),
            note: None,
        }
    }

    fn edge(from: u32, output: u32, to: u32, input: u32) -> GraphEdge {
        GraphEdge {
            from: String::new(),
            from_node: Some(from),
            output_type: "main".to_owned(),
            output,
            to: String::new(),
            to_node: Some(to),
            input_type: "main".to_owned(),
            input,
            state: GraphState::Same,
            origin: Origin::Unknown,
        }
    }

    fn places(nodes: &[Option<(f64, f64)>]) -> Layout {
        layout(&GraphView { nodes: nodes.iter().map(|place| node(*place)).collect(), edges: vec![] })
    }

    fn corners(layout: &Layout) -> Vec<(i32, i32)> {
        layout.boxes.iter().map(|b| (b.x, b.y)).collect()
    }

    #[test]
    fn places_are_kept_and_counted_from_the_corner() {
        let layout = places(&[Some((-200.0, 40.0)), Some((0.0, -60.0)), Some((200.4, 40.0))]);
        assert_eq!(corners(&layout), [(64, 164), (264, 64), (464, 164)]);
        assert_eq!((layout.width, layout.height), (464 + NODE + MARGIN, 164 + NODE + MARGIN));
    }

    #[test]
    fn emptiness_is_taken_out_and_order_stays() {
        let layout = places(&[Some((0.0, 0.0)), Some((1e300, 0.0)), Some((-1e9, 5e8)), Some((f64::NAN, 0.0))]);
        let x: Vec<_> = layout.boxes.iter().map(|b| b.x).collect();
        assert!(x[2] < x[0] && x[0] < x[1], "{x:?}");
        assert!(layout.width < 2_000 && layout.height < 2_000, "{layout:?}");
    }

    #[test]
    fn five_hundred_scattered_nodes_fit() {
        let all: Vec<_> = (0..500).map(|n| Some((f64::from(n) * 1e5, f64::from(n % 7) * -1e6))).collect();
        let layout = places(&all);
        assert!(f64::from(layout.width) <= LONGEST + f64::from(NODE + 2 * MARGIN), "{}", layout.width);
        assert!(layout.boxes.windows(2).all(|pair| pair[0].x <= pair[1].x));
        assert!(layout.boxes.iter().all(|b| b.x >= MARGIN && b.y >= MARGIN));
    }

    #[test]
    fn no_two_nodes_hide_each_other_and_none_is_left_out() {
        let layout = places(&[Some((0.0, 0.0)), Some((0.0, 0.0)), Some((4.0, 0.0)), None, None]);
        let mut corners = corners(&layout);
        assert_eq!(corners[3..], [(64, 360), (264, 360)], "those without a place stand below the others");
        corners.sort_unstable();
        corners.dedup();
        assert_eq!(corners.len(), 5);
        assert_eq!(places(&[None]).boxes[0], Box { x: 64, y: 64, width: NODE, height: NODE });
        assert!(places(&[]).boxes.is_empty());
    }

    #[test]
    fn what_is_gone_gives_way_to_what_took_its_place() {
        let mut nodes = vec![node(Some((0.0, 0.0))), node(Some((0.0, 0.0)))];
        nodes[0].state = GraphState::Removed;
        assert_eq!(corners(&layout(&GraphView { nodes, edges: vec![] })), [(94, 94), (64, 64)]);
    }

    #[test]
    fn a_note_still_covers_what_stands_on_it() {
        let mut note = node(Some((0.0, 0.0)));
        note.kind = NodeKind::Sticky;
        note.note = Some(StickyView { text: String::new(), width: Some(5_000.0), height: Some(-3.0) });
        let on_it = node(Some((4_800.0, 20.0)));
        let layout = layout(&GraphView { nodes: vec![note, on_it], edges: vec![] });
        let [note, on_it] = layout.boxes[..] else { panic!("{layout:?}") };
        assert!(note.x + note.width >= on_it.x + on_it.width, "{layout:?}");
        assert_eq!(note.height, 160, "a size that is none is n8n's own");
    }

    #[test]
    fn ports_are_told_apart_on_both_ends() {
        let mut nodes: Vec<_> = [0.0, 300.0, 600.0].iter().map(|x| node(Some((*x, 0.0)))).collect();
        nodes[0].node_type = "n8n-nodes-base.if".to_owned();
        let edges = vec![edge(0, 0, 1, 0), edge(0, 1, 2, 1), edge(1, 0, 2, 0), edge(0, 0, 7, 0)];
        let layout = layout(&GraphView { nodes, edges });
        let ports: Vec<Vec<_>> =
            layout.wires.iter().map(|wire| wire.ports.iter().map(|port| port.text.as_str()).collect()).collect();
        assert_eq!(ports, [vec!["true"], vec!["false", "2"], vec!["1"]], "and what leads nowhere is not drawn");
        assert!(layout.wires[0].path.starts_with("M160 96C") && layout.wires[1].path.starts_with("M160 128C"));
    }

    #[test]
    fn the_way_back_leads_below_and_hostile_ports_stay_on_the_node() {
        let nodes = vec![node(Some((0.0, 0.0))), node(Some((400.0, 0.0)))];
        let layout = layout(&GraphView { nodes, edges: vec![edge(1, u32::MAX, 0, u32::MAX)] });
        let wire = &layout.wires[0];
        assert!(wire.path.contains('L') && wire.middle.1 > layout.boxes[0].y + NODE, "{wire:?}");
        assert!(wire.ports.iter().all(|port| port.y <= layout.boxes[0].y + NODE));
        assert!(layout.height > wire.middle.1);
    }

    #[test]
    fn names_take_two_lines_at_most() {
        assert_eq!(lines("Stripe", 12), ["Stripe"]);
        assert_eq!(lines("Notify on failure", 12), ["Notify on", "failure"]);
        assert_eq!(lines("Keep the paid ones of this month", 12), ["Keep the", "paid ones o…"]);
        assert_eq!(lines("ÄÄÄÄÄÄÄÄÄÄÄÄÄÄ", 12), ["ÄÄÄÄÄÄÄÄÄÄÄ…"]);
        assert_eq!(lines("", 12), [""]);
    }
}
