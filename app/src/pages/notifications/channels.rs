//! The channels of an organization, and the form that makes one.

use chrono::{DateTime, Utc};
use drift_domain::notification::{ChannelKind, ChannelState, NoticeKind};
use drift_domain::views::ChannelView;
use drift_services::accounts::Notice;
use drift_services::notify::MadeChannel;
use leptos::prelude::*;
use secrecy::ExposeSecret;

use super::{ADDRESS, Notifications, kinds};
use crate::components::crumbs::crumbs;
use crate::components::form::{Field, options};
use crate::components::icon::{Icon, icon};
use crate::components::note::note;
use crate::components::time;
use crate::pages::people::shown_once;
use crate::ssr::visit::Page;

/// Channels, and the form for another one.
pub(super) fn section(channels: &[ChannelView], page: &Notifications) -> impl IntoView + use<> {
    let rows = channels.iter().map(|channel| row(channel, page.now)).collect_view();
    let table = (!channels.is_empty()).then(|| view! {
        <table class="rows">
            <thead>
                <tr><th scope="col">"Channel"</th><th scope="col">"Tells of"</th><th scope="col">"Last taken"</th><th scope="col"><span class="sr-only">"Actions"</span></th></tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    });
    let none = channels.is_empty().then(|| {
        view! { <p class="card-body text-ink-2">"Nobody is told anything yet but by these pages."</p> }
    });
    view! {
        <section class="card section" aria-labelledby="channels">
            <div class="card-head">
                <h2 id="channels">"Channels of the organization"</h2>
                <a class="btn btn-small" href=format!("{ADDRESS}/log")>"Delivery log"</a>
            </div>
            {none} {table}
        </section>
        {add(page)}
    }
}

fn row(channel: &ChannelView, now: DateTime<Utc>) -> impl IntoView + use<> {
    let at = format!("{ADDRESS}/channels/{}", channel.id);
    let trouble = channel
        .trouble
        .clone()
        .map(|why| view! { <p class="sub text-incident wrap-anywhere" data-trouble="">{why}</p> });
    let (switch, on) = if channel.state == ChannelState::On { ("Switch off", "false") } else { ("Switch on", "true") };
    let named = |what: &str| format!("{what} {}", channel.name);
    let events = if NoticeKind::ALL.iter().copied().all(|kind| channel.events.contains(&kind)) {
        "everything".to_owned()
    } else {
        channel.events.iter().map(|kind| kind.label()).collect::<Vec<_>>().join(", ")
    };
    view! {
        <tr data-channel=channel.name.clone()>
            <td class="cell-main">
                <span class="flex flex-wrap items-center gap-2 font-semibold wrap-anywhere">{channel.name.clone()} {state(channel.state)}</span>
                <p class="sub wrap-anywhere">{channel.kind.label()} " · " {channel.target.clone()}</p>
                {trouble}
            </td>
            <td data-label="Tells of">{events}</td>
            <td data-label="Last taken">{time::ago_or(channel.last_delivered_at, now, "nothing yet")}</td>
            <td class="right">
                <span class="flex flex-wrap gap-2 justify-end">
                    <form method="post" action=format!("{at}/test")>
                        <button class="btn btn-small" type="submit" aria-label=named("Send a test to")>"Send test"</button>
                    </form>
                    <form method="post" action=format!("{at}/switch")>
                        <input type="hidden" name="on" value=on />
                        <button class="btn btn-small" type="submit" aria-label=format!("{switch} {}", channel.name)>{switch}</button>
                    </form>
                    <a class="btn btn-small" href=at.clone() aria-label=named("Change")>"Change"</a>
                    <a class="btn btn-small" href=format!("{at}/remove") aria-label=named("Remove")>"Remove"</a>
                </span>
            </td>
        </tr>
    }
}

fn state(state: ChannelState) -> impl IntoView {
    let (tone, mark, word) = match state {
        ChannelState::On => ("tone-ok", Icon::Check, "On"),
        ChannelState::Off => ("tone-plain", Icon::Minus, "Off"),
        ChannelState::Gone => ("tone-incident", Icon::Cross, "Off: the receiver is gone"),
    };
    view! { <span class=format!("chip {tone}")>{icon(mark)} {word}</span> }
}

/// What was typed into a form, without its secrets, and what is wrong with it.
#[derive(Clone, Copy)]
pub(super) struct Typed<'a>(pub Option<&'a Notice>);

