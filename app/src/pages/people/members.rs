//! `/settings/members`: who belongs to the organization, and who is invited.

use axum::extract::Path;
use axum::response::Response;
use chrono::{DateTime, Utc};
use drift_domain::role::Role;
use drift_domain::views::{InvitationView, MemberView, MembersView};
use drift_services::accounts::{Invited, Notice};
use drift_services::gate::cap;
use drift_services::{ServiceError, ServiceResult};
use leptos::prelude::*;
use secrecy::ExposeSecret;

use super::confirm::{self, Question};
use super::{roles, shown_once};
use crate::components::crumbs::crumbs;
use crate::components::form::Field;
use crate::components::icon::{Icon, icon};
use crate::components::layout::Live;
use crate::components::note::note;
use crate::components::time;
use crate::ssr::visit::{Member, Page};
use crate::words;

/// Where these pages are.
pub(crate) const ADDRESS: &str = "/settings/members";

/// `GET /settings/members`
pub(crate) async fn get(member: Member) -> Response {
    let page: ServiceResult<Page> = async {
        let view_of = member.services().members(&member.permit::<cap::Visibility>()?).await?;
        let notice = member.take_notice().await?;
        let organization = member.caller.organization_name.clone();
        let (now, shown) = (view_of.now, notice.clone());
        let page = Page::new("Members", move || view(&view_of, &organization, notice.as_ref()));
        Ok(page.notice(shown.filter(|notice| notice.field.is_none()).as_ref()).live(Live::Off, now))
    }
    .await;
    member.answer(page).await
}

fn view(page: &MembersView, organization: &str, notice: Option<&Notice>) -> AnyView {
    let members = page.members.iter().map(|member| row(member, page.now)).collect_view();
    let invited = (!page.may_invite_as.is_empty()).then(|| invitations(page, notice));
    view! {
        {crumbs(vec![("/".to_owned(), "Environments".to_owned())], "Members".to_owned())}
        <div class="page-head"><h1>{format!("Members of {organization}")}</h1></div>
        <section class="card" aria-labelledby="members">
            <div class="card-head">
                <h2 id="members">"Who is here"</h2>
                <a class="btn btn-small" href="/settings/members/leave">"Leave"</a>
            </div>
            <table class="rows">
                <thead>
                    <tr><th scope="col">"Person"</th><th scope="col">"Role"</th><th scope="col">"Last seen"</th><th scope="col"><span class="sr-only">"Actions"</span></th></tr>
                </thead>
                <tbody>{members}</tbody>
            </table>
        </section>
        {invited}
    }
    .into_any()
}

fn row(member: &MemberView, now: DateTime<Utc>) -> impl IntoView + use<> {
    let you = member.is_you.then(|| view! { <span class="chip tone-info">"You"</span> });
    let role = if member.may_become.is_empty() {
        words::role(member.role).into_any()
    } else {
        let label = "Role";
        view! {
            <form method="post" action=format!("{ADDRESS}/{}/role", member.user_id) class="flex gap-2">
                {roles(format!("role-{}", member.user_id), label, &member.may_become, member.role, true)}
                <button class="btn btn-small" type="submit" aria-label=format!("Change the role of {}", member.name)>"Change"</button>
            </form>
        }
        .into_any()
    };
    let remove = member.may_remove.then(|| {
        view! {
            <a class="btn btn-small" href=format!("{ADDRESS}/{}/remove", member.user_id) aria-label=format!("Remove {}", member.name)>"Remove"</a>
        }
    });
    let blank = if remove.is_some() { "right" } else { "right blank" };
    view! {
        <tr data-member=member.email.clone()>
            <td class="cell-main">
                <span class="flex flex-wrap items-center gap-2 font-semibold wrap-anywhere">{member.name.clone()} {you}</span>
                <p class="sub wrap-anywhere">{member.email.clone()}</p>
            </td>
            <td data-label="Role">{role}</td>
            <td data-label="Last seen">{time::ago_or(member.last_seen_at, now, "not yet")}</td>
            <td class=blank>{remove}</td>
        </tr>
    }
}

fn invitations(page: &MembersView, notice: Option<&Notice>) -> impl IntoView + use<> {
    let waiting = page.invitations.iter().map(|invitation| waiting(invitation, page.now)).collect_view();
    let table = (!page.invitations.is_empty()).then(|| view! {
        <table class="rows">
            <thead>
                <tr><th scope="col">"Invited"</th><th scope="col">"As"</th><th scope="col">"Link"</th><th scope="col"><span class="sr-only">"Actions"</span></th></tr>
            </thead>
            <tbody>{waiting}</tbody>
        </table>
    });
    let error = notice.filter(|notice| notice.field.as_deref() == Some("email")).map(|notice| notice.text.clone());
    let draft = notice.and_then(|notice| notice.draft.as_ref());
    let kept = |name: &str| draft.and_then(|draft| draft[name].as_str()).unwrap_or_default().to_owned();
    let email = Field {
        name: "email",
        label: "E-mail",
        kind: "email",
        value: kept("email"),
        error,
        hint: Some(
            if page.mails {
                "A link is mailed, and shown to you for handing on."
            } else {
                "A link is shown to you for handing on: this installation sends no mail."
            }
            .to_owned(),
        ),
        required: true,
        ..Field::default()
    };
    let chosen = kept("role").parse().unwrap_or(Role::Viewer);
    view! {
        <section class="card section" aria-labelledby="invitations">
            <div class="card-head"><h2 id="invitations">"Invitations"</h2></div>
            {table}
            <form method="post" action="/settings/invitations" class="card-body fields">
                {email.view()} {roles("invite-role".to_owned(), "Role", &page.may_invite_as, chosen, false)}
                <div class="wide"><button class="btn btn-primary" type="submit">{icon(Icon::Plus)} "Invite"</button></div>
            </form>
        </section>
    }
}

