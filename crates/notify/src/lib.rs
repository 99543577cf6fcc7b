//! Telling others: how each kind of channel wants a message, and the call that delivers it.
//!
//! | place | what it is |
//! |---|---|
//! | [`payload`] | a message as JSON, as Slack, Teams, PagerDuty and a webhook's receiver read it; pure |
//! | [`signature`] | signing after the Standard Webhooks specification |
//! | [`client`] | one call, and what its answer means: taken, later, never, gone |
//!
//! Where a call leads is typed in by people, so the address rule holds here as it does for n8n: when a channel is made
//! ([`read_url`]), and again at the moment of connecting ([`drift_outbound`]).

pub mod client;
pub mod payload;
pub mod signature;

use drift_domain::address::{self, BadAddress};
use url::Url;

pub use client::{Answer, Client, Post};

/// PagerDuty's address where nobody names another, such as the one of its European service region.
pub const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

/// Reads the address of a webhook. Unlike a base URL it may carry a query: Teams puts its key there.
///
/// # Errors
/// [`BadAddress`], naming the first thing that is wrong, and repeating nothing that may be secret.
pub fn read_url(text: &str, allow_private: bool) -> Result<Url, BadAddress> {
    let url = Url::parse(text.trim()).map_err(BadAddress::NotAUrl)?;
    let mut bare = url.clone();
    bare.set_query(None);
    address::check_url(&bare, allow_private)?;
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_may_carry_a_query_and_leads_nowhere_that_is_not_called() {
        let teams = "https://prod-1.westeurope.logic.azure.com/workflows/1/triggers/manual/paths/invoke?sig=secret";
        assert_eq!(read_url(teams, false).unwrap().query(), Some("sig=secret"));
        for (text, named) in [
            ("http://169.254.169.254/latest?x=1", "link-local"),
            ("https://metadata.google.internal/hook", "metadata"),
            ("https://10.0.0.7/hook?key=hunter2", "private"),
            ("http://localhost:9/hook", "loopback"),
            ("ftp://hooks.example.com", "ftp"),
            ("https://me:hunter2@hooks.example.com", "user name"),
        ] {
            let said = read_url(text, false).unwrap_err().to_string();
            assert!(said.contains(named) && !said.contains("hunter2"), "{text}: {said}");
        }
        assert!(read_url("http://127.0.0.1:9/hook", true).is_ok());
        assert!(read_url("http://169.254.169.254/hook", true).is_err());
    }
}
