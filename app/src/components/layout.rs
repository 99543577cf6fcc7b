//! The document around every page: head, top bar, main, footer.

use chrono::{DateTime, Utc};
use drift_domain::ids::EnvironmentId;
use drift_domain::plan::{Capability, Grant};
use drift_domain::role::Role;
use drift_domain::views::{Me, OrganizationView};
use leptos::config::LeptosOptions;
use leptos::hydration::HydrationScripts;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::HashedStylesheet;

use crate::components::icon::{Icon, icon};
use crate::components::note::{self, Said};
use crate::islands::ages::Ages;
use crate::islands::live::LiveUpdates;
use crate::islands::palette::Palette;
use crate::islands::shortcuts::Shortcuts;
use crate::islands::theme::ThemeChoice;
use crate::words;

/// What the person chose; the system's choice where nothing is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    const ALL: [(Self, &'static str, Icon); 3] =
        [(Self::System, "System", Icon::Monitor), (Self::Light, "Light", Icon::Sun), (Self::Dark, "Dark", Icon::Moon)];

    /// Its spelling in the cookie and on the root element.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Reads the spelling; anything else is the system's choice.
    pub(crate) fn read(text: &str) -> Self {
        Self::ALL.into_iter().map(|(theme, ..)| theme).find(|theme| theme.as_str() == text).unwrap_or_default()
    }
}

/// What a page follows while it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Live {
    /// Nothing: forms, sign-in.
    Off,
    /// Every environment of the organization.
    All,
    /// One environment.
    One(EnvironmentId),
}

/// What every page is framed in.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub title: String,
    pub theme: Theme,
    /// Who is signed in, if anybody is.
    pub me: Option<Me>,
    /// The address of the page: where to return to after a change of theme or organization.
    pub address: String,
    /// Whether this is the list of environments.
    pub home: bool,
    /// Whether the plan has incidents: then the way to them is in the bar.
    pub incidents: bool,
    pub live: Live,
    /// The server's clock, where the page shows ages.
    pub now: Option<DateTime<Utc>>,
    pub said: Option<Said>,
}

/// The whole document.
pub(crate) fn document(options: LeptosOptions, frame: Frame, body: AnyView) -> impl IntoView {
    let title = format!("{} · WorkflowOps", frame.title);
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=frame.theme.as_str()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <title>{title}</title>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="preload" href="/fonts/inter.woff2" r#as="font" r#type="font/woff2" crossorigin="anonymous" />
                <HashedStylesheet options=options.clone() />
                <HydrationScripts options=options islands=true />
            </head>
            <body>
                <a class="skip-link" href="#main">"Skip to the content"</a>
                {top_bar(&frame)}
                {frame.me.is_some().then(|| view! { {shortcuts()} {palette()} })}
                <main id="main" class="page" tabindex="-1">
                    {note::said(frame.said.as_ref())} {body}
                </main>
                {frame.now.map(|now| view! { <Ages now=now.timestamp_millis() as f64 /> })}
            </body>
        </html>
    }
}

/// A document without frame, for what is shown inside a page's own frame.
pub(crate) fn fragment(options: LeptosOptions, theme: Theme, title: &'static str, body: AnyView) -> impl IntoView {
    // Nothing hydrates here, and the nonce is left to the pages that have scripts.
    let _ = use_nonce();
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme.as_str()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <title>{title}</title>
                <HashedStylesheet options=options />
            </head>
            <body class="fragment">{body}</body>
        </html>
    }
}

fn top_bar(frame: &Frame) -> impl IntoView + use<> {
    let is_about_incidents = frame.address.starts_with("/incidents");
    let is_about_metrics = frame.address.starts_with("/metrics");
    let navigation = frame.me.is_some().then(|| {
        let incidents = frame.incidents.then(|| {
            view! { <a class="nav-link" href="/incidents" data-go="i" aria-current=is_about_incidents.then_some("page")>"Incidents"</a> }
        });
        view! {
            <nav class="nav" aria-label="Main">
                <a class="nav-link" href="/" data-go="e" aria-current=frame.home.then_some("page")>"Environments"</a>
                {incidents}
                <a class="nav-link" href="/metrics" data-go="m" aria-current=is_about_metrics.then_some("page")>"Metrics"</a>
            </nav>
        }
    });
    let live = match frame.live {
        Live::Off => None,
        Live::All => Some(view! { <LiveUpdates environment=None /> }),
        Live::One(id) => Some(view! { <LiveUpdates environment=Some(id.to_string()) /> }),
    };
    view! {
        <header class="topbar">
            <div class="topbar-in">
                <a class="brand" href="/">
                    <img src="/favicon.svg" alt="" width="22" height="22" />
                    <span class="brand-name">"WorkflowOps"</span>
                </a>
                {navigation}
                <div class="ml-auto flex items-center gap-2">
                    {live}
                    {match &frame.me {
                        Some(me) => signed_in(me, frame).into_any(),
                        None => themes(frame.theme, &frame.address).into_any(),
                    }}
                </div>
            </div>
        </header>
    }
}