impl Typed<'_> {
    pub(super) fn error(self, field: &str) -> Option<String> {
        self.0.filter(|notice| notice.field.as_deref() == Some(field)).map(|notice| notice.text.clone())
    }

    pub(super) fn kept(self, name: &str) -> Option<String> {
        Some(self.0?.draft.as_ref()?.get(name)?.as_str()?.to_owned())
    }

    pub(super) fn events(self) -> Option<Vec<NoticeKind>> {
        serde_json::from_value(self.0?.draft.as_ref()?.get("events")?.clone()).ok()
    }
}

fn add(page: &Notifications) -> impl IntoView + use<> {
    let typed = Typed(page.notice.as_ref());
    let chosen = typed.kept("channel_kind").and_then(|kind| kind.parse().ok()).unwrap_or(ChannelKind::Slack);
    let offered = ChannelKind::ALL.iter().filter(|kind| page.mails || **kind != ChannelKind::Email);
    let choices = offered.map(|kind| (kind.to_string(), kind.label().to_owned(), *kind == chosen)).collect::<Vec<_>>();
    let events = typed.events().unwrap_or_else(|| NoticeKind::ALL.to_vec());
    view! {
        <section class="card section" aria-labelledby="add-channel">
            <div class="card-head"><h2 id="add-channel">"Add a channel"</h2></div>
            <form method="post" action=format!("{ADDRESS}/channels") class="card-body fields">
                <div class="field">
                    <label for="channel_kind">"Kind"</label>
                    <select class="input" id="channel_kind" name="channel_kind">{options(choices)}</select>
                </div>
                {name(typed, String::new()).view()}
                {address(typed, false).view()}
                {secret(typed, false).view()}
                <div class="wide">{kinds("tell", "Tells of", &events, typed.error("events"))}</div>
                <div class="wide"><button class="btn btn-primary" type="submit">{icon(Icon::Plus)} "Add channel"</button></div>
            </form>
        </section>
    }
}

/// What people call it.
pub(super) fn name(typed: Typed<'_>, now: String) -> Field {
    Field {
        name: "name",
        label: "Name",
        kind: "text",
        value: typed.kept("name").unwrap_or(now),
        error: typed.error("name"),
        placeholder: "Operations",
        required: true,
        ..Field::default()
    }
}

/// Where it leads. What is stored is not shown again.
pub(super) fn address(typed: Typed<'_>, stored: bool) -> Field {
    let hint = if stored {
        "Stored, and not shown. Leave it blank to keep it."
    } else {
        "The webhook's address, or a mail address. PagerDuty: blank for its own."
    };
    Field {
        name: "address",
        label: "Address",
        kind: "text",
        error: typed.error("address"),
        hint: Some(hint.to_owned()),
        mono: true,
        ..Field::default()
    }
}

/// What it is signed with.
pub(super) fn secret(typed: Typed<'_>, stored: bool) -> Field {
    let hint = if stored {
        "Stored, and not shown. Leave it blank to keep it."
    } else {
        "PagerDuty: the routing key. Webhook: blank, and one is made and shown once."
    };
    Field {
        name: "secret",
        label: "Signing secret or routing key",
        kind: "password",
        autocomplete: "new-password",
        error: typed.error("secret"),
        hint: Some(hint.to_owned()),
        mono: true,
        ..Field::default()
    }
}

/// A webhook that was just made, with its signing secret: shown this once.
pub(crate) fn made(made: &MadeChannel) -> Option<Page> {
    let (name, secret) = (made.channel.name.clone(), made.secret.as_ref()?.expose_secret().to_owned());
    Some(Page::new("A new channel", move || {
        view! {
            <div class="max-w-2xl mx-auto">
                {crumbs(vec![(ADDRESS.to_owned(), "Notifications".to_owned())], "A new channel".to_owned())}
                <div class="page-head"><h1 class="wrap-anywhere">{name}</h1></div>
                <div class="card card-body">
                    <p>"Give this signing secret to the receiver now. It cannot be shown again."</p>
                    {shown_once("signing-secret", "the signing secret", secret)}
                    <div class="mt-3">{note("tone-info", Icon::Info, view! {
                        "Every message is signed after the Standard Webhooks specification: the receiver checks "
                        <code>"webhook-signature"</code> " over " <code>"webhook-id"</code> ", " <code>"webhook-timestamp"</code> " and the body."
                    })}</div>
                    <a class="btn mt-4" href=ADDRESS>"Done"</a>
                </div>
            </div>
        }
        .into_any()
    }))
}
