//! Resolves a name and keeps the addresses that may be called, at the moment of connecting: a check made earlier says
//! nothing about where the connection goes (DNS rebinding).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use drift_domain::address::{self, Reason};
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// How a name becomes addresses: the system's resolver, or a test's own.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// The system's resolver.
#[must_use]
pub fn system() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
    })
}

/// A resolver that hands on only what may be called.
pub struct Guarded {
    /// How a name becomes addresses.
    pub lookup: Lookup,
    /// Whether loopback and private addresses may be called. Link-local and metadata addresses never are.
    pub allow_private: bool,
}

impl std::fmt::Debug for Guarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guarded").field("allow_private", &self.allow_private).finish_non_exhaustive()
    }
}

impl Guarded {
    /// Over the system's resolver.
    #[must_use]
    pub fn system(allow_private: bool) -> Self {
        Self { lookup: system(), allow_private }
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, allow_private, name) = (self.lookup.clone(), self.allow_private, name.as_str().to_owned());
        Box::pin(async move {
            let found = lookup(name.clone()).await.map_err(|e| NotResolved(e.to_string()))?;
            let kept = keep(&name, &found, allow_private)?;
            let addresses: Addrs = Box::new(kept.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addresses)
        })
    }
}

/// A client for addresses that a person typed in: to what may be called, without redirects, on a connection of its own for
/// each call. `patience`: how long a whole call may take.
///
/// # Errors
/// The TLS set-up of this machine cannot be used.
pub fn client(allow_private: bool, patience: Duration) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .user_agent(concat!("workflowops/", env!("CARGO_PKG_VERSION")))
        // A redirect would lead around the address rule, and would take the body along.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // A kept connection that the other side closes meanwhile fails the next call, which may be one that is made once.
        .pool_max_idle_per_host(0)
        .dns_resolver(Arc::new(Guarded::system(allow_private)))
        .connect_timeout(Duration::from_secs(5))
        .timeout(patience)
        .build()
}

fn keep(
    name: &str,
    found: &[IpAddr],
    allow_private: bool,
) -> Result<Vec<IpAddr>, Box<dyn std::error::Error + Send + Sync>> {
    let mut refusal = None;
    let mut kept = Vec::new();
    for &ip in found {
        match address::check_ip(ip, allow_private) {
            Ok(()) => kept.push(ip),
            Err(reason) => refusal = Some(Refused { name: name.to_owned(), ip, reason }),
        }
    }
    match refusal {
        _ if !kept.is_empty() => Ok(kept),
        Some(refused) => Err(refused.into()),
        None => Err(NotResolved("the name has no address".into()).into()),
    }
}

/// Every address that a name resolves to is one that is not called.
#[derive(Debug, thiserror::Error)]
#[error("{name} resolves to {}", address::refusal(&ip.to_string(), *reason))]
pub struct Refused {
    name: String,
    ip: IpAddr,
    reason: Reason,
}

/// A name that does not resolve.
#[derive(Debug, thiserror::Error)]
#[error("its name does not resolve ({0})")]
pub struct NotResolved(String);

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_leads_only_to_addresses_that_may_be_called() {
        let said = |found: &[&str], allow_private| {
            let found: Vec<_> = found.iter().map(|text| ip(text)).collect();
            keep("hooks.example", &found, allow_private).map_err(|error| error.to_string())
        };
        assert!(said(&["169.254.169.254"], true).unwrap_err().contains("link-local"));
        assert!(said(&["10.0.0.1"], false).unwrap_err().contains("private"));
        assert!(said(&[], true).unwrap_err().contains("no address"));
        assert_eq!(said(&["10.0.0.1", "9.9.9.9"], false).unwrap(), [ip("9.9.9.9")]);
        assert_eq!(said(&["10.0.0.1"], true).unwrap(), [ip("10.0.0.1")]);
    }
}
