//! The rules of the canonical form, version 1, in their slow and obvious form: over `serde_json::Value`, one copy after the
//! other. What the engine does quickly must come out as this does.

mod connections;
mod node;
mod parts;
mod value;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use value::{bytes, is_empty};

/// How often each rule left something out.
#[derive(Default)]
pub struct Notes(BTreeMap<&'static str, usize>);

impl Notes {
    fn note(&mut self, rule: &'static str) {
        *self.0.entry(rule).or_default() += 1;
    }
}

pub struct Node {
    id: Option<String>,
    name: String,
    kind: String,
    raw: Map<String, Value>,
}

/// What the engine says of a workflow's bytes: prints as they serialise, and what was ignored.
#[derive(Debug, PartialEq)]
pub struct Said {
    pub prints: Value,
    pub ignored: Vec<(String, usize)>,
}

/// What the rules say of a workflow's bytes; none where they are not one workflow within the limits.
pub fn said(file: &[u8]) -> Option<Said> {
    let mut top = match read(file)? {
        Value::Array(items) if items.len() == 1 => items.into_iter().next()?,
        Value::Object(mut map) if !map.contains_key("nodes") && map.get("data").is_some_and(Value::is_object) => {
            map.remove("data")?
        }
        other => other,
    };
    let map = top.as_object_mut()?;
    let mut nodes = read_nodes(map.remove("nodes")?)?;
    let mut connections = object(map.remove("connections"))?;
    let settings = object(map.remove("settings"))?;
    let mut facets: BTreeMap<&str, (Value, Value)> = BTreeMap::new();
    let id = map.remove("id").and_then(text_or_number);
    let name = map.remove("name").and_then(text_or_number);
    let active = map.remove("active").as_ref().and_then(truth);
    let archived = map.remove("isArchived").as_ref().and_then(truth);
    let description = map.remove("description").map(|d| match d {
        Value::String(s) => s,
        other if is_empty(&other) => String::new(),
        other => String::from_utf8(bytes(&other)).unwrap(),
    });
    let tags = map.remove("tags").as_ref().and_then(tags);
    let mut groups = map.remove("nodeGroups").filter(|g| !g.is_null());

    let marks = ["owner", "parentFolderId", "tagIds", "shared", "activeVersionId"];
    let instance = id.is_some() || marks.iter().any(|mark| map.contains_key(*mark));
    let (version, published) = (map.get("versionId"), map.get("activeVersionId"));
    let has_draft = active != Some(false)
        && version.is_some_and(Value::is_string)
        && published.is_some_and(Value::is_string)
        && version != published;
    if let Some(running) = map.get("activeVersion").filter(|v| has_draft && v["nodes"].is_array()) {
        nodes = read_nodes(running["nodes"].clone())?;
        connections = object(running.get("connections").cloned())?;
        groups = running.get("nodeGroups").filter(|g| !g.is_null()).cloned().or(groups);
    }
    let mut notes = Notes::default();
    for (key, value) in map.iter() {
        notes.note(if is_empty(value) { "empty" } else { top_rule(key) });
    }
    notes.note("node-order");

    let mut facet = |key, value: Option<Value>, default: Value| {
        if let Some(value) = value {
            facets.insert(key, (value, default));
        }
    };
    facet("name", name.map(Value::from), json!(""));
    facet("active", active.map(Value::from), json!(false));
    facet("isArchived", archived.map(Value::from), json!(false));
    facet("description", description.map(Value::from), json!(""));
    facet("tags", tags, json!([]));
    facet("nodeGroups", groups.map(|g| parts::groups(&g, &nodes)), json!([]));
    let mut printed: BTreeMap<String, String> = facets
        .into_iter()
        .map(|(key, (value, default))| {
            (key.to_owned(), format!("{}{}", if value == default { "=" } else { "" }, short(&value)))
        })
        .collect();
    let settings = parts::settings(&settings, &mut notes);
    let (core, soft) = core(&nodes, &connections, &settings.known, &mut notes);
    let unknown = settings.unknown.into_iter().map(|(key, value)| (format!("\u{1f}settings\u{1f}{key}"), value));
    for (key, value) in soft.into_iter().chain(unknown) {
        printed.insert(format!("~{}", short(&Value::from(key))), short(&value));
    }
    let mut prints = json!({"v": 1, "core": core, "f": printed});
    if instance {
        prints["i"] = json!(true);
    }
    Some(Said { prints, ignored: notes.0.into_iter().map(|(rule, n)| (rule.to_owned(), n)).collect() })
}

/// The hash of nodes, edges and settings, and the soft values.
fn core(
    nodes: &[Node],
    connections: &Map<String, Value>,
    settings: &Map<String, Value>,
    notes: &mut Notes,
) -> (String, Vec<(String, Value)>) {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for node in nodes.iter().filter(|n| n.kind != node::STICKY) {
        *counts.entry(&node.name).or_default() += 1;
    }
    let shared: HashSet<&str> = counts.into_iter().filter(|(_, n)| *n > 1).map(|(name, _)| name).collect();
    let mut soft = Vec::new();
    let mut bodies = Vec::new();
    for node in nodes {
        let form = node::canonical(node, shared.contains(node.name.as_str()), notes);
        if node.kind == node::STICKY {
            continue;
        }
        for (path, value) in form.soft {
            let steps = path.iter().map(|step| match step {
                node::Step::Index(i) => format!("\u{1f}{i}"),
                node::Step::Key(key) => format!("\u{1f}{key}"),
            });
            soft.push((node.name.clone() + &steps.collect::<String>(), value));
        }
        let mut body = bytes(&Value::from(node.name.as_str()));
        body.extend(bytes(&Value::Object(form.fields)));
        bodies.push(body);
    }
    bodies.sort();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&1_u32.to_le_bytes());
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(&bytes(&Value::Object(settings.clone())));
    part(&(bodies.len() as u64).to_le_bytes());
    bodies.iter().for_each(|body| part(body));
    for e in connections::edges(connections, notes) {
        part(&bytes(&json!([e.source, e.port, e.output, e.target, e.input_kind, e.input])));
    }
    (hasher.finalize().to_hex().to_string(), soft)
}

