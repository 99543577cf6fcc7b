//! Where this client may connect to: the base address when it is given, and every address that its host resolves to at
//! the moment of connecting, since a name may resolve to something else the second time.

use std::net::SocketAddr;

use drift_domain::address::{self, Reason};
use drift_domain::failure::{Failure, FailureKind};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use crate::failure::failed;

/// The base address without a slash at its end, or why it is not called.
pub(crate) fn base(url: &Url, allow_private: bool) -> Result<Url, Failure> {
    let url = address::base_url(url.as_str(), allow_private).map_err(|bad| {
        failed(FailureKind::RefusedAddress, format!("The API address of GitHub cannot be used: {bad}"))
    })?;
    if url.scheme() == "http" && !allow_private {
        let message =
            "The API address of GitHub starts with http:, which would carry the token in clear text. Use https:";
        return Err(failed(FailureKind::RefusedAddress, message));
    }
    Ok(url)
}

/// A host that resolved to an address which is not called.
#[derive(Debug, thiserror::Error)]
#[error("{}", address::refusal(&format!("{host} ({ip})"), *reason))]
pub(crate) struct RefusedHost {
    host: String,
    ip: std::net::IpAddr,
    reason: Reason,
}

/// Resolves with the system's resolver, and refuses a name of which any address is refused.
pub(crate) struct Resolver {
    pub(crate) allow_private: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            check(name.as_str(), &found, allow_private)?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn check(host: &str, found: &[SocketAddr], allow_private: bool) -> Result<(), RefusedHost> {
    found.iter().map(SocketAddr::ip).try_for_each(|ip| {
        address::check_ip(ip, allow_private).map_err(|reason| RefusedHost { host: host.to_owned(), ip, reason })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_refused_for_any_of_its_addresses() {
        let public: SocketAddr = "140.82.121.6:0".parse().unwrap();
        let private: SocketAddr = "10.0.0.7:0".parse().unwrap();
        let metadata: SocketAddr = "169.254.169.254:0".parse().unwrap();
        assert!(check("ghe.example.com", &[public], false).is_ok());
        let refused = check("ghe.example.com", &[public, private], false).unwrap_err().to_string();
        assert!(refused.contains("ghe.example.com (10.0.0.7) is a private address"), "{refused}");
        assert!(check("ghe.example.com", &[public, private], true).is_ok());
        assert!(check("ghe.example.com", &[public, metadata], true).is_err());
    }

    #[test]
    fn a_token_does_not_travel_in_clear_text() {
        let url = |text| Url::parse(text).unwrap();
        assert!(base(&url("http://ghe.example.com/api/v3"), false).unwrap_err().message.contains("https"));
        assert_eq!(
            base(&url("https://ghe.example.com/api/v3/"), false).unwrap().as_str(),
            "https://ghe.example.com/api/v3"
        );
        assert_eq!(base(&url("http://169.254.169.254"), true).unwrap_err().kind, FailureKind::RefusedAddress);
    }
}