/// The keys that pages listen to, by what they do.
const KEYS: [(&str, &str); 11] = [
    ("?", "This list"),
    ("Ctrl K", "Find pages, environments, incidents and what can be done here; on a Mac with Cmd"),
    ("/", "To the search or filter of the page"),
    ("g e", "To the environments"),
    ("g i", "To the incidents"),
    ("g m", "To the metrics"),
    ("j, k", "To the next or previous row; Enter opens it"),
    ("n, p", "To the next or previous difference"),
    ("a", "To the reason for acknowledging the incident"),
    ("r", "Check again, which writes nothing"),
    ("Esc", "Close what is open"),
];

/// The list of keys; without scripts it is a list of what there would be.
fn shortcuts() -> impl IntoView {
    let keys = KEYS.map(|(keys, does)| {
        let keys = keys
            .split_inclusive([' ', ','])
            .map(|key| view! { <kbd>{key.trim_matches([' ', ','])}</kbd> })
            .collect_view();
        view! { <div><dt>{keys}</dt><dd>{does}</dd></div> }
    });
    view! {
        <div class="menu shortcuts" id="shortcuts" popover="auto" role="dialog" aria-labelledby="shortcuts-heading">
            <h2 id="shortcuts-heading" class="menu-heading">"Keyboard shortcuts"</h2>
            <dl>{keys.to_vec()}</dl>
            <p class="menu-heading">"They keep out of fields, and none of them writes anything."</p>
            <p class="menu-heading"><Shortcuts /></p>
        </div>
    }
}

/// The palette, closed; what it finds is what `/search` finds.
fn palette() -> impl IntoView {
    view! {
        <Palette>
            <dialog id="palette" class="palette" aria-labelledby="palette-label">
                <div class="palette-in">
                    <form method="get" action="/search" role="search">
                        {icon(Icon::Search)}
                        <label id="palette-label" class="sr-only" for="palette-q">
                            "Find pages, environments, incidents and what can be done on this page"
                        </label>
                        <input
                            class="input"
                            id="palette-q"
                            name="q"
                            type="text"
                            role="combobox"
                            aria-expanded="false"
                            aria-controls="palette-list"
                            aria-autocomplete="list"
                            autocomplete="off"
                            autocapitalize="off"
                            spellcheck="false"
                            placeholder="Parts of a name, or INC-…"
                        />
                        <button class="btn btn-small" type="button" data-close="">"Close"</button>
                    </form>
                    <ul id="palette-list" role="listbox" aria-label="What was found" hidden></ul>
                    <div class="palette-foot">
                        <p role="status"></p>
                        <p aria-hidden="true"><kbd>"↑"</kbd> " " <kbd>"↓"</kbd> " to choose, " <kbd>"Enter"</kbd> " to go there"</p>
                    </div>
                </div>
            </dialog>
        </Palette>
    }
}

