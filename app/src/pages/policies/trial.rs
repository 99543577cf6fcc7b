//! What a draft would have said to what was done.

use chrono::{DateTime, Utc};
use drift_domain::views::{PolicyDifference, PolicySimulation};
use leptos::prelude::*;

use crate::components::icon::{Icon, icon};
use crate::components::time;
use crate::words::{self, count};

/// Rows that a page shows; the count is of all.
const SHOWN: usize = 100;

/// The outcome of a trial.
pub(super) fn section(trial: &PolicySimulation, now: DateTime<Utc>) -> impl IntoView + use<> {
    let refused = trial.refused.len() as u64;
    let verdict = if refused == 0 {
        "It would have refused nothing of it.".to_owned()
    } else {
        format!("It would have stood in the way of {refused}.")
    };
    let looked = format!(
        "{} of the last {} {} looked at{}. {verdict}",
        count(trial.looked_at, "act", "acts"),
        count(trial.days, "day", "days"),
        if trial.looked_at == 1 { "was" } else { "were" },
        if trial.more { ", the newest; there were more" } else { "" },
    );
    let left_out = (trial.without_role > 0).then(|| {
        let text = format!(
            "{} left out: whoever did it is no member any more.",
            count(trial.without_role, "act is", "acts are")
        );
        view! { <p class="text-ink-2">{text}</p> }
    });
    let rows = trial.refused.iter().take(SHOWN).map(|difference| row(difference, now)).collect_view();
    let table = (refused > 0).then(|| {
        view! {
            <table class="rows">
                <caption class="sr-only">"What the draft would have stood in the way of, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"What was done"</th>
                        <th scope="col">"By"</th>
                        <th scope="col">"Where"</th>
                        <th scope="col">"When"</th>
                        <th scope="col">"What the draft says"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        }
    });
    let more = (trial.refused.len() > SHOWN)
        .then(|| view! { <p class="card-body text-ink-2">{format!("The newest {SHOWN} are listed.")}</p> });
    view! {
        <section class="card section overflow-hidden" aria-labelledby="trial-heading" id="trial" data-trial=refused.to_string()>
            <div class="card-head"><h2 id="trial-heading">"Tried on the past"</h2></div>
            <div class="card-body grid gap-1" role="status">
                <p>{looked}</p>
                <p class="text-ink-2">"Roles are those of today. What would have followed from a refusal is not made up."</p>
                {left_out}
            </div>
            {table} {more}
        </section>
    }
}

fn row(difference: &PolicyDifference, now: DateTime<Utc>) -> impl IntoView + use<> {
    let place = match difference.incident {
        Some((id, number)) => {
            let href = format!("/incidents/{id}");
            view! { <a href=href>{words::incident(number)}</a> {format!(" of “{}”", difference.environment)} }
                .into_any()
        }
        None => format!("“{}”", difference.environment).into_any(),
    };
    let (mark, what) = if difference.approvable { (Icon::User, "Approval first: ") } else { (Icon::Lock, "Refused: ") };
    view! {
        <tr data-approvable=difference.approvable.to_string()>
            <td class="cell-main">{difference.action.label()}</td>
            <td data-label="By">{difference.by.clone()}</td>
            <td data-label="Where">{place}</td>
            <td data-label="When">{time::ago(difference.at, now)}</td>
            <td data-label="What the draft says"><span class="flex items-start gap-1.5"><span class="mt-0.5">{icon(mark)}</span> <span>{format!("{what}{}.", difference.refused_by.join("; "))}</span></span></td>
        </tr>
    }
}
