//! `/organizations/new`: a further organization.

use axum::response::Response;
use drift_services::ServiceResult;
use drift_services::accounts::Notice;
use leptos::prelude::*;

use crate::components::form::Field;
use crate::components::icon::{Icon, icon};
use crate::ssr::visit::{Member, Page};

/// `GET /organizations/new`
pub(crate) async fn get(member: Member) -> Response {
    let page: ServiceResult<Page> = async {
        let notice = member.take_notice().await?;
        let shown = notice.clone().filter(|notice| notice.field.is_none());
        Ok(Page::new("A new organization", move || view(notice.as_ref())).notice(shown.as_ref()))
    }
    .await;
    member.answer(page).await
}

fn view(notice: Option<&Notice>) -> AnyView {
    let draft = notice.and_then(|notice| notice.draft.as_ref());
    let name = Field {
        name: "organization",
        label: "Its name",
        kind: "text",
        value: draft.and_then(|draft| draft["organization"].as_str()).unwrap_or_default().to_owned(),
        error: notice.filter(|notice| notice.field.is_some()).map(|notice| notice.text.clone()),
        hint: Some(
            "Environments, members and plan are its own. You become its owner; it begins on the Free plan.".to_owned(),
        ),
        autocomplete: "organization",
        required: true,
        autofocus: true,
        ..Field::default()
    };
    view! {
        <div class="alone">
            <h1 class="text-center mb-5">"A new organization"</h1>
            <form class="card card-body form" method="post" action="/organizations">
                {name.view()}
                <button class="btn btn-primary justify-center" type="submit">"Create it" {icon(Icon::Arrow)}</button>
            </form>
        </div>
    }
    .into_any()
}
