//! The rules for nodes and connections, one by one.

use std::collections::BTreeSet;

use drift_domain::views::{MergeSide, MergeSource};
use drift_engine::{ChangeKind, Choices, Workflow, diff, merge};
use serde_json::{Value, json};

use crate::held::{agree, choose, merged, read, try_merge};

/// A node whose id is `n-NAME`.
fn node(name: &str, parameters: Value) -> Value {
    json!({"id": format!("n-{name}"), "name": name, "type": format!("t.{name}"), "position": [0, 0], "parameters": parameters})
}

/// From source to targets at the first output.
fn wires(list: &[(&str, &[&str])]) -> Value {
    let target = |name: &&str| json!({"node": name, "type": "main", "index": 0});
    let slots = |targets: &[&str]| json!({"main": [targets.iter().map(target).collect::<Vec<_>>()]});
    list.iter()
        .map(|(source, targets)| ((*source).to_owned(), slots(targets)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// A → B → C, where C names B.
fn base() -> Value {
    json!({
        "id": "w", "name": "One", "active": true, "settings": {},
        "nodes": [node("A", json!({"x": 1})), node("B", json!({"x": 1})), node("C", json!({"x": "={{ $('B').item.json.y }}"}))],
        "connections": wires(&[("A", &["B"]), ("B", &["C"])]),
    })
}

/// The base after some edits.
fn edited(edit: impl FnOnce(&mut Value)) -> Workflow {
    let mut value = base();
    edit(&mut value);
    // Whatever else is built along: a feature of serde_json keeps the order as written.
    value.sort_all_objects();
    read(&value.to_string())
}

fn plain() -> Workflow {
    edited(|_| {})
}

fn json_of(workflow: &Workflow) -> Value {
    serde_json::from_slice(&workflow.canonical_json()).unwrap()
}

fn named(workflow: &Workflow, name: &str) -> Value {
    json_of(workflow)["nodes"].as_array().unwrap().iter().find(|n| n["name"] == name).cloned().unwrap_or_default()
}

/// Where a node leads, by the targets' names.
fn targets(workflow: &Workflow, source: &str) -> Vec<String> {
    let json = json_of(workflow);
    let all = json["connections"][source]["main"][0].as_array().cloned().unwrap_or_default();
    all.iter().map(|e| e["node"].as_str().unwrap().to_owned()).collect()
}

fn rename_b(w: &mut Value) {
    w["nodes"][1]["name"] = json!("Bee");
    w["nodes"][2]["parameters"]["x"] = json!("={{ $('Bee').item.json.y }}");
    w["connections"] = wires(&[("A", &["Bee"]), ("Bee", &["C"])]);
}

fn add(w: &mut Value, name: &str) {
    w["nodes"].as_array_mut().unwrap().push(node(name, json!({})));
}

fn remove_b(w: &mut Value) {
    w["nodes"].as_array_mut().unwrap().remove(1);
    w["connections"] = json!({});
}

/// The keys in conflict, whichever side is which.
fn asked(base: &Workflow, one: &Workflow, other: &Workflow) -> Vec<String> {
    let keys = |live, desired| -> Vec<String> {
        let merge = try_merge(Some(base), live, desired, &Choices::new());
        merge.conflicts.into_iter().map(|c| c.key).collect()
    };
    let there = keys(one, other);
    assert_eq!(there, keys(other, one));
    there
}

#[test]
fn connections_and_expressions_follow_a_rename_of_the_other_side() {
    let renamed = edited(rename_b);
    let other = edited(|w| {
        add(w, "D");
        w["nodes"][0]["parameters"]["y"] = json!("$node.B.json + $items(\"B\")");
        w["nodes"][2]["parameters"]["z"] = json!("={{ $('B').first() }}");
        w["connections"] = wires(&[("A", &["B", "D"]), ("D", &["B"]), ("B", &["C"])]);
    });
    for (live, desired) in [(&renamed, &other), (&other, &renamed)] {
        let merged = merged(Some(&plain()), live, desired);
        assert_eq!(targets(&merged, "A"), ["Bee", "D"]);
        assert_eq!((targets(&merged, "D"), targets(&merged, "Bee")), (vec!["Bee".to_owned()], vec!["C".to_owned()]));
        assert_eq!(named(&merged, "A")["parameters"]["y"], "$node.Bee.json + $items(\"Bee\")");
        assert_eq!(
            named(&merged, "C")["parameters"],
            json!({"x": "={{ $('Bee').item.json.y }}", "z": "={{ $('Bee').first() }}"})
        );
        assert_eq!(named(&merged, "B"), Value::Null);
    }
}

#[test]
fn names_that_are_exchanged_go_where_their_nodes_go() {
    let uuid = |n: usize| json!(format!("{n}1111111-1111-4111-8111-111111111111"));
    let with_ids = |edit: &dyn Fn(&mut Value)| {
        edited(|w| {
            (0..3).for_each(|n| w["nodes"][n]["id"] = uuid(n));
            (0..2).for_each(|n| w["nodes"][n]["type"] = json!("t"));
            w["nodes"][1]["parameters"]["x"] = json!(9);
            edit(w);
        })
    };
    let exchanged = with_ids(&|w| {
        (w["nodes"][0]["name"], w["nodes"][1]["name"]) = (json!("B"), json!("A"));
        w["nodes"][2]["parameters"]["x"] = json!("={{ $('A').item.json.y }}");
        w["connections"] = wires(&[("B", &["A"]), ("A", &["C"])]);
        w["nodes"][0]["parameters"]["x"] = json!(7);
    });
    let other = with_ids(&|w| w["nodes"][2]["parameters"]["y"] = json!("={{ $('B').x + $('A').x }}"));
    let merged = merged(Some(&with_ids(&|_| {})), &exchanged, &other);
    assert_eq!(named(&merged, "B")["parameters"]["x"], 7);
    assert_eq!(named(&merged, "C")["parameters"]["y"], "={{ $('A').x + $('B').x }}");
    assert_eq!((targets(&merged, "B"), targets(&merged, "A")), (vec!["A".to_owned()], vec!["C".to_owned()]));
}

#[test]
fn what_both_touched_is_asked_whichever_fields_they_are() {
    let disabled = edited(|w| w["nodes"][1]["disabled"] = json!(true));
    let parameters = edited(|w| w["nodes"][1]["parameters"]["x"] = json!(2));
    let (renamed, removed) = (edited(rename_b), edited(remove_b));
    for (one, other) in [
        (&disabled, &parameters),
        (&renamed, &parameters),
        (&removed, &parameters),
        (&removed, &renamed),
        (&parameters, &edited(|w| w["nodes"][1]["parameters"]["x"] = json!(3))),
    ] {
        assert_eq!(asked(&plain(), one, other), ["node:n-B"]);
    }
    let merge = try_merge(Some(&plain()), &removed, &parameters, &Choices::new());
    let conflict = &merge.conflicts[0];
    assert_eq!((conflict.title.as_str(), conflict.why.as_str()), ("Node “B”", "n8n removed it, and Git changed it."));
    assert_eq!((&conflict.live, conflict.sides.len()), (&None, 3));
    let lines = |x: usize| -> Vec<String> {
        let text = format!(
            "{{|  \"name\": \"B\",|  \"parameters\": {{|    \"x\": {x}|  }},|  \"type\": \"t.B\",|  \"typeVersion\": 1|}}"
        );
        text.split('|').map(str::to_owned).collect()
    };
    assert_eq!((&conflict.desired, &conflict.base), (&Some(lines(2)), &Some(lines(1))));
}

#[test]
fn an_expression_finds_a_renamed_node_that_its_own_side_had_removed() {
    let (renamed, removed) = (edited(rename_b), edited(remove_b));
    for (live, desired, kept) in [(&renamed, &removed, MergeSide::Live), (&removed, &renamed, MergeSide::Desired)] {
        let merged = merged_with(live, desired, &choose(kept, ["node:n-B"]));
        assert_eq!(named(&merged, "C")["parameters"]["x"], "={{ $('Bee').item.json.y }}");
        assert!(agree(&merged, &renamed), "{}", diff(&merged, &renamed));
    }
}

#[test]
fn the_same_change_is_no_conflict_and_no_touch_is_none() {
    for edit in
        [rename_b, remove_b, |w: &mut Value| w["nodes"][1]["disabled"] = json!(true), |w: &mut Value| add(w, "D")]
    {
        let (live, desired) = (edited(edit), edited(edit));
        let merge = try_merge(Some(&plain()), &live, &desired, &Choices::new());
        assert!(
            !merge.parts.is_empty() && merge.parts.iter().all(|p| p.source == MergeSource::Both),
            "{:?}",
            merge.parts
        );
        assert!(agree(&merge.merged.unwrap(), &live));
    }
    let cosmetic = edited(|w| {
        w["nodes"][1]["position"] = json!([640, 0]);
        w["nodes"][1]["disabled"] = json!(false);
    });
    let changed = edited(|w| w["nodes"][1]["parameters"]["x"] = json!(2));
    assert!(agree(&merged(Some(&plain()), &cosmetic, &changed), &changed));
}

#[test]
fn positions_are_lives_unless_git_alone_moved_and_ids_are_lives() {
    let place = |x: usize| {
        edited(|w| {
            w["nodes"][1]["position"] = json!([x, 0]);
            w["nodes"][1]["id"] = json!(format!("id-{x}"));
        })
    };
    let of = |live: &Workflow, desired: &Workflow| named(&merged(Some(&place(0)), live, desired), "B");
    assert_eq!(of(&place(0), &place(5))["position"], json!([5, 0]));
    assert_eq!(of(&place(7), &place(0))["position"], json!([7, 0]));
    let both = of(&place(7), &place(5));
    assert_eq!((&both["position"], &both["id"]), (&json!([7, 0]), &json!("id-7")));
}

#[test]
fn what_a_removed_node_was_connected_to_is_left_out_and_said() {
    let removed = edited(remove_b);
    let leaning = edited(|w| {
        add(w, "D");
        w["nodes"][0]["parameters"]["y"] = json!("={{ $('B').item }}");
        w["connections"] = wires(&[("A", &["B"]), ("B", &["C"]), ("D", &["B"])]);
    });
    let merge = try_merge(Some(&plain()), &leaning, &removed, &Choices::new());
    let merged = merge.merged.unwrap();
    assert_eq!(json_of(&merged)["connections"], json!({}));
    let lost: BTreeSet<_> =
        merge.parts.iter().filter(|p| p.source == MergeSource::Lost).map(|p| p.key.as_str()).collect();
    // C names B too, and so it does where B was removed: no matter of the merge.
    assert_eq!(
        lost,
        BTreeSet::from([
            "lost:n-A/main/0/n-B/0",
            "lost:n-B/main/0/n-C/0",
            "lost:n-D/main/0/n-B/0",
            "reference:n-A/n-B"
        ])
    );
    assert_eq!(merge.parts.iter().find(|p| p.key == "node:n-B").unwrap().source, MergeSource::Desired);
}

#[test]
fn a_node_that_is_kept_after_all_keeps_its_connections() {
    let changed = edited(|w| w["nodes"][1]["parameters"]["x"] = json!(2));
    let kept = choose(MergeSide::Desired, ["node:n-B"]);
    let merge = try_merge(Some(&plain()), &edited(remove_b), &changed, &kept);
    assert!(agree(&merge.merged.unwrap(), &changed));
    // Where the one that removed it connected around it, both at once is what neither wanted.
    let around = edited(|w| {
        remove_b(w);
        w["connections"] = wires(&[("A", &["C"])]);
    });
    assert_eq!(asked(&plain(), &around, &changed), ["node:n-B"]);
    let merge = try_merge(Some(&plain()), &around, &changed, &kept);
    assert_eq!(merge.conflicts.iter().map(|c| c.key.as_str()).collect::<Vec<_>>(), ["connection:n-A/main/0"]);
    let mut choices = kept;
    choices.extend(choose(MergeSide::Desired, ["connection:n-A/main/0"]));
    assert!(agree(&merged_with(&around, &changed, &choices), &changed));
    let gone = choose(MergeSide::Live, ["node:n-B"]);
    assert!(agree(&merged_with(&around, &changed, &gone), &around));
}

fn merged_with(live: &Workflow, desired: &Workflow, choices: &Choices) -> Workflow {
    try_merge(Some(&plain()), live, desired, choices).merged.unwrap()
}

#[test]
fn connections_that_both_added_are_all_there_and_those_exchanged_are_asked() {
    let added = |name: &'static str| {
        edited(move |w| {
            add(w, name);
            w["connections"] = wires(&[("A", &["B", name]), ("B", &["C"])]);
        })
    };
    let merge = try_merge(Some(&plain()), &added("D"), &added("E"), &Choices::new());
    assert_eq!(targets(merge.merged.as_ref().unwrap(), "A"), ["B", "D", "E"]);
    let of_port = merge.parts.iter().filter(|p| p.key == "connection:n-A/main/0").map(|p| p.source);
    assert_eq!(of_port.collect::<Vec<_>>(), [MergeSource::Live, MergeSource::Desired]);
    let exchanged = |name: &'static str| edited(move |w| w["connections"] = wires(&[("A", &[name]), ("B", &["C"])]));
    assert_eq!(asked(&plain(), &exchanged("C"), &exchanged("A")), ["connection:n-A/main/0"]);
    assert_eq!(asked(&plain(), &exchanged("C"), &added("D")), ["connection:n-A/main/0"]);
    let unwired = edited(|w| w["connections"] = wires(&[("B", &["C"])]));
    assert_eq!(asked(&plain(), &unwired, &exchanged("C")), ["connection:n-A/main/0"]);
    let picked = merged_with(&exchanged("C"), &exchanged("A"), &choose(MergeSide::Base, ["connection:n-A/main/0"]));
    assert!(agree(&picked, &plain()));
    // What either took away goes.
    let leads = |to: &'static [&'static str]| edited(move |w| w["connections"] = wires(&[("A", to), ("B", &["C"])]));
    let base = leads(&["A", "B", "C"]);
    assert_eq!(targets(&merged(Some(&base), &leads(&["A", "B"]), &leads(&["B", "C"])), "A"), ["B"]);
    assert_eq!(asked(&base, &leads(&["A", "B"]), &leads(&["A", "C"])).len(), 0);
}

#[test]
fn an_ai_node_gets_one_model_and_all_its_tools() {
    let with = |model: &'static str, tool: &'static str| {
        edited(move |w| {
            for name in [model, tool] {
                if named(&read(&w.to_string()), name).is_null() {
                    add(w, name);
                }
            }
            let into = |kind: &str| json!({kind: [[{"node": "C", "type": kind, "index": 0}]]});
            w["connections"][model] = into("ai_languageModel");
            w["connections"][tool] = into("ai_tool");
        })
    };
    let (live, desired) = (with("M1", "T1"), with("M2", "T2"));
    let key = "connection:n-C/ai_languageModel/0";
    assert_eq!(asked(&plain(), &live, &desired), [key]);
    let merge = try_merge(Some(&plain()), &live, &desired, &choose(MergeSide::Live, [key]));
    let connections = json_of(&merge.merged.unwrap())["connections"].clone();
    assert_eq!(connections["M1"]["ai_languageModel"][0][0]["node"], "C");
    assert_eq!(connections["M2"], Value::Null);
    assert!(
        [&connections["T1"], &connections["T2"]].iter().all(|t| t["ai_tool"][0][0]["node"] == "C"),
        "{connections}"
    );
}

#[test]
fn two_nodes_never_come_to_have_one_name() {
    let renamed = edited(|w| {
        rename_b(w);
        *w = serde_json::from_str(&w.to_string().replace("Bee", "Two")).unwrap();
    });
    let mut other = base();
    add(&mut other, "Two");
    let other = read(&other.to_string());
    assert_eq!(asked(&plain(), &renamed, &other), ["node:n-B", "node:n-Two"]);
    let with = |b, two| {
        let choices = Choices::from([("node:n-B".to_owned(), b), ("node:n-Two".to_owned(), two)]);
        try_merge(Some(&plain()), &renamed, &other, &choices)
    };
    // Choices that give both the name are no answer.
    let merge = with(MergeSide::Live, MergeSide::Desired);
    assert_eq!(merge.conflicts.len(), 2);
    assert!(merge.conflicts.iter().all(|c| c.why.contains("“Two”")), "{:?}", merge.conflicts);
    assert!(agree(&with(MergeSide::Live, MergeSide::Live).merged.unwrap(), &renamed));
    assert!(agree(&with(MergeSide::Desired, MergeSide::Desired).merged.unwrap(), &other));
    // One choice is enough where it keeps them apart.
    let one = choose(MergeSide::Base, ["node:n-B"]);
    assert!(agree(&merged_with(&renamed, &other, &one), &other));
}

#[test]
fn additions_are_one_by_id_or_name_and_two_by_mere_likeness() {
    let added = |name: &'static str, x: usize| {
        edited(move |w| {
            add(w, name);
            w["nodes"][3]["parameters"]["x"] = json!(x);
            w["nodes"][3]["type"] = json!("t.added");
            w["nodes"][3]["id"] = json!("shared");
        })
    };
    assert_eq!(asked(&plain(), &added("D", 1), &added("D", 2)).len(), 1);
    let both = merged(Some(&plain()), &added("D", 1), &added("E", 1));
    let nodes = json_of(&both)["nodes"].clone();
    assert_eq!(nodes.as_array().unwrap().len(), 5);
    assert_eq!((&named(&both, "D")["id"], &named(&both, "E")["id"]), (&json!("shared"), &Value::Null));
}

