//! Who changed what of the plan, when and why.

use drift_domain::views::PlanPage;
use leptos::prelude::*;

use crate::components::time;

/// The edits, newest first.
pub(super) fn section(page: &PlanPage) -> impl IntoView + use<> {
    let now = page.now;
    let edits = page
        .history
        .iter()
        .map(|edit| {
            view! {
                <tr>
                    <td class="cell-main">{edit.text.clone()}<p class="sub wrap-anywhere">{edit.reason.clone()}</p></td>
                    <td data-label="By">{edit.by.clone()}</td>
                    <td data-label="When" class="right">{time::ago(edit.at, now)}</td>
                </tr>
            }
        })
        .collect_view();
    let body = if page.history.is_empty() {
        view! { <p class="card-body text-ink-2">"Nobody has changed the plan or a limit yet."</p> }.into_any()
    } else {
        view! {
            <table class="rows">
                <caption class="sr-only">"Edits of the plan, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Change and reason"</th>
                        <th scope="col">"By"</th>
                        <th scope="col" class="right">"When"</th>
                    </tr>
                </thead>
                <tbody>{edits}</tbody>
            </table>
        }
        .into_any()
    };
    view! {
        <section class="card section overflow-hidden" aria-labelledby="history-heading" id="history">
            <div class="card-head"><h2 id="history-heading">"Who changed what"</h2></div>
            {body}
        </section>
    }
}