fn signed_in(me: &Me, frame: &Frame) -> impl IntoView + use<> {
    let organization = me.organization.clone();
    view! {
        <a class="menu-button" href="/search" data-palette="" aria-keyshortcuts="Control+K Meta+K" title="Ctrl K">
            {icon(Icon::Search)} <span class="max-lg:sr-only">"Search"</span>
        </a>
        {if me.organizations.len() > 1 {
            organization_menu(&me.organization, me.organizations.clone()).into_any()
        } else {
            let name = organization.name.clone();
            view! { <span class="menu-button cursor-default">{icon(Icon::Building)} <span class="truncate">{name}</span></span> }.into_any()
        }}
        <button class="menu-button" type="button" popovertarget="account-menu" aria-label=format!("Account of {}", me.name)>
            {icon(Icon::User)}
            <span class="truncate max-sm:hidden">{me.name.clone()}</span>
        </button>
        <div class="menu" id="account-menu" popover="auto">
            <div class="menu-heading">
                <p class="text-ink font-semibold">{me.name.clone()}</p>
                <p class="wrap-anywhere">{me.email.clone()}</p>
                <p class="mt-1">{format!("{} in {}, {} plan", words::role(organization.role), organization.name, organization.plan.label())}</p>
            </div>
            <div class="menu-rule"></div>
            <div class="px-2.5 py-1.5">{themes(frame.theme, &frame.address)}</div>
            <div class="menu-rule"></div>
            <a class="menu-item" href="/account">{icon(Icon::User)} "Your account"</a>
            <a class="menu-item" href="/settings/members">{icon(Icon::Building)} "Members"</a>
            {(organization.role >= Role::Admin).then(|| view! {
                <a class="menu-item" href="/settings/incident-settings">{icon(Icon::Settings)} "Incident settings"</a>
            })}
            {(organization.role >= Capability::Audit.least_role() && Capability::Audit.grant(organization.plan) != Grant::None)
                .then(|| view! { <a class="menu-item" href="/audit">{icon(Icon::Shield)} "Audit log"</a> })}
            {(organization.role >= Capability::Approvals.least_role())
                .then(|| view! { <a class="menu-item" href="/approvals">{icon(Icon::Check)} "Approvals"</a> })}
            {(organization.role >= Capability::Policies.least_role() && Capability::Policies.grant(organization.plan) != Grant::None)
                .then(|| view! {
                    <a class="menu-item" href="/settings/policies">{icon(Icon::Lock)} "Policies"</a>
                    <a class="menu-item" href="/overview">{icon(Icon::Eye)} "Governance"</a>
                })}
            {(organization.role >= Capability::Reports.least_role() && Capability::Reports.grant(organization.plan) != Grant::None)
                .then(|| view! { <a class="menu-item" href="/reports">{icon(Icon::Download)} "Compliance reports"</a> })}
            {(organization.role >= Capability::Retention.least_role())
                .then(|| view! { <a class="menu-item" href="/retention">{icon(Icon::Clock)} "Retention"</a> })}
            <a class="menu-item" href="/settings/notifications">{icon(Icon::Comment)} "Notifications"</a>
            <a class="menu-item" href="/settings/plan">{icon(Icon::Layers)} "Plan"</a>
            <button class="menu-item" type="button" popovertarget="shortcuts">{icon(Icon::Monitor)} "Keyboard shortcuts"</button>
            <a class="menu-item" href="/api/reference">{icon(Icon::Info)} "API reference"</a>
            <a class="menu-item" href="/organizations/new">{icon(Icon::Plus)} "New organization"</a>
            <div class="menu-rule"></div>
            <form method="post" action="/sign-out">
                <button class="menu-item" type="submit">{icon(Icon::SignOut)} "Sign out"</button>
            </form>
        </div>
    }
}

fn organization_menu(current: &OrganizationView, all: Vec<OrganizationView>) -> impl IntoView + use<> {
    let here = current.id;
    let items = all
        .into_iter()
        .map(|organization| {
            let current = (organization.id == here).then_some("true");
            view! {
                <button class="menu-item" type="submit" name="organization" value=organization.id.to_string() aria-current=current>
                    {icon(if current.is_some() { Icon::Check } else { Icon::Building })}
                    <span class="flex-1 wrap-anywhere">{organization.name}</span>
                    <span class="text-ink-3 text-[0.857rem]">{organization.plan.label()}</span>
                </button>
            }
        })
        .collect_view();
    view! {
        <button class="menu-button" type="button" popovertarget="organization-menu" aria-label=format!("Organization: {}. Change it", current.name)>
            {icon(Icon::Building)}
            <span class="truncate">{current.name.clone()}</span>
            {icon(Icon::ChevronDown)}
        </button>
        <div class="menu" id="organization-menu" popover="auto">
            <p class="menu-heading">"Organization"</p>
            <form method="post" action="/organization">{items}</form>
        </div>
    }
}

/// The three themes: a form of buttons, which the island answers at once.
fn themes(theme: Theme, address: &str) -> impl IntoView + use<> {
    let buttons = Theme::ALL
        .into_iter()
        .map(|(choice, label, mark)| {
            let pressed = if choice == theme { "true" } else { "false" };
            view! {
                <button type="submit" name="theme" value=choice.as_str() aria-pressed=pressed title=format!("{label} theme")>
                    {icon(mark)}
                    <span class="sr-only">{format!("{label} theme")}</span>
                </button>
            }
        })
        .collect_view();
    let address = address.to_owned();
    view! {
        <ThemeChoice>
            <form method="post" action="/theme" class="segmented" aria-label="Theme">
                <input type="hidden" name="next" value=address />
                {buttons}
            </form>
        </ThemeChoice>
    }
}
