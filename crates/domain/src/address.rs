//! Which addresses this installation calls: the rule behind every base URL that a person types in.
//!
//! A base URL is a way to make the server send a request, with a secret in it, to a place of the writer's choosing. So
//! link-local and cloud metadata addresses are never called, and private ones only where the installation allows them.
//! The rule is pure; adapters apply it twice: to the URL ([`base_url`]), and to every address that a name resolves to at
//! the moment of connecting ([`check_ip`]), since a name may resolve to something else the second time (DNS rebinding).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Why an address is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// 169.254.0.0/16 and fe80::/10: the host's own link, where most clouds serve instance credentials.
    LinkLocal,
    /// A known metadata service outside the link-local range, or a name that stands for one.
    Metadata,
    /// 0.0.0.0/8 and ::, which the system takes for itself.
    Unspecified,
    /// Multicast and broadcast.
    Multicast,
    /// Ranges that nobody can be reached at (240.0.0.0/4, documentation).
    Reserved,
    /// 127.0.0.0/8 and ::1: this machine. Called only where private addresses are allowed.
    Loopback,
    /// RFC 1918, unique local, carrier-grade NAT, site-local. Called only where private addresses are allowed.
    Private,
}

impl Reason {
    /// Whether allowing private addresses lifts this refusal.
    #[must_use]
    pub const fn is_private(self) -> bool {
        matches!(self, Self::Loopback | Self::Private)
    }

    /// The kind of address in words that fit "a … address".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::LinkLocal => "link-local",
            Self::Metadata => "cloud metadata",
            Self::Unspecified => "unspecified",
            Self::Multicast => "multicast",
            Self::Reserved => "reserved",
            Self::Loopback => "loopback",
            Self::Private => "private",
        }
    }
}

/// A base URL that is not accepted. The message says what is wrong and what to do, and repeats no user info.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Not a URL at all.
    #[error("this is not an address: {0}. Write it as https://host or https://host:port")]
    NotAUrl(url::ParseError),
    /// A scheme other than http and https.
    #[error("the address starts with {0}:, and only http and https can be called")]
    Scheme(String),
    /// No host.
    #[error("the address names no host. Write it as https://host or https://host:port")]
    NoHost,
    /// `https://user:password@host`.
    #[error("the address carries a user name or password before the @. Leave that out; the key has a field of its own")]
    UserInfo,
    /// `?…`
    #[error("the address carries a query (from the ? on). Leave that out")]
    Query,
    /// `#…`
    #[error("the address carries a fragment (from the # on). Leave that out")]
    Fragment,
    /// The host is an address that is not called.
    #[error("{}", refusal(host, *reason))]
    Refused {
        /// The host as it was understood: a decimal or octal spelling shows as the address that it stands for.
        host: String,
        /// Why.
        reason: Reason,
    },
}

/// One or two sentences about a refused host: what it is and what to do.
#[must_use]
pub fn refusal(host: &str, reason: Reason) -> String {
    let what = reason.words();
    let article = if matches!(reason, Reason::Unspecified) { "an" } else { "a" };
    if reason.is_private() {
        format!(
            "{host} is {article} {what} address, and this installation does not call those. Use the public address, or \
             have the operator allow private addresses"
        )
    } else {
        format!("{host} is {article} {what} address, which is never called. Use the address that people reach it at")
    }
}

/// Reads a base URL that a person wrote, and holds it against the rule as far as that is possible without resolving
/// its host. The result has no trailing slash in its path, so that `/api/…` can be appended.
///
/// # Errors
/// [`BadAddress`], naming the first thing that is wrong.
pub fn base_url(text: &str, allow_private: bool) -> Result<Url, BadAddress> {
    let mut url = Url::parse(text.trim()).map_err(BadAddress::NotAUrl)?;
    check_url(&url, allow_private)?;
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Holds a URL against the rule, without resolving its host.
///
/// # Errors
/// [`BadAddress`], naming the first thing that is wrong.
pub fn check_url(url: &Url, allow_private: bool) -> Result<(), BadAddress> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(BadAddress::Scheme(url.scheme().to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadAddress::UserInfo);
    }
    if url.query().is_some() {
        return Err(BadAddress::Query);
    }
    if url.fragment().is_some() {
        return Err(BadAddress::Fragment);
    }
    let host = url.host().ok_or(BadAddress::NoHost)?;
    check_host(&host, allow_private).map_err(|reason| BadAddress::Refused { host: host.to_string(), reason })
}