/// B, with its connections and likeness, under another name and id.
fn replaced(w: &mut Value, x: i32) {
    rename_b(w);
    w["nodes"][1] = node("Bee", json!({"x": x, "long": "the same text in both, so that one is like the other"}));
    w["nodes"][1]["type"] = json!("t.B");
}

#[test]
fn what_the_other_side_knows_by_name_is_not_guessed_by_likeness() {
    let with_text = |edit: &dyn Fn(&mut Value)| {
        edited(|w| {
            w["nodes"][1]["parameters"]["long"] = json!("the same text in both, so that one is like the other");
            edit(w);
        })
    };
    let base = with_text(&|_| {});
    let live = with_text(&|w| replaced(w, 1));
    assert!(diff(&live, &base).changes.iter().any(|c| c.kind == ChangeKind::NodeRenamed), "a guess, by likeness");
    // Git has both: B went, and both sides have the new one.
    let desired = with_text(&|w| {
        replaced(w, 1);
        let new = w["nodes"][1].clone();
        w["nodes"][1] = json_of(&base)["nodes"][1].clone();
        w["nodes"].as_array_mut().unwrap().push(new);
        w["nodes"][2]["parameters"]["x"] = json!("={{ $('B').item.json.y }}");
        w["connections"] = wires(&[("A", &["B"]), ("B", &["C"])]);
    });
    for (live, desired) in [(&live, &desired), (&desired, &live)] {
        let merge = try_merge(Some(&base), live, desired, &Choices::new());
        let of = |key: &str| merge.parts.iter().find(|p| p.key == key).map(|p| p.source);
        assert_eq!(of("node:n-Bee"), Some(MergeSource::Both));
        assert!(matches!(of("node:n-B"), Some(MergeSource::Live | MergeSource::Desired)), "{:?}", merge.parts);
    }
    // Git has it alone, and it is like nothing there: one node all the same, and one question.
    let unlike = with_text(&|w| {
        replaced(w, 7);
        w["nodes"][1]["parameters"] = json!({"other": "nothing of what was there is left in it"});
        w["connections"] = json!({});
    });
    assert!(diff(&unlike, &base).changes.iter().any(|c| c.kind == ChangeKind::NodeRemoved));
    let keys = |live, desired| -> Vec<String> {
        let conflicts = try_merge(Some(&base), live, desired, &Choices::new()).conflicts;
        conflicts.into_iter().map(|c| c.key).filter(|key| key.starts_with("node:n-B")).collect()
    };
    assert_eq!(
        (keys(&live, &unlike), keys(&unlike, &live)),
        (vec!["node:n-B".to_owned()], vec!["node:n-B".to_owned()])
    );
}

