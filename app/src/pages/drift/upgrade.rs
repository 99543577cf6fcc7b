//! What the next plan would add, where a person meets the end of theirs (seed: show the way to upgrade).

use chrono::{DateTime, Utc};
use drift_domain::ids::EnvironmentId;
use drift_domain::plan::Capability;
use drift_domain::views::UpgradeOffer;
use leptos::prelude::*;

use crate::pages::plan::requests::{self, Asking};

/// The card: what is missing, what would have it, and asking for that.
pub(super) fn card(
    offer: &UpgradeOffer,
    environment: EnvironmentId,
    capability: Option<Capability>,
    now: DateTime<Utc>,
) -> impl IntoView + use<> {
    let asking = Asking { capability, environment: Some(environment) };
    view! {
        <section class="card section" aria-labelledby="upgrade-heading" id="upgrade" data-upgrade=offer.plan.as_str()>
            <div class="card-head">
                <h2 id="upgrade-heading">{format!("Managing drift is part of the {} plan", offer.plan.label())}</h2>
            </div>
            <div class="card-body">
                <p class="text-ink-2 mb-3 max-w-prose">"This plan shows all drift, and lets you put it right by hand or accept it for a time. The next one adds:"</p>
                {requests::body(offer, &asking, now)}
            </div>
        </section>
    }
}
