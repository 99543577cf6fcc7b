//! Members, invitations, one's own account, and resets.

use axum::Form;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use drift_domain::role::Role;
use drift_services::accounts::{Newcomer, TokenRequest};
use drift_services::{ServiceError, ServiceResult};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::accounts::{gone, start, user_agent};
use crate::pages::people::invitation::JoinForm;
use crate::pages::people::{account, invitation, members, reset};
use crate::pages::sign_in::{self, SignInForm};
use crate::ssr::visit::{Member, Page, Visit};

/// An identifier in an address. One that is none names nothing.
fn id<T: std::str::FromStr>(text: &str, what: &'static str) -> ServiceResult<T> {
    text.parse().map_err(|_| ServiceError::NotFound(what))
}

#[derive(Deserialize)]
pub(crate) struct RoleFields {
    role: String,
}

/// A role, as a form spells it.
fn role(text: &str) -> ServiceResult<Role> {
    text.parse().map_err(|_| ServiceError::invalid("role", "Choose one of the roles."))
}

/// Changes what a member may do.
pub(crate) async fn change_role(member: Member, Path(user): Path<String>, Form(fields): Form<RoleFields>) -> Response {
    let done: ServiceResult<()> = async {
        let (user, role) = (id(&user, "member")?, role(&fields.role)?);
        member.services().change_role(&member.permit()?, user, role).await
    }
    .await;
    member.after(done, "The role was changed.", members::ADDRESS, None).await
}

/// Removes a member.
pub(crate) async fn remove(member: Member, Path(user): Path<String>) -> Response {
    let done: ServiceResult<()> =
        async { member.services().remove_member(&member.permit()?, id(&user, "member")?).await }.await;
    member.after(done, "Removed, and signed out of this organization.", members::ADDRESS, None).await
}

/// Leaves the organization. The session ends with the membership.
pub(crate) async fn leave(member: Member) -> Response {
    let done: ServiceResult<()> = async { member.services().leave_organization(&member.permit()?).await }.await;
    match done {
        Ok(()) => (gone(), Redirect::to("/sign-in")).into_response(),
        Err(error) => member.after(Err(error), "", members::ADDRESS, None).await,
    }
}

#[derive(Deserialize)]
pub(crate) struct InviteFields {
    email: String,
    role: String,
}

/// Invites an address, and shows the link once.
pub(crate) async fn invite(member: Member, Form(fields): Form<InviteFields>) -> Response {
    let invited = async { member.services().invite(&member.permit()?, &fields.email, role(&fields.role)?).await }.await;
    let draft = json!({ "email": fields.email, "role": fields.role });
    match invited {
        Ok(invited) => member.answer(Ok(members::invited(&invited))).await,
        Err(error) => member.after(Err(error), "", members::ADDRESS, Some(draft)).await,
    }
}

/// Sends an invitation again, and shows the new link once.
pub(crate) async fn resend(member: Member, Path(invitation): Path<String>) -> Response {
    let sent: ServiceResult<_> = async {
        let id = id(&invitation, "invitation")?;
        member.services().resend_invitation(&member.permit()?, id).await
    }
    .await;
    match sent {
        Ok(invited) => member.answer(Ok(members::invited(&invited))).await,
        Err(error) => member.after(Err(error), "", members::ADDRESS, None).await,
    }
}

/// Takes an invitation back.
pub(crate) async fn revoke_invitation(member: Member, Path(invitation): Path<String>) -> Response {
    let done: ServiceResult<()> = async {
        let id = id(&invitation, "invitation")?;
        member.services().revoke_invitation(&member.permit()?, id).await
    }
    .await;
    member.after(done, "Taken back: its link does not work any more.", members::ADDRESS, None).await
}

#[derive(Deserialize)]
pub(crate) struct JoinFields {
    name: String,
    password: SecretString,
}

/// Comes in by an invitation, with a new account.
pub(crate) async fn join_as_newcomer(
    visit: Visit,
    Path(token): Path<String>,
    Form(fields): Form<JoinFields>,
) -> Response {
    let new = Newcomer {
        token: token.clone(),
        name: fields.name.clone(),
        password: fields.password,
        user_agent: user_agent(&visit.headers),
    };
    let (field, error) = match visit.screens.services.accept_as_newcomer(new).await {
        Ok(signed_in) => return start(&visit.headers, &signed_in, "/"),
        Err(ServiceError::Invalid { field, message }) => (Some(field.to_owned()), message),
        Err(error @ (ServiceError::Conflict(_) | ServiceError::NotFound(_))) => (None, error.to_string()),
        Err(error) => return visit.problem(error).await,
    };
    let form = JoinForm { name: fields.name, field, error: Some(error) };
    invitation::draw(&visit, &token, form, StatusCode::UNPROCESSABLE_ENTITY).await
}

/// Comes in by an invitation, with the account that is signed in.
pub(crate) async fn join_as_member(member: Member, Path(token): Path<String>) -> Response {
    match member.services().accept_as_member(&member.caller, &token).await {
        Ok(()) => Redirect::to("/").into_response(),
        Err(error @ (ServiceError::Conflict(_) | ServiceError::NotFound(_))) => {
            let form = JoinForm { error: Some(error.to_string()), ..JoinForm::default() };
            invitation::draw(&member.visit, &token, form, StatusCode::CONFLICT).await
        }
        Err(error) => member.problem(error).await,
    }
}