#[test]
fn an_expression_that_did_not_follow_a_rename_is_a_change() {
    let stale = edited(|w| {
        rename_b(w);
        w["nodes"][2]["parameters"]["x"] = json!("={{ $('B').item.json.y }}");
    });
    for merged in [merged(Some(&plain()), &stale, &plain()), merged(Some(&plain()), &plain(), &stale)] {
        assert_eq!(named(&merged, "C")["parameters"]["x"], "={{ $('B').item.json.y }}");
    }
    // The same words on the other side name the node, and here none: whichever side it is.
    let edit = |w: &mut Value| w["nodes"][2]["parameters"]["z"] = json!(1);
    let mut lost = json_of(&stale);
    edit(&mut lost);
    assert_eq!(asked(&plain(), &read(&lost.to_string()), &edited(edit)), ["node:n-C"]);
}

#[test]
fn notes_on_the_canvas_are_never_asked_about_and_none_is_lost() {
    let note = |text: &str| {
        json!({"id": format!("note {text}"), "name": "Sticky Note", "type": "n8n-nodes-base.stickyNote",
        "position": [0, 0], "parameters": {"content": text}})
    };
    let with = |texts: &[&str]| edited(|w| w["nodes"].as_array_mut().unwrap().extend(texts.iter().map(|t| note(t))));
    let texts = |w: &Workflow| -> Vec<(String, String)> {
        let nodes = json_of(w)["nodes"].as_array().cloned().unwrap();
        let notes = nodes.iter().filter(|n| n["type"] == "n8n-nodes-base.stickyNote");
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        notes.map(|n| (text(&n["name"]), text(&n["parameters"]["content"]))).collect()
    };
    let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let both = merged(Some(&plain()), &with(&["one"]), &with(&["two"]));
    assert_eq!(texts(&both), [pair("Sticky Note", "one"), pair("Sticky Note2", "two")]);
    let (old, new) = (
        with(&["old"]),
        edited(|w| {
            let mut changed = note("old");
            changed["parameters"]["content"] = json!("new");
            w["nodes"].as_array_mut().unwrap().push(changed);
        }),
    );
    assert_eq!(texts(&merged(Some(&old), &old, &new)), [pair("Sticky Note", "new")]);
    assert_eq!(texts(&merged(Some(&old), &plain(), &new)), [pair("Sticky Note", "new")]);
    assert!(texts(&merged(Some(&old), &plain(), &old)).is_empty());
    assert!(try_merge(Some(&old), &plain(), &new, &Choices::new()).parts.is_empty());
}