/// Holds a host against the rule: a literal address by its range, a name by the few names that need no resolving.
/// The URL parser has already turned decimal, octal, hexadecimal and shortened spellings into addresses.
///
/// # Errors
/// The reason for refusing it.
pub fn check_host<S: AsRef<str>>(host: &Host<S>, allow_private: bool) -> Result<(), Reason> {
    match host {
        Host::Ipv4(ip) => check_ip((*ip).into(), allow_private),
        Host::Ipv6(ip) => check_ip((*ip).into(), allow_private),
        Host::Domain(name) => check_name(name.as_ref(), allow_private),
    }
}

/// Names of metadata services: refused before resolving, so that the message says what they are.
const METADATA_NAMES: [&str; 3] = ["metadata.google.internal", "metadata.goog", "instance-data.ec2.internal"];

fn check_name(name: &str, allow_private: bool) -> Result<(), Reason> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    if METADATA_NAMES.contains(&name.as_str()) {
        return Err(Reason::Metadata);
    }
    if !allow_private && (name == "localhost" || name.ends_with(".localhost")) {
        return Err(Reason::Loopback);
    }
    Ok(())
}

/// Holds one address against the rule. An IPv6 address that carries an IPv4 address (mapped, compatible, NAT64, 6to4)
/// is held to the rule for both.
///
/// # Errors
/// The reason for refusing it.
pub fn check_ip(ip: IpAddr, allow_private: bool) -> Result<(), Reason> {
    match classify(ip) {
        Some(reason) if !(allow_private && reason.is_private()) => Err(reason),
        _ => Ok(()),
    }
}

/// What kind of special address this is; `None` for one on the public internet.
#[must_use]
pub fn classify(ip: IpAddr) -> Option<Reason> {
    match ip {
        IpAddr::V4(ip) => classify_v4(ip),
        IpAddr::V6(ip) => classify_v6(ip),
    }
}

/// Metadata services that do not live in 169.254.0.0/16: Azure's wire server, Alibaba Cloud, Oracle Cloud.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192)];

/// Metadata services over IPv6: AWS (fd00:ec2::254) and Google Cloud (fd20:ce::254).
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

fn classify_v4(ip: Ipv4Addr) -> Option<Reason> {
    let [a, b, c, _] = ip.octets();
    if METADATA_V4.contains(&ip) {
        return Some(Reason::Metadata);
    }
    match (a, b, c) {
        (0, ..) => Some(Reason::Unspecified),
        (169, 254, _) => Some(Reason::LinkLocal),
        (127, ..) => Some(Reason::Loopback),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) | (198, 18..=19, _) | (192, 0, 0) => {
            Some(Reason::Private)
        }
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => Some(Reason::Reserved),
        (224..=239, ..) | (255, 255, 255) => Some(Reason::Multicast),
        (240..=255, ..) => Some(Reason::Reserved),
        _ => None,
    }
}

fn classify_v6(ip: Ipv6Addr) -> Option<Reason> {
    if METADATA_V6.contains(&ip) {
        return Some(Reason::Metadata);
    }
    if ip.is_unspecified() {
        return Some(Reason::Unspecified);
    }
    if ip.is_loopback() {
        return Some(Reason::Loopback);
    }
    let first = ip.segments()[0];
    match first {
        0xfe80..=0xfebf => return Some(Reason::LinkLocal),
        0xfec0..=0xfeff | 0xfc00..=0xfdff => return Some(Reason::Private),
        0xff00..=0xffff => return Some(Reason::Multicast),
        _ => {}
    }
    if ip.segments()[..2] == [0x2001, 0x0db8] {
        return Some(Reason::Reserved);
    }
    carried_v4(ip).and_then(classify_v4)
}