fn waiting(invitation: &InvitationView, now: DateTime<Utc>) -> impl IntoView + use<> {
    let by = invitation.invited_by.clone().map(|name| view! { <p class="sub">"by " {name}</p> });
    let link = if invitation.expired {
        view! { <span class="chip tone-unverified">"Expired"</span> }.into_any()
    } else {
        view! { "sent " {time::ago(invitation.sent_at, now)} }.into_any()
    };
    let actions = invitation.may_change.then(|| {
        let id = invitation.id;
        view! {
            <span class="flex flex-wrap gap-2 justify-end">
                <form method="post" action=format!("/settings/invitations/{id}/resend")>
                    <button class="btn btn-small" type="submit" aria-label=format!("Send the invitation of {} again", invitation.email)>"Send again"</button>
                </form>
                <a class="btn btn-small" href=format!("/settings/invitations/{id}/revoke") aria-label=format!("Take the invitation of {} back", invitation.email)>"Take back"</a>
            </span>
        }
    });
    view! {
        <tr data-invitation=invitation.email.clone()>
            <td class="cell-main"><span class="font-semibold wrap-anywhere">{invitation.email.clone()}</span> {by}</td>
            <td data-label="As">{words::role(invitation.role)}</td>
            <td data-label="Link">{link}</td>
            <td class="right">{actions}</td>
        </tr>
    }
}

/// The link of an invitation that was just made: shown this once.
pub(crate) fn invited(invited: &Invited) -> Page {
    let email = invited.invitation.email.clone();
    let (link, mailed) = (invited.link.expose_secret().to_owned(), invited.mailed);
    Page::new("Invited", move || {
        let how = if mailed {
            format!("A link was mailed to {email}. If it does not arrive, hand this one on:")
        } else {
            format!("Hand this link on to {email}:")
        };
        view! {
            <div class="max-w-2xl mx-auto">
                {crumbs(vec![(ADDRESS.to_owned(), "Members".to_owned())], "Invited".to_owned())}
                <div class="page-head"><h1 class="wrap-anywhere">{format!("{email} is invited")}</h1></div>
                <div class="card card-body">
                    <p class="wrap-anywhere">{how}</p>
                    {shown_once("invitation-link", "the link", link)}
                    <div class="mt-3">{note("tone-info", Icon::Info, "It is shown this once, and works for seven days. Whoever has it can join.")}</div>
                    <a class="btn mt-4" href=ADDRESS>"Done"</a>
                </div>
            </div>
        }
        .into_any()
    })
}

/// `GET /settings/members/{user}/remove`
pub(crate) async fn ask_remove(member: Member, Path(user): Path<String>) -> Response {
    let page: ServiceResult<Page> = async {
        member.permit::<cap::Members>()?;
        let members = member.services().members(&member.permit::<cap::Visibility>()?).await?.members;
        let found = members.into_iter().find(|member| member.user_id.to_string() == user);
        let found = found.ok_or(ServiceError::NotFound("member"))?;
        Ok(confirm::page(Question {
            title: format!("Remove {}?", found.name),
            text: format!(
                "{} ({}) is signed out of {} at once, and tokens made here end. What they did stays on the record.",
                found.name, found.email, member.caller.organization_name
            ),
            button: "Remove",
            action: format!("{ADDRESS}/{}/remove", found.user_id),
            back: ADDRESS,
        }))
    }
    .await;
    member.answer(page).await
}

/// `GET /settings/members/leave`
pub(crate) async fn ask_leave(member: Member) -> Response {
    let page = Question {
        title: format!("Leave {}?", member.caller.organization_name),
        text: "You are signed out of it at once, your tokens here end, and coming back takes an invitation.".to_owned(),
        button: "Leave",
        action: format!("{ADDRESS}/leave"),
        back: ADDRESS,
    };
    member.answer(Ok(confirm::page(page))).await
}

/// `GET /settings/invitations/{id}/revoke`
pub(crate) async fn ask_revoke(member: Member, Path(id): Path<String>) -> Response {
    let page: ServiceResult<Page> = async {
        member.permit::<cap::Members>()?;
        let waiting = member.services().members(&member.permit::<cap::Visibility>()?).await?.invitations;
        let found = waiting.into_iter().find(|invitation| invitation.id.to_string() == id);
        let found = found.ok_or(ServiceError::NotFound("invitation"))?;
        Ok(confirm::page(Question {
            title: "Take the invitation back?".to_owned(),
            text: format!("The link that {} was sent stops working.", found.email),
            button: "Take back",
            action: format!("/settings/invitations/{}/revoke", found.id),
            back: ADDRESS,
        }))
    }
    .await;
    member.answer(page).await
}