#[derive(Deserialize)]
pub(crate) struct OrganizationFields {
    organization: String,
}

/// Makes a further organization.
pub(crate) async fn found(member: Member, Form(fields): Form<OrganizationFields>) -> Response {
    let made: ServiceResult<_> =
        async { member.services().found_organization(&member.permit()?, &fields.organization).await }.await;
    match made {
        Ok(_) => Redirect::to("/").into_response(),
        Err(error) => {
            let draft = json!({ "organization": fields.organization });
            member.after(Err(error), "", "/organizations/new", Some(draft)).await
        }
    }
}

/// Ends another of one's own sessions.
pub(crate) async fn end_session(member: Member, Path(session): Path<String>) -> Response {
    let done: ServiceResult<()> =
        async { member.services().end_session(&member.permit()?, id(&session, "session")?).await }.await;
    member.after(done, "That browser is signed out.", account::ADDRESS, None).await
}

/// Signs out everywhere.
pub(crate) async fn end_all_sessions(member: Member) -> Response {
    let done: ServiceResult<u64> = async { member.services().end_all_sessions(&member.permit()?).await }.await;
    match done {
        Ok(_) => (gone(), Redirect::to("/sign-in")).into_response(),
        Err(error) => member.problem(error).await,
    }
}

#[derive(Deserialize)]
pub(crate) struct PasswordFields {
    password: SecretString,
    new_password: SecretString,
}

/// Changes one's own password.
pub(crate) async fn change_password(member: Member, Form(fields): Form<PasswordFields>) -> Response {
    let done: ServiceResult<()> =
        async { member.services().change_password(&member.permit()?, fields.password, fields.new_password).await }
            .await;
    let good = "The password was changed, and your other browsers are signed out.";
    member.after(done, good, account::ADDRESS, None).await
}

#[derive(Deserialize)]
pub(crate) struct TokenFields {
    name: String,
    role: String,
    days: String,
}

/// Makes an API token, and shows it once.
pub(crate) async fn create_token(member: Member, Form(fields): Form<TokenFields>) -> Response {
    let made: ServiceResult<_> = async {
        let days = fields.days.parse().map_err(|_| ServiceError::invalid("days", "Choose when the token ends."))?;
        let new = TokenRequest { name: fields.name.clone(), role: role(&fields.role)?, days };
        member.services().create_token(&member.permit()?, new).await
    }
    .await;
    match made {
        Ok(made) => member.answer(Ok(account::made(&made))).await,
        Err(error) => {
            let draft = json!({ "name": fields.name, "role": fields.role, "days": fields.days });
            member.after(Err(error), "", account::ADDRESS, Some(draft)).await
        }
    }
}

/// Ends an API token.
pub(crate) async fn revoke_token(member: Member, Path(token): Path<String>) -> Response {
    let done: ServiceResult<()> =
        async { member.services().revoke_token(&member.permit()?, id(&token, "token")?).await }.await;
    member.after(done, "The token is refused from now on.", account::ADDRESS, None).await
}

#[derive(Deserialize)]
pub(crate) struct ResetFields {
    email: String,
}

/// Has a link for a new password mailed.
pub(crate) async fn ask_for_reset(visit: Visit, Form(fields): Form<ResetFields>) -> Response {
    let email = fields.email;
    let (status, error) = match visit.screens.services.ask_for_reset(&email, visit.client).await {
        Ok(()) => {
            let email = email.trim().to_owned();
            return visit.page(Page::new("A new password", move || reset::asked(&email))).await;
        }
        Err(error @ ServiceError::Invalid { .. }) => (StatusCode::UNPROCESSABLE_ENTITY, error),
        Err(error @ ServiceError::RateLimited { .. }) => (StatusCode::TOO_MANY_REQUESTS, error),
        Err(error) => return visit.problem(error).await,
    };
    let error = error.to_string();
    visit.page(Page::new("A new password", move || reset::ask(true, email, Some(error))).status(status)).await
}

#[derive(Deserialize)]
pub(crate) struct NewPasswordFields {
    new_password: SecretString,
}

/// Sets a new password by a link, and leads to the sign-in.
pub(crate) async fn reset_password(
    visit: Visit,
    Path(token): Path<String>,
    Form(fields): Form<NewPasswordFields>,
) -> Response {
    match visit.screens.services.reset_password(&token, fields.new_password).await {
        Ok(email) => {
            let form = SignInForm {
                email,
                next: "/".to_owned(),
                good: Some("The password is set. Sign in with it.".to_owned()),
                ..SignInForm::for_visit(&visit)
            };
            visit.page(Page::new("Sign in", move || sign_in::view(&form))).await
        }
        Err(ServiceError::Invalid { message, .. }) => {
            let page = Page::new("A new password", move || reset::set(&token, Some(message)));
            visit.page(page.status(StatusCode::UNPROCESSABLE_ENTITY)).await
        }
        Err(error) => reset::refused(&visit, error).await,
    }
}
