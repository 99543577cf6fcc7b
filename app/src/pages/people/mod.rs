//! The pages of people: members and invitations of an organization, one's own account, and the ways in.

pub(crate) mod account;
pub(crate) mod confirm;
pub(crate) mod invitation;
pub(crate) mod members;
pub(crate) mod organization;
pub(crate) mod reset;

use drift_domain::role::Role;
use leptos::prelude::*;

use crate::components::form::options;
use crate::islands::copy::CopyButton;
use crate::words;

/// A select of roles.
pub(super) fn roles(id: String, label: &'static str, roles: &[Role], chosen: Role, small: bool) -> AnyView {
    let choices = roles.iter().map(|role| (role.to_string(), words::role(*role).to_owned(), *role == chosen));
    let choices = options(choices.collect::<Vec<_>>());
    let class = if small { "input input-small" } else { "input" };
    if small {
        return view! { <select class=class id=id name="role" aria-label=label>{choices}</select> }.into_any();
    }
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select class=class id=id name="role">{choices}</select>
        </div>
    }
    .into_any()
}

/// Something that is shown this once, with a button that copies it.
pub(in crate::pages) fn shown_once(id: &'static str, what: &'static str, secret: String) -> impl IntoView {
    view! {
        <div class="flex flex-wrap items-center gap-2 mt-2">
            <code id=id class="wrap-anywhere flex-1 secret-once">{secret}</code>
            <CopyButton from=id.to_owned() what=what.to_owned() />
        </div>
    }
}
