//! Organizations and their people.

use std::collections::BTreeMap;

use anyhow::Context;
use drift_services::Services;
use drift_services::accounts::{Person, SignIn};
use drift_services::gate::Caller;
use secrecy::ExposeSecret;

use super::world::{ORGANIZATIONS, PASSWORD};

/// Makes them all.
pub(super) async fn found(services: &Services) -> anyhow::Result<()> {
    for organization in ORGANIZATIONS {
        let id = services.create_organization(organization.name, organization.plan).await?;
        for person in organization.people {
            let member =
                Person { name: person.name.to_owned(), email: person.email.to_owned(), password: PASSWORD.into() };
            services.add_member(id, member, person.role).await?;
        }
    }
    Ok(())
}

/// Who the owner of each organization is, by the organization's name.
pub(super) async fn owners(services: &Services) -> anyhow::Result<BTreeMap<&'static str, Caller>> {
    let mut owners = BTreeMap::new();
    for organization in ORGANIZATIONS {
        let owner = organization.people.first().context("every organization has an owner")?;
        let signed_in = services
            .sign_in(SignIn {
                email: owner.email.to_owned(),
                password: PASSWORD.into(),
                address: None,
                user_agent: "the demo itself".to_owned(),
            })
            .await?;
        let known = services.me(&signed_in.caller).await?.organizations;
        let here = known.iter().find(|known| known.name == organization.name).context("the owner is a member")?;
        services.switch_organization(&signed_in.caller, here.id).await?;
        let caller = services.authenticate(signed_in.token.expose_secret()).await?.context("the owner is signed in")?;
        // Who it is stays known; the session is not needed and does not stay behind.
        services.sign_out(&caller).await?;
        owners.insert(organization.name, caller);
    }
    Ok(owners)
}
