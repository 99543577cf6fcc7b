//! Tickets: a web address, or a key of the organization's tracker such as `OPS-12`. Nothing else becomes a link.

use url::Url;

/// What stands for the ticket's number in a pattern and in the address that it leads to.
const NUMBER: &str = "{n}";
/// The longest ticket that is taken, in characters.
pub const LENGTH: usize = 500;

/// How an organization's tickets look and where they lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    key: String,
    address: String,
}

/// Why a pattern cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// No place for the number.
    #[error(
        "Write {{n}} once where the ticket's number stands, in the pattern and in the address: OPS-{{n}} and https://tracker.example.com/browse/OPS-{{n}}."
    )]
    NoNumber,
    /// The key could be taken for an address.
    #[error("The pattern is letters, digits, - _ # and {{n}}: for example OPS-{{n}}.")]
    Key,
    /// The address is not one of the web.
    #[error("The address begins with http:// or https:// and names a host.")]
    Address,
}

/// Why a ticket cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTicket {
    /// Neither an address nor a key.
    #[error("A ticket is a web address that begins with http:// or https://{}.", hint(.0.as_deref()))]
    Neither(Option<String>),
    /// Longer than anybody reads.
    #[error("A ticket has at most {LENGTH} characters.")]
    TooLong,
}

fn hint(key: Option<&str>) -> String {
    key.map(|key| format!(", or a key such as {}", key.replace(NUMBER, "12"))).unwrap_or_default()
}

impl Pattern {
    /// Reads a pattern such as `OPS-{n}` and the address such as `https://tracker.example.com/browse/OPS-{n}`.
    ///
    /// # Errors
    /// [`BadPattern`]
    pub fn new(key: &str, address: &str) -> Result<Self, BadPattern> {
        let (key, address) = (key.trim(), address.trim());
        if key.matches(NUMBER).count() != 1 || address.matches(NUMBER).count() != 1 {
            return Err(BadPattern::NoNumber);
        }
        let rest = key.replace(NUMBER, "");
        if !rest.chars().all(|c| c.is_ascii_alphanumeric() || "-_#".contains(c)) {
            return Err(BadPattern::Key);
        }
        // The number must not choose the host.
        let host = |n: &str| web(&address.replace(NUMBER, n)).and_then(|url| url.host_str().map(str::to_owned));
        match (host("1"), host("2")) {
            (Some(a), Some(b)) if a == b => Ok(Self { key: key.to_owned(), address: address.to_owned() }),
            _ => Err(BadPattern::Address),
        }
    }

    /// The pattern as it was given.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The address as it was given.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where a key leads, if it is one of this pattern. The case of its letters does not matter.
    #[must_use]
    pub fn leads_to(&self, ticket: &str) -> Option<String> {
        let (before, after) = self.key.split_once(NUMBER)?;
        let (ticket, lower) = (ticket.trim(), ticket.trim().to_ascii_lowercase());
        let number = lower.strip_prefix(&before.to_ascii_lowercase())?.strip_suffix(&after.to_ascii_lowercase())?;
        let is_number = !number.is_empty() && number.len() <= 18 && number.bytes().all(|b| b.is_ascii_digit());
        (is_number && !ticket.is_empty()).then(|| self.address.replace(NUMBER, number))
    }
}

/// An address that a link may lead to: http or https, with a host.
fn web(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none())
    .then_some(url)
}

/// Checks what somebody typed as a ticket. Answers it as it is kept.
///
/// # Errors
/// [`BadTicket`]: what is neither a web address nor a key of the pattern, `javascript:` among them.
pub fn read(text: &str, pattern: Option<&Pattern>) -> Result<String, BadTicket> {
    let text = text.trim();
    if text.chars().count() > LENGTH {
        return Err(BadTicket::TooLong);
    }
    if let Some(url) = web(text) {
        return Ok(url.into());
    }
    if pattern.is_some_and(|pattern| pattern.leads_to(text).is_some()) {
        return Ok(text.to_owned());
    }
    Err(BadTicket::Neither(pattern.map(|pattern| pattern.key.clone())))
}

/// Where a kept ticket leads now: always http or https, or nowhere.
#[must_use]
pub fn link(ticket: &str, pattern: Option<&Pattern>) -> Option<String> {
    web(ticket).map(Url::into).or_else(|| pattern.and_then(|pattern| pattern.leads_to(ticket)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_web_and_the_organizations_own_keys_become_links() {
        let pattern = Pattern::new("OPS-{n}", "https://tracker.example.com/browse/OPS-{n}").unwrap();
        assert_eq!(link("OPS-12", Some(&pattern)).unwrap(), "https://tracker.example.com/browse/OPS-12");
        assert_eq!(link("ops-7", Some(&pattern)).unwrap(), "https://tracker.example.com/browse/OPS-7");
        assert_eq!(read("https://example.com/t/1", None).unwrap(), "https://example.com/t/1");
        for bad in [
            "javascript:alert(1)",
            "JAVASCRIPT:alert(1)",
            " javascript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "https://",
            "//example.com",
            "OPS-",
            "OPS-1x",
            "OPS-12/../../evil",
            "https://user:secret@example.com/",
            "OPS 12",
            "",
        ] {
            assert!(read(bad, Some(&pattern)).is_err(), "{bad:?}");
            assert_eq!(link(bad, Some(&pattern)), None, "{bad:?}");
        }
        assert_eq!(link("OPS-12", None), None, "without a pattern a key leads nowhere");
        let refused = read("nonsense", Some(&pattern)).unwrap_err().to_string();
        assert!(refused.contains("OPS-12"), "{refused}");
    }

    #[test]
    fn a_pattern_leads_to_one_place_on_the_web() {
        for (key, address, error) in [
            ("OPS", "https://example.com/{n}", BadPattern::NoNumber),
            ("OPS-{n}", "https://example.com/", BadPattern::NoNumber),
            ("javascript:{n}", "https://example.com/{n}", BadPattern::Key),
            ("OPS-{n}", "javascript:alert({n})", BadPattern::Address),
            ("OPS-{n}", "https://{n}.example.com/", BadPattern::Address),
        ] {
            assert_eq!(Pattern::new(key, address).unwrap_err(), error, "{key} {address}");
        }
    }
}