fn short(value: &Value) -> String {
    blake3::hash(&bytes(value)).to_hex()[..16].to_owned()
}

/// JSON text within the default limits, half surrogate pairs escaped once more.
fn read(file: &[u8]) -> Option<Value> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    if file.len() > 10 * 1024 * 1024 || depth(file) > 128 {
        return None;
    }
    let parse = |bytes: &[u8]| {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        deserializer.disable_recursion_limit();
        Value::deserialize(&mut deserializer).ok().filter(|_| deserializer.end().is_ok())
    };
    parse(file).or_else(|| parse(&repaired(file)))
}

fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn repaired(bytes: &[u8]) -> Vec<u8> {
    let unit = |i: usize| {
        let digits = bytes.get(i..i + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let (mut out, mut i) = (Vec::new(), 0);
    while i < bytes.len() {
        let low = |i| unit(i).is_some_and(|u| (0xDC00..0xE000).contains(&u));
        let length = match (bytes[i], unit(i)) {
            (b'\\', Some(0xD800..0xDC00)) if low(i + 6) => 12,
            (b'\\', Some(0xD800..0xE000)) => {
                out.push(b'\\');
                6
            }
            (b'\\', Some(_)) => 6,
            (b'\\', None) => 2,
            _ => 1,
        };
        out.extend_from_slice(&bytes[i..bytes.len().min(i + length)]);
        i += length;
    }
    out
}

fn read_nodes(value: Value) -> Option<Vec<Node>> {
    let items = value.as_array()?;
    let text = |raw: &Map<String, Value>, key: &str| raw.get(key).cloned().and_then(text_or_number);
    (items.len() <= 5_000).then_some(())?;
    items
        .iter()
        .map(|item| {
            let raw = item.as_object()?.clone();
            let (id, name, kind) = (text(&raw, "id"), text(&raw, "name"), text(&raw, "type"));
            Some(Node { id, name: name.unwrap_or_default(), kind: kind.unwrap_or_default(), raw })
        })
        .collect()
}

fn object(value: Option<Value>) -> Option<Map<String, Value>> {
    match value {
        None | Some(Value::Null) => Some(Map::new()),
        Some(Value::Object(map)) => Some(map),
        Some(Value::Array(items)) if items.is_empty() => Some(Map::new()),
        Some(_) => None,
    }
}

fn text_or_number(value: Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s).filter(|s| !s.is_empty()),
        Value::Number(n) => Some(value::number(&n).to_string()),
        _ => None,
    }
}

fn truth(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| value.as_f64().map(|f| f != 0.0))
}

fn tags(value: &Value) -> Option<Value> {
    let name = |tag: &Value| tag.as_str().or_else(|| tag.get("name")?.as_str()).map(str::to_owned);
    let mut names: Vec<_> = value.as_array()?.iter().filter_map(name).collect();
    names.sort();
    names.dedup();
    Some(names.into())
}

fn top_rule(key: &str) -> &'static str {
    let runtime = ["staticData", "pinData", "triggerCount", "lastExecution", "statistics"];
    let server = [
        "createdAt",
        "updatedAt",
        "versionId",
        "versionCounter",
        "activeVersionId",
        "activeVersion",
        "meta",
        "sourceWorkflowId",
        "shared",
        "owner",
        "parentFolder",
        "parentFolderId",
        "homeProject",
        "sharedWithProjects",
        "scopes",
        "usedCredentials",
        "versionMetadata",
        "tagIds",
        "checksum",
        "hash",
        "workflowPublishHistory",
        "publishHistory",
    ];
    match key {
        key if runtime.contains(&key) => "runtime",
        key if server.contains(&key) => "server",
        _ => "unknown-field",
    }
}