/// The IPv4 address that an IPv6 address carries, where it does: the kernel or a translator would call that one.
fn carried_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let pair = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match ip.segments() {
        // ::a.b.c.d and ::ffff:a.b.c.d and ::ffff:0:a.b.c.d (compatible, mapped, translated)
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => pair(high, low),
        // NAT64, well-known and local-use prefixes
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 1, _, _, _, high, low] => pair(high, low),
        // 6to4
        [0x2002, high, low, ..] => pair(high, low),
        // Teredo keeps the client's address inverted in the last 32 bits
        [0x2001, 0, _, _, _, _, high, low] => pair(!high, !low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, allow_private: bool) -> Option<Reason> {
        match base_url(text, allow_private) {
            Ok(_) => None,
            Err(BadAddress::Refused { reason, .. }) => Some(reason),
            Err(other) => panic!("{text}: {other}"),
        }
    }

    #[test]
    fn metadata_and_link_local_are_refused_in_every_spelling_whatever_is_allowed() {
        for text in [
            "http://169.254.169.254/",
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://0251.0376.0251.0376/",
            "http://169.254.43518/",
            "http://[::ffff:169.254.169.254]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[::169.254.169.254]/",
            "http://[64:ff9b::169.254.169.254]/",
            "http://[2002:a9fe:a9fe::1]/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://168.63.129.16/",
            "http://100.100.100.200/",
            "http://metadata.google.internal/",
            "http://Metadata.Google.Internal./",
            "http://１６９.254.169.254/",
        ] {
            for allow_private in [false, true] {
                let reason = refused(text, allow_private);
                assert!(matches!(reason, Some(Reason::LinkLocal | Reason::Metadata)), "{text}: {reason:?}");
            }
        }
    }

    #[test]
    fn private_ones_are_called_only_where_allowed() {
        for text in [
            "http://127.0.0.1:5678",
            "http://127.1",
            "http://2130706433",
            "http://0177.0.0.1",
            "http://localhost:5678",
            "http://n8n.localhost",
            "http://[::1]:5678",
            "http://[::ffff:127.0.0.1]",
            "http://10.1.2.3",
            "http://172.31.0.1",
            "http://192.168.1.1",
            "http://100.64.0.1",
            "http://[fd12::1]",
        ] {
            assert!(refused(text, false).is_some_and(Reason::is_private), "{text}");
            assert_eq!(refused(text, true), None, "{text}");
        }
    }

    #[test]
    fn nobody_is_reached_at_these() {
        for text in ["http://0.0.0.0", "http://[::]", "http://224.0.0.1", "http://255.255.255.255", "http://[ff02::1]"]
        {
            assert!(refused(text, true).is_some(), "{text}");
        }
    }

    #[test]
    fn public_ones_are_called() {
        for text in
            ["https://n8n.example.com/", "http://93.184.215.14", "http://[2606:4700::1111]", "http://172.32.0.1"]
        {
            assert_eq!(refused(text, false), None, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_address_is_named_and_the_password_is_not_repeated() {
        let said = |text: &str| base_url(text, true).unwrap_err().to_string();
        assert!(said("https://me:hunter2@n8n.example.com").contains("user name or password"));
        assert!(!said("https://me:hunter2@n8n.example.com").contains("hunter2"));
        assert!(said("https://n8n.example.com?x=1").contains("query"));
        assert!(said("https://n8n.example.com#x").contains("fragment"));
        assert!(said("ftp://n8n.example.com").contains("ftp"));
        assert!(said("n8n.example.com").contains("https://host"));
        assert!(
            base_url("http://2130706433", false).unwrap_err().to_string().contains("127.0.0.1 is a loopback address")
        );
    }

    #[test]
    fn the_path_is_kept_without_its_last_slash() {
        assert_eq!(base_url(" https://example.com/n8n/ ", false).unwrap().as_str(), "https://example.com/n8n");
    }
}
