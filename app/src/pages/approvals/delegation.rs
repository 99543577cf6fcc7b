//! Who approves for whom: the reader's own deputy, and the others'.

use chrono::{DateTime, Utc};
use drift_domain::ids::UserId;
use drift_domain::views::{ApprovalInbox, DelegationView};
use leptos::prelude::*;

use super::ADDRESS;
use crate::components::form::options;
use crate::components::icon::{Icon, icon};
use crate::components::time;

/// The section.
pub(super) fn section(inbox: &ApprovalInbox, me: UserId, now: DateTime<Utc>) -> impl IntoView + use<> {
    let own = inbox.delegations.iter().find(|delegation| delegation.from.id == me);
    let others = inbox
        .delegations
        .iter()
        .filter(|delegation| delegation.from.id != me)
        .map(|delegation| {
            view! { <li>{format!("{} approves for {} until ", delegation.to.name, delegation.from.name)} {time::until(delegation.ends_at, now)}</li> }
        })
        .collect_view();
    let own = match own {
        Some(delegation) => running(delegation, now).into_any(),
        None => form(inbox).into_any(),
    };
    view! {
        <section class="card section" aria-labelledby="away-heading" id="away">
            <div class="card-head"><h2 id="away-heading">"While you are away"</h2></div>
            <div class="card-body grid gap-3">
                <p class="text-ink-2">"Another member lends your voice for a time: with your role, for approvals alone. Both names are on record, and one voice counts once."</p>
                {own}
                <ul class="grid gap-1">{others}</ul>
            </div>
        </section>
    }
}

fn running(delegation: &DelegationView, now: DateTime<Utc>) -> impl IntoView + use<> {
    view! {
        <p data-deputy="">{format!("{} approves for you until ", delegation.to.name)} {time::until(delegation.ends_at, now)}</p>
        <form method="post" action=format!("{ADDRESS}/delegation/end")>
            <button class="btn btn-small" type="submit">{icon(Icon::Undo)} "Approve by yourself again"</button>
        </form>
    }
}

fn form(inbox: &ApprovalInbox) -> AnyView {
    if inbox.deputies.is_empty() {
        return view! { <p class="text-ink-2">"Nobody else in the organization could."</p> }.into_any();
    }
    let people = inbox.deputies.iter().map(|person| (person.id.to_string(), person.name.clone(), false));
    view! {
        <form method="post" action=format!("{ADDRESS}/delegation") class="flex flex-wrap items-end gap-3">
            <div class="field min-w-56">
                <label for="deputy">"Who approves for you"</label>
                <select class="input" id="deputy" name="to">{options(people.collect::<Vec<_>>())}</select>
            </div>
            <div class="field w-32">
                <label for="deputy-days">"For days"</label>
                <input class="input" id="deputy-days" name="days" type="number" min="1" max="90" value="7" required=true />
            </div>
            <button class="btn" type="submit">"Save"</button>
        </form>
    }
    .into_any()
}