#[test]
fn without_a_base_what_differs_is_asked_and_base_is_no_answer() {
    let (live, desired) = (
        edited(|w| {
            add(w, "D");
            w["connections"] = wires(&[("A", &["B", "D"]), ("B", &["C"])]);
        }),
        edited(|w| w["nodes"][1]["parameters"]["x"] = json!(2)),
    );
    let merge = try_merge(None, &live, &desired, &Choices::new());
    let keys: BTreeSet<_> = merge.conflicts.iter().map(|c| c.key.as_str()).collect();
    assert_eq!(keys, BTreeSet::from(["node:n-B", "node:n-D"]));
    assert!(merge.conflicts.iter().all(|c| c.base.is_none() && !c.sides.contains(&MergeSide::Base)));
    let mut choices = choose(MergeSide::Base, keys.iter().copied());
    assert_eq!(try_merge(None, &live, &desired, &choices).conflicts.len(), 2);
    choices = choose(MergeSide::Live, ["node:n-D"]);
    choices.extend(choose(MergeSide::Desired, ["node:n-B"]));
    let merged = try_merge(None, &live, &desired, &choices).merged.unwrap();
    assert_eq!(
        (targets(&merged, "A"), &named(&merged, "B")["parameters"]["x"]),
        (vec!["B".to_owned(), "D".to_owned()], &json!(2))
    );
}

#[test]
fn choices_count_for_conflicts_alone() {
    let live = edited(|w| w["nodes"][1]["parameters"]["x"] = json!(2));
    let merge =
        try_merge(Some(&plain()), &live, &plain(), &choose(MergeSide::Desired, ["node:n-B", "node:nobody", "name"]));
    assert!(agree(merge.merged.as_ref().unwrap(), &live), "{}", diff(&merge.merged.unwrap(), &live));
}

#[test]
fn a_result_beyond_the_limits_is_an_error() {
    let (live, desired) = (edited(|w| add(w, "D")), edited(|w| add(w, "E")));
    let limits = drift_engine::Limits { max_nodes: 4, ..Default::default() };
    let error = merge(Some(&plain()), &live, &desired, &Choices::new(), &limits).unwrap_err();
    assert_eq!(error.to_string(), "workflow \"One\": 5 nodes, more than the limit of 4; split the workflow");
}
