//! Where a request came from, behind the proxies that this installation trusts.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;

/// An address or a network, as `10.0.0.0/8` or `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    prefix: u8,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let wrong = || format!("{text:?} is neither an address nor a network; write 10.0.0.7 or 10.0.0.0/8");
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), str::parse).map_err(|_| wrong())?;
        if prefix > longest {
            return Err(format!("the network {text:?} has a prefix longer than {longest} bits"));
        }
        Ok(Self { address, prefix })
    }
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        let shift = |bits: u128, width: u32| bits.checked_shr(width - u32::from(self.prefix)).unwrap_or(0);
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                shift(u32::from(network).into(), 32) == shift(u32::from(address).into(), 32)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => shift(network.into(), 128) == shift(address.into(), 128),
            _ => false,
        }
    }
}

/// Middleware: puts the [`IpAddr`] of the client into the request's extensions.
pub(crate) async fn client_address(
    State(trusted): State<Arc<[Network]>>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        let address = client(peer.ip(), request.headers(), &trusted);
        request.extensions_mut().insert(address);
    }
    next.run(request).await
}

/// Each proxy appends the address that it was called from. So from the end, over the ones that are trusted: the first
/// that is not trusted is the client. What stands before it is whatever the client wrote.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    let values: Vec<_> = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    for hop in values.iter().flat_map(|value| value.split(',')).rev() {
        if !is_trusted(client) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(address) => client = address.to_canonical(),
            Err(_) => break,
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted: Vec<Network> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn nobody_is_believed_unless_trusted() {
        assert_eq!(told("203.0.113.9", &["1.2.3.4"], &[]), "203.0.113.9");
        assert_eq!(told("203.0.113.9", &["1.2.3.4"], &["10.0.0.0/8"]), "203.0.113.9");
    }

    #[test]
    fn the_last_address_that_no_trusted_proxy_has_is_the_client() {
        let trusted = ["10.0.0.0/8", "::1"];
        assert_eq!(told("10.0.0.1", &["198.51.100.7"], &trusted), "198.51.100.7");
        assert_eq!(told("10.0.0.1", &["6.6.6.6, 198.51.100.7, 10.9.9.9"], &trusted), "198.51.100.7");
        assert_eq!(
            told("10.0.0.1", &["6.6.6.6", "198.51.100.7"], &trusted),
            "198.51.100.7",
            "two headers are one list"
        );
        assert_eq!(told("::ffff:10.0.0.1", &["2001:db8::7"], &trusted), "2001:db8::7");
        assert_eq!(told("10.0.0.1", &["nonsense"], &trusted), "10.0.0.1");
        assert_eq!(told("10.0.0.1", &[], &trusted), "10.0.0.1");
    }

    #[test]
    fn networks_are_read_and_refused() {
        let inside =
            |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
        assert!(inside("0.0.0.0/0", "8.8.8.8"));
        assert!(inside("172.16.0.0/12", "172.31.255.255"));
        assert!(!inside("172.16.0.0/12", "172.32.0.0"));
        assert!(inside("fd00::/8", "fd12::1"));
        assert!(!inside("::/0", "8.8.8.8"), "an IPv4 address is in no IPv6 network");
        assert!(inside("192.0.2.1", "192.0.2.1") && !inside("192.0.2.1", "192.0.2.2"));
        for wrong in ["", "10.0.0.0/33", "::/129", "proxy", "10.0.0.0/x"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
