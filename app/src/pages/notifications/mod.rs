//! `/settings/notifications`: what one is mailed, and for who manages channels: the channels, and the log of what was sent.

pub(crate) mod channel;
pub(crate) mod channels;
pub(crate) mod log;

use axum::response::Response;
use chrono::{DateTime, Utc};
use drift_domain::notification::NoticeKind;
use drift_domain::plan::Capability;
use drift_domain::views::ChannelView;
use drift_services::ServiceResult;
use drift_services::accounts::Notice;
use drift_services::gate::cap;
use leptos::prelude::*;

use crate::components::crumbs::crumbs;
use crate::components::icon::Icon;
use crate::components::layout::Live;
use crate::components::note::note;
use crate::ssr::visit::{Member, Page};

/// Where this page is.
pub(crate) const ADDRESS: &str = "/settings/notifications";

/// What the page is drawn with.
pub(crate) struct Notifications {
    /// What the person is mailed.
    pub wanted: Vec<NoticeKind>,
    /// Whether this installation sends mail.
    pub mails: bool,
    /// The channels; `None` for who may not manage them.
    pub channels: Option<Vec<ChannelView>>,
    pub notice: Option<Notice>,
    pub now: DateTime<Utc>,
}

/// `GET /settings/notifications`
pub(crate) async fn get(member: Member) -> Response {
    let page: ServiceResult<Page> = async {
        let services = member.services();
        let account = member.permit::<cap::Account>()?;
        let wanted = services.notification_preferences(&account).await?;
        let channels = match member.caller.may(Capability::Notifications) {
            true => Some(services.notification_channels(&member.permit()?).await?),
            false => None,
        };
        let notice = member.take_notice().await?;
        let shown = notice.clone().filter(|notice| notice.field.is_none());
        let now = services.now();
        let drawn = Notifications { wanted, mails: services.sends_mail(), channels, notice, now };
        Ok(Page::new("Notifications", move || view(&drawn)).notice(shown.as_ref()).live(Live::Off, now))
    }
    .await;
    member.answer(page).await
}

/// Draws the page.
pub(crate) fn view(page: &Notifications) -> AnyView {
    let managed = page.channels.as_ref().map(|channels| channels::section(channels, page));
    view! {
        {crumbs(vec![("/".to_owned(), "Environments".to_owned())], "Notifications".to_owned())}
        <div class="page-head"><h1>"Notifications"</h1></div>
        {own(page)}
        {managed}
    }
    .into_any()
}

/// What the person is mailed.
fn own(page: &Notifications) -> impl IntoView + use<> {
    let silent = (!page.mails).then(|| {
        note(
            "tone-plain",
            Icon::Info,
            "This installation sends no mail, so nothing arrives until whoever runs it sets a mail server.",
        )
    });
    view! {
        <section class="card" aria-labelledby="own">
            <div class="card-head"><h2 id="own">"What you are mailed"</h2></div>
            <form method="post" action=format!("{ADDRESS}/preferences") class="card-body grid gap-3">
                {silent}
                {kinds("want", "Events of this organization", &page.wanted, None)}
                <div><button class="btn" type="submit">"Save"</button></div>
            </form>
        </section>
    }
}

/// A box for each kind of event.
pub(super) fn kinds(
    prefix: &'static str,
    legend: &'static str,
    chosen: &[NoticeKind],
    error: Option<String>,
) -> impl IntoView + use<> {
    let boxes = NoticeKind::ALL
        .iter()
        .copied()
        .map(|kind| {
            let id = format!("{prefix}-{}", kind.as_str().to_lowercase());
            let checked = chosen.contains(&kind);
            let labels = id.clone();
            view! {
                <label class="flex items-center gap-2" for=labels>
                    <input type="checkbox" id=id name="events" value=kind.as_str() checked=checked />
                    {kind.label()}
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset>
            <legend class="font-semibold mb-2">{legend}</legend>
            <div class="grid gap-x-4 gap-y-1.5 sm:grid-cols-2">{boxes}</div>
            {crate::components::form::field_error("events", error)}
        </fieldset>
    }
}
