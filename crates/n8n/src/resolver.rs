//! Resolves a name and keeps the addresses that may be called, at the moment of connecting: a check made earlier says
//! nothing about where the connection goes (DNS rebinding).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use drift_domain::address::{self, Reason};
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// How a name becomes addresses: the system's resolver, or a test's own.
pub(crate) type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// The system's resolver.
pub(crate) fn system() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
    })
}

/// A resolver that hands on only what may be called.
pub(crate) struct Guarded {
    pub(crate) lookup: Lookup,
    pub(crate) allow_private: bool,
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
pub(crate) struct Refused {
    name: String,
    ip: IpAddr,
    reason: Reason,
}

/// A name that does not resolve.
#[derive(Debug, thiserror::Error)]
#[error("its name does not resolve ({0})")]
pub(crate) struct NotResolved(String);
