//! What a value is, in words, with the way to shapes that have a name.

use leptos::prelude::*;
use serde_json::Value;

use super::document::{fields, text};
use super::words;

/// A value: a link to its shape, or words.
pub(super) fn kind(schema: &'static Value) -> AnyView {
    if let Some(name) = schema["$ref"].as_str().and_then(|to| to.rsplit('/').next()) {
        return view! { <a class="link" href=format!("#shape-{name}")>{name.to_owned()}</a> }.into_any();
    }
    if let Some(all) = alternatives(schema) {
        return joined(all, " or ").into_any();
    }
    if let Some(words) = schema["enum"].as_array() {
        return enumerated(words).into_any();
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => vec!["anything"],
    };
    let drawn = types.into_iter().map(|one| plain(one, schema)).collect::<Vec<_>>();
    between(drawn, " or ").into_any()
}

fn alternatives(schema: &'static Value) -> Option<&'static Vec<Value>> {
    ["oneOf", "anyOf", "allOf"].iter().find_map(|key| schema[*key].as_array())
}

fn joined(all: &'static [Value], word: &'static str) -> impl IntoView {
    between(all.iter().map(kind).collect(), word)
}

fn between(all: Vec<AnyView>, word: &'static str) -> impl IntoView {
    let several = all.into_iter().enumerate();
    several.map(|(at, one)| view! { {(at > 0).then_some(word)} {one} }).collect_view()
}

fn plain(one: &str, schema: &'static Value) -> AnyView {
    let format = text(schema, "format");
    match one {
        "array" => view! { "list of " {kind(&schema["items"])} }.into_any(),
        "object" if schema["additionalProperties"].is_object() => {
            view! { "map to " {kind(&schema["additionalProperties"])} }.into_any()
        }
        "string" if format.is_empty() => "text".into_any(),
        "string" => format!("text ({format})").into_any(),
        "integer" => "whole number".into_any(),
        "boolean" => "true or false".into_any(),
        other => other.to_owned().into_any(),
    }
}

fn enumerated(words: &'static [Value]) -> impl IntoView {
    let drawn = words.iter().map(|word| view! { <code>{word.as_str().unwrap_or("null")}</code> }.into_any()).collect();
    between(drawn, ", ")
}

/// A shape with its fields; one of several forms, each with its own.
pub(super) fn shape(name: &'static str, schema: &'static Value) -> impl IntoView {
    let parts = alternatives(schema).map(|all| all.iter().map(part).collect_view());
    let own = schema["properties"].is_object().then(|| table(schema));
    let plain = (parts.is_none() && own.is_none()).then(|| view! { <p class="wrap-anywhere">{kind(schema)}</p> });
    view! {
        <section class="card section overflow-hidden" aria-labelledby=format!("shape-{name}")>
            <div class="card-head"><h3 class="mono" id=format!("shape-{name}")>{name}</h3></div>
            <div class="card-body">
                {words(text(schema, "description"))} {plain} {parts}
            </div>
            {own}
        </section>
    }
}

fn part(schema: &'static Value) -> impl IntoView {
    let fields = schema["properties"].is_object();
    let inner = alternatives(schema).filter(|_| !fields);
    let drawn = match (fields, inner) {
        (true, _) => table(schema).into_any(),
        (false, Some(all)) => all.iter().map(nested).collect_view().into_any(),
        (false, None) => view! { <p>{kind(schema)}</p> }.into_any(),
    };
    view! { <div class="mt-2">{words(text(schema, "description"))} {drawn}</div> }
}

fn nested(schema: &'static Value) -> impl IntoView {
    if schema["properties"].is_object() { table(schema).into_any() } else { view! { <p>{kind(schema)}</p> }.into_any() }
}

fn table(schema: &'static Value) -> impl IntoView {
    let rows = fields(schema)
        .into_iter()
        .map(|field| {
            view! {
                <tr>
                    <td class="cell-main mono wrap-anywhere">{field.name}</td>
                    <td data-label="Is" class="wrap-anywhere">{kind(field.kind)}</td>
                    <td data-label="Always">{if field.required { "always" } else { "if any" }}</td>
                    <td data-label="Means">{words(field.words)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="rows">
            <thead>
                <tr><th scope="col">"Field"</th><th scope="col">"Is"</th><th scope="col">"There"</th><th scope="col">"Means"</th></tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}
