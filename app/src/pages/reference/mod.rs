//! `/api/reference`: what programs may ask of `/api/v1`, for people to read. It is drawn from the API's own document, needs no
//! script and no sign-in, and takes nothing from elsewhere.

mod document;
mod kind;

use axum::response::Response;
use leptos::prelude::*;

use crate::components::crumbs::crumbs;
use crate::ssr::visit::{Page, Visit};
use document::{Answer, Line, Operation};

/// Where this page is.
pub(crate) const ADDRESS: &str = "/api/reference";

/// `GET /api/reference`
pub(crate) async fn get(visit: Visit) -> Response {
    visit.page(Page::new("API reference", view)).await
}

pub(crate) fn view() -> AnyView {
    let groups = document::groups();
    let contents = groups.iter().map(|(name, operations)| contents(name, operations)).collect_view();
    let drawn = groups.iter().map(|(name, operations)| group(name, operations)).collect_view();
    let shapes = document::shapes().map(|(name, schema)| kind::shape(name, schema)).collect_view();
    view! {
        {crumbs(vec![("/".to_owned(), "Environments".to_owned())], "API reference".to_owned())}
        <div class="page-head">
            <h1>"API reference"</h1>
            <a class="btn" href="/api/v1/openapi.json">"OpenAPI 3.1 document"</a>
        </div>
        <section class="card card-body" aria-label="About the API">
            {document::introduction().map(words).collect_view()}
            <p>"Every address below stands behind " <code>"/api/v1"</code> "."</p>
        </section>
        <nav class="card section" aria-labelledby="contents">
            <div class="card-head"><h2 id="contents">"Contents"</h2><a class="link" href="#shapes">"Shapes"</a></div>
            <div class="card-body">{contents}</div>
        </nav>
        {drawn}
        <h2 class="section" id="shapes">"Shapes"</h2>
        {shapes}
    }
    .into_any()
}

/// The document's own words: what stands between code marks is code, and between stars a name on the screen.
fn words(text: &'static str) -> Option<AnyView> {
    let spans = text
        .split('`')
        .enumerate()
        .map(|(at, span)| if at % 2 == 1 { view! { <code>{span}</code> }.into_any() } else { named(span) });
    (!text.is_empty()).then(|| view! { <p class="mb-2 wrap-anywhere">{spans.collect_view()}</p> }.into_any())
}

/// Text without code in it.
fn named(text: &'static str) -> AnyView {
    text.split('*')
        .enumerate()
        .map(|(at, span)| if at % 2 == 1 { view! { <em>{span}</em> }.into_any() } else { span.into_any() })
        .collect_view()
        .into_any()
}

fn contents(name: &'static str, operations: &[Operation]) -> impl IntoView + use<> {
    let lines = operations
        .iter()
        .map(|operation| {
            let short = operation.summary().split(['.', ':']).next().unwrap_or_default();
            view! {
                <li class="wrap-anywhere">
                    <a class="link" href=format!("#{}", operation.id())>{named(short)}</a>
                    " " <span class="mono text-ink-3">{operation.method.clone()} " " {operation.path}</span>
                </li>
            }
        })
        .collect_view();
    view! { <h3 class="mt-2">{name}</h3> <ul>{lines}</ul> }
}

fn group(name: &'static str, operations: &[Operation]) -> impl IntoView + use<> {
    view! { <h2 class="section">{name}</h2> {operations.iter().map(operation).collect_view()} }
}

fn operation(operation: &Operation) -> impl IntoView + use<> {
    let who = if operation.is_open() {
        "Needs no sign-in."
    } else if operation.takes_no_token() {
        "Takes a signed-in session, and no API token."
    } else {
        "Takes an API token or a signed-in session."
    };
    let parameters = operation.parameters();
    let body = operation.body().map(|body| view! { <p class="mb-2">"Send " {kind::kind(body)} " as JSON."</p> });
    let answers = operation.answers().into_iter().map(answer).collect_view();
    view! {
        <section class="card section overflow-hidden" aria-labelledby=operation.id()>
            <div class="card-head">
                <h3 class="mono wrap-anywhere" id=operation.id()>{operation.method.clone()} " " {operation.path}</h3>
            </div>
            <div class="card-body">
                {words(operation.summary())} {words(operation.description())}
                <p class="mb-2 text-ink-2">{who}</p>
                {body}
            </div>
            {(!parameters.is_empty()).then(|| parameter_table(parameters))}
            <table class="rows">
                <thead><tr><th scope="col">"Answer"</th><th scope="col">"Body"</th><th scope="col">"Means"</th></tr></thead>
                <tbody>{answers}</tbody>
            </table>
        </section>
    }
}

fn parameter_table(parameters: Vec<Line>) -> impl IntoView {
    let rows = parameters
        .into_iter()
        .map(|parameter| {
            let place =
                if parameter.required { parameter.place.to_owned() } else { format!("{}, optional", parameter.place) };
            view! {
                <tr>
                    <td class="cell-main mono wrap-anywhere">{parameter.name}</td>
                    <td data-label="In">{place}</td>
                    <td data-label="Is" class="wrap-anywhere">{kind::kind(parameter.kind)}</td>
                    <td data-label="Means">{words(parameter.words)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="rows">
            <thead>
                <tr><th scope="col">"Parameter"</th><th scope="col">"In"</th><th scope="col">"Is"</th><th scope="col">"Means"</th></tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

fn answer(answer: Answer) -> impl IntoView {
    let headers = (!answer.headers.is_empty()).then(|| format!("With {}. ", answer.headers.join(", ")));
    view! {
        <tr>
            <td class="cell-main mono">{answer.status}</td>
            <td data-label="Body">{answer.body.map_or_else(|| "nothing".into_any(), kind::kind)}</td>
            <td data-label="Means">{headers} {words(answer.words)}</td>
        </tr>
    }
}
