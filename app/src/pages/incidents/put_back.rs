//! Putting a side of a change back as it was kept: into n8n or into Git. It leads to a plan first, and decides nothing.

use drift_domain::change::{ChangeState, ChangeType};
use drift_domain::failure::Side;
use drift_domain::reconciliation::Target;
use drift_domain::views::ChangeRow;
use leptos::prelude::*;

use crate::components::icon::{Icon, icon};

/// The card on a change's page. `below`: the address that the change's own stands below. For callers who may; for a change
/// that vanished it is open, since that is where it is looked for.
pub(in crate::pages) fn card(row: &ChangeRow, below: &str, may: bool) -> Option<impl IntoView + use<>> {
    if !may {
        return None;
    }
    let action = format!("{below}/changes/{}/restore", row.id);
    let sides = kept(row.change_type).iter().map(|side| self::side(*side, &action)).collect_view();
    Some(view! {
        <details class="card section fold" id="put-back" data-key="put-back" open=row.state == ChangeState::Vanished>
            <summary>{icon(Icon::Undo)} "Put back"</summary>
            <div class="card-body">
                <p class="text-ink-2 max-w-prose">
                    "Both sides are kept as they were when this change was seen. You see what putting one back would write before anything is written. It decides nothing: a check sees what it makes of the two sides."
                </p>
                <div class="put-back">{sides}</div>
            </div>
        </details>
    })
}

/// The sides that had the workflow.
fn kept(change_type: ChangeType) -> &'static [Side] {
    match change_type {
        ChangeType::Added => &[Side::Live],
        ChangeType::Removed => &[Side::Desired],
        ChangeType::Modified => &[Side::Live, Side::Desired],
    }
}

fn side(side: Side, action: &str) -> impl IntoView + use<> {
    let name = match side {
        Side::Live => "n8n side",
        Side::Desired => "Git side",
    };
    let buttons = [(Target::N8n, "into n8n"), (Target::Git, "into Git")]
        .map(|(target, into)| {
            view! {
                <button class="btn" type="submit" name="target" value=target.as_str()>
                    {format!("Put the {name} back {into}")}
                </button>
            }
        })
        .collect_view();
    view! {
        <form method="post" action=action.to_owned() data-side=side.as_str()>
            <input type="hidden" name="side" value=side.as_str() />
            {buttons}
        </form>
    }
}
