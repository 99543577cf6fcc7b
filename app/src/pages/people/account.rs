//! `/account`: one's own browsers, password and API tokens.

use axum::extract::Path;
use axum::response::Response;
use chrono::{DateTime, Utc};
use drift_domain::role::Role;
use drift_domain::views::{AccountView, SessionView, TokenView};
use drift_services::accounts::{MadeToken, Notice};
use drift_services::gate::cap;
use drift_services::{ServiceError, ServiceResult};
use leptos::prelude::*;
use secrecy::ExposeSecret;

use super::confirm::{self, Question};
use super::{roles, shown_once};
use crate::components::crumbs::crumbs;
use crate::components::form::{Field, options};
use crate::components::icon::{Icon, icon};
use crate::components::layout::Live;
use crate::components::note::note;
use crate::components::time;
use crate::ssr::visit::{Member, Page};
use crate::words;

/// Where this page is.
pub(crate) const ADDRESS: &str = "/account";

/// In how many days a new token may end, as the form offers it.
const LIVES: [(u32, &str); 5] = [(7, "7 days"), (30, "30 days"), (90, "90 days"), (180, "180 days"), (365, "1 year")];

/// What the page is drawn with, beside the account.
struct Around {
    organization: String,
    notice: Option<Notice>,
    /// The providers that one may be joined to: key and label.
    providers: Vec<(String, String)>,
    mails: bool,
}

/// `GET /account`
pub(crate) async fn get(member: Member) -> Response {
    let page: ServiceResult<Page> = async {
        let services = member.services();
        let account = services.account(&member.permit::<cap::Account>()?).await?;
        let notice = member.take_notice().await?;
        let providers = services.providers().iter().map(|one| (one.key().to_owned(), one.label().to_owned())).collect();
        let around = Around {
            organization: member.caller.organization_name.clone(),
            notice: notice.clone(),
            providers,
            mails: services.sends_mail(),
        };
        let now = account.now;
        let page = Page::new("Your account", move || view(&account, &around));
        Ok(page.notice(notice.filter(|notice| notice.field.is_none()).as_ref()).live(Live::Off, now))
    }
    .await;
    member.answer(page).await
}

impl Around {
    fn error(&self, field: &str) -> Option<String> {
        let notice = self.notice.as_ref()?;
        (notice.field.as_deref() == Some(field)).then(|| notice.text.clone())
    }

    fn kept(&self, name: &str) -> Option<String> {
        Some(self.notice.as_ref()?.draft.as_ref()?.get(name)?.as_str()?.to_owned())
    }
}

fn view(account: &AccountView, around: &Around) -> AnyView {
    let parts = view! { {sessions(account)} {password(account, around)} {tokens(account, around)} };
    view! {
        {crumbs(vec![("/".to_owned(), "Environments".to_owned())], "Your account".to_owned())}
        <div class="page-head">
            <div>
                <h1 class="wrap-anywhere">{account.name.clone()}</h1>
                <p class="text-ink-2 wrap-anywhere">{account.email.clone()}</p>
            </div>
        </div>
        {parts}
    }
    .into_any()
}

