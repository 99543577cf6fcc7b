//! The HTTP client that providers are called with: to addresses that may be called, without redirects, within bounds.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use drift_domain::address;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// How long a provider may take for one answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// The largest answer: key sets of large providers have some 20 kB.
const LARGEST: usize = 512 * 1024;

/// Calls a provider.
pub(crate) struct Http {
    client: reqwest::Client,
    allow_private: bool,
}

/// Why a call did not come to an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("{0}")]
    Address(#[from] address::BadAddress),
    #[error("{}", innermost(.0))]
    Http(#[from] reqwest::Error),
    #[error("the answer is larger than {LARGEST} bytes")]
    Large,
}

/// The cause that says most: reqwest's own words are only "error sending request".
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

impl Http {
    pub(crate) fn new(allow_private: bool) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("workflowops/", env!("CARGO_PKG_VERSION")))
            // A redirect would lead around the address rule.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // A kept connection that the other side closes meanwhile fails the next request, and a code is exchanged once.
            .pool_max_idle_per_host(0)
            .dns_resolver(Arc::new(Guarded { allow_private }))
            .connect_timeout(Duration::from_secs(5))
            .timeout(PATIENCE)
            .build()?;
        Ok(Self { client, allow_private })
    }

    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, CallError> {
        let mut request = reqwest::Request::try_from(request)?;
        // The endpoints come from the provider's own document: each is held against the rule.
        let mut target = request.url().clone();
        target.set_query(None);
        address::check_url(&target, self.allow_private)?;
        *request.version_mut() = http::Version::HTTP_11;
        let mut answer = self.client.execute(request).await?;
        let mut response = HttpResponse::new(Vec::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        while let Some(chunk) = answer.chunk().await? {
            if response.body().len() + chunk.len() > LARGEST {
                return Err(CallError::Large);
            }
            response.body_mut().extend_from_slice(&chunk);
        }
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, CallError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(Http::call(self, request))
    }
}

/// A resolver that hands on only what may be called, at the moment of connecting: a check made earlier says nothing about
/// where the connection goes (DNS rebinding).
struct Guarded {
    allow_private: bool,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (allow_private, name) = (self.allow_private, name.as_str().to_owned());
        Box::pin(async move {
            let found: Vec<IpAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.map(|found| found.ip()).collect();
            let kept = keep(&name, &found, allow_private).map_err(std::io::Error::other)?;
            let addresses: Addrs = Box::new(kept.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addresses)
        })
    }
}

fn keep(name: &str, found: &[IpAddr], allow_private: bool) -> Result<Vec<IpAddr>, String> {
    let kept: Vec<_> = found.iter().copied().filter(|ip| address::check_ip(*ip, allow_private).is_ok()).collect();
    if !kept.is_empty() {
        return Ok(kept);
    }
    match found.iter().find_map(|ip| address::check_ip(*ip, allow_private).err().map(|reason| (ip, reason))) {
        Some((ip, reason)) => Err(format!("{name} resolves to {}", address::refusal(&ip.to_string(), reason))),
        None => Err(format!("{name} has no address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_only_to_addresses_that_may_be_called() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(keep("id.example", &[ip("169.254.169.254")], true).unwrap_err().contains("link-local"));
        assert!(keep("id.example", &[ip("10.0.0.1")], false).unwrap_err().contains("private"));
        assert_eq!(keep("id.example", &[ip("10.0.0.1"), ip("9.9.9.9")], false).unwrap(), [ip("9.9.9.9")]);
        assert_eq!(keep("id.example", &[ip("10.0.0.1")], true).unwrap(), [ip("10.0.0.1")]);
    }

    #[tokio::test]
    async fn a_literal_address_is_held_against_the_rule_before_it_is_called() {
        let http = Http::new(false).unwrap();
        let request = http::Request::get("http://127.0.0.1:1/jwks?x=1").body(Vec::new()).unwrap();
        assert!(http.call(request).await.unwrap_err().to_string().contains("loopback"));
    }
}