fn sessions(account: &AccountView) -> impl IntoView + use<> {
    let rows = account.sessions.iter().map(|session| session_row(session, account.now)).collect_view();
    view! {
        <section class="card" aria-labelledby="sessions">
            <div class="card-head">
                <h2 id="sessions">"Where you are signed in"</h2>
                <a class="btn btn-small" href="/account/sign-out-everywhere">"Sign out everywhere"</a>
            </div>
            <table class="rows">
                <thead>
                    <tr><th scope="col">"Browser"</th><th scope="col">"Organization"</th><th scope="col">"Last used"</th><th scope="col">"Since"</th><th scope="col"><span class="sr-only">"Actions"</span></th></tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
}

fn session_row(session: &SessionView, now: DateTime<Utc>) -> impl IntoView + use<> {
    let device = device(&session.user_agent);
    let end = if session.current {
        view! { <span class="chip tone-ok">"This one"</span> }.into_any()
    } else {
        view! {
            <form method="post" action=format!("/account/sessions/{}/end", session.id)>
                <button class="btn btn-small" type="submit" aria-label=format!("Sign {device} out")>"Sign out"</button>
            </form>
        }
        .into_any()
    };
    view! {
        <tr data-session=if session.current { "current" } else { "other" }>
            <td class="cell-main"><span class="font-semibold" title=session.user_agent.clone()>{device}</span></td>
            <td data-label="Organization" class="wrap-anywhere">{session.organization.clone()}</td>
            <td data-label="Last used">{time::ago(session.last_seen_at, now)}</td>
            <td data-label="Since">{time::ago(session.created_at, now)}</td>
            <td class="right">{end}</td>
        </tr>
    }
}

fn password(account: &AccountView, around: &Around) -> impl IntoView + use<> {
    let field = |name, label, autocomplete, hint: Option<String>| Field {
        name,
        label,
        kind: "password",
        autocomplete,
        hint,
        required: true,
        error: around.error(name),
        minlength: (name == "new_password").then_some(12),
        ..Field::default()
    };
    let form = if account.has_password {
        let old = field("password", "Your password now", "current-password", None);
        let hint = "At least 12 characters. Your other browsers are signed out.".to_owned();
        let new = field("new_password", "A new password", "new-password", Some(hint));
        view! {
            <form method="post" action="/account/password" class="card-body fields">
                // So that a password manager knows whose it is.
                <input type="text" name="username" autocomplete="username" value=account.email.clone() class="sr-only" tabindex="-1" aria-hidden="true" readonly />
                {old.view()} {new.view()}
                <div class="wide"><button class="btn" type="submit">"Change password"</button></div>
            </form>
        }
        .into_any()
    } else {
        let reset =
            around.mails.then(|| view! { " To set one, " <a class="link" href="/reset">"have a link mailed"</a> "." });
        view! { <p class="card-body text-ink-2">"You sign in through an identity provider and have no password here." {reset}</p> }
            .into_any()
    };
    let connect = around.providers.iter().map(|(key, label)| {
        let href = format!("/sign-in/{key}?next=%2Faccount");
        view! { <a class="btn btn-small" href=href>{icon(Icon::Link)} {format!("Sign in with {label}")}</a> }
    });
    let connect = connect.collect_view();
    let joined = (!around.providers.is_empty()).then(|| {
        view! {
            <div class="card-body pt-0 flex flex-wrap items-center gap-2">
                <span class="text-ink-2">"Join your account to an identity provider's:"</span> {connect}
            </div>
        }
    });
    view! {
        <section class="card section" aria-labelledby="password-head">
            <div class="card-head"><h2 id="password-head">"How you sign in"</h2></div>
            {form} {joined}
        </section>
    }
}

fn tokens(account: &AccountView, around: &Around) -> impl IntoView + use<> {
    let rows = account.tokens.iter().map(|token| token_row(token, account.now)).collect_view();
    let table = (!account.tokens.is_empty()).then(|| view! {
        <table class="rows">
            <thead>
                <tr><th scope="col">"Token"</th><th scope="col">"May do what a"</th><th scope="col">"Last used"</th><th scope="col">"Ends"</th><th scope="col"><span class="sr-only">"Actions"</span></th></tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    });
    let name = Field {
        name: "name",
        label: "What it is for",
        kind: "text",
        value: around.kept("name").unwrap_or_default(),
        error: around.error("name").or_else(|| around.error("role")).or_else(|| around.error("days")),
        placeholder: "Nightly report",
        required: true,
        ..Field::default()
    };
    let chosen = around.kept("days").and_then(|days| days.parse().ok()).unwrap_or(90);
    let lives = LIVES.iter().map(move |(days, label)| (days.to_string(), (*label).to_owned(), *days == chosen));
    let role = around.kept("role").and_then(|role| role.parse().ok()).unwrap_or(Role::Viewer);
    view! {
        <section class="card section" aria-labelledby="tokens">
            <div class="card-head">
                <h2 id="tokens">"API tokens"</h2>
                <p class="text-ink-2">
                    {format!("For programs that act for you in {}: ", around.organization)}
                    <a class="link" href=crate::pages::reference::ADDRESS>"API reference"</a>
                </p>
            </div>
            {table}
            <form method="post" action="/account/tokens" class="card-body fields">
                <div class="wide">{name.view()}</div>
                {roles("token-role".to_owned(), "At most the role", &account.token_roles, role, false)}
                <div class="field">
                    <label for="days">"Ends in"</label>
                    <select class="input" id="days" name="days">{options(lives)}</select>
                </div>
                <div class="wide"><button class="btn btn-primary" type="submit">{icon(Icon::Plus)} "Make a token"</button></div>
            </form>
        </section>
    }
}

fn token_row(token: &TokenView, now: DateTime<Utc>) -> impl IntoView + use<> {
    let ends = if token.expired {
        view! { <span class="chip tone-unverified">"Expired"</span> }.into_any()
    } else {
        token.expires_at.format("%-d %b %Y").to_string().into_any()
    };
    let remove = format!("/account/tokens/{}/revoke", token.id);
    view! {
        <tr data-token=token.name.clone()>
            <td class="cell-main">
                <span class="font-semibold wrap-anywhere">{token.name.clone()}</span>
                <p class="sub mono">{format!("wfo_…{}", token.ending)}</p>
            </td>
            <td data-label="Role">{words::role(token.role)}</td>
            <td data-label="Last used">{time::ago_or(token.last_used_at, now, "never")}</td>
            <td data-label="Ends">{ends}</td>
            <td class="right"><a class="btn btn-small" href=remove aria-label=format!("End {}", token.name)>"End"</a></td>
        </tr>
    }
}

/// A token that was just made: shown this once.
pub(crate) fn made(made: &MadeToken) -> Page {
    let (name, secret) = (made.token.name.clone(), made.secret.expose_secret().to_owned());
    Page::new("A new token", move || {
        view! {
            <div class="max-w-2xl mx-auto">
                {crumbs(vec![(ADDRESS.to_owned(), "Your account".to_owned())], "A new token".to_owned())}
                <div class="page-head"><h1 class="wrap-anywhere">{name}</h1></div>
                <div class="card card-body">
                    <p>"Copy it now. It is kept nowhere and cannot be shown again."</p>
                    {shown_once("token-secret", "the token", secret)}
                    <div class="mt-3">{note("tone-info", Icon::Info, view! {
                        "A program sends it with every request, as the header " <code>"Authorization: Bearer wfo_…"</code> "."
                    })}</div>
                    <a class="btn mt-4" href=ADDRESS>"Done"</a>
                </div>
            </div>
        }
        .into_any()
    })
}

/// `GET /account/sign-out-everywhere`
pub(crate) async fn ask_end_all(member: Member) -> Response {
    let page = Question {
        title: "Sign out everywhere?".to_owned(),
        text: "Every browser that you are signed in with is signed out, this one too. API tokens go on.".to_owned(),
        button: "Sign out everywhere",
        action: "/account/sign-out-everywhere".to_owned(),
        back: ADDRESS,
    };
    member.answer(Ok(confirm::page(page))).await
}

/// `GET /account/tokens/{id}/revoke`
pub(crate) async fn ask_revoke(member: Member, Path(id): Path<String>) -> Response {
    let page: ServiceResult<Page> = async {
        let tokens = member.services().tokens(&member.permit::<cap::Account>()?).await?;
        let token = tokens.into_iter().find(|token| token.id.to_string() == id);
        let token = token.ok_or(ServiceError::NotFound("token"))?;
        Ok(confirm::page(Question {
            title: format!("End {}?", token.name),
            text: format!("Whatever uses the token wfo_…{} is refused from then on.", token.ending),
            button: "End the token",
            action: format!("/account/tokens/{}/revoke", token.id),
            back: ADDRESS,
        }))
    }
    .await;
    member.answer(page).await
}

/// What a browser calls itself, in few words: `Firefox on Linux`. The whole is on hover.
fn device(user_agent: &str) -> String {
    let named = |names: &[(&'static str, &'static str)]| {
        names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    // Chromium's descendants name their ancestors, and everybody names Mozilla: the most particular first.
    let browser = named(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("HeadlessChrome", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = named(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) if user_agent.is_empty() => "A browser without a name".to_owned(),
        (None, None) => user_agent.chars().take(40).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::device;

    #[test]
    fn browsers_are_named_as_people_know_them() {
        for (agent, name) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            ("curl/8.5.0", "curl"),
            ("", "A browser without a name"),
            ("a program of ours", "a program of ours"),
        ] {
            assert_eq!(device(agent), name, "{agent}");
        }
    }
}
