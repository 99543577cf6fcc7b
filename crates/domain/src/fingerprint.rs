//! Hashes of content: what two sides are compared by.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A BLAKE3 hash, 32 bytes; 64 lower-case hexadecimal digits as text.
///
/// What was hashed is said where one is kept: raw bytes (a cache key) or canonical content (identity of a state).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The first 12 hexadecimal digits: enough to tell two apart on a screen.
    #[must_use]
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(12);
        text
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fingerprint({})", self.short())
    }
}

/// Text that is not 64 hexadecimal digits, or bytes that are not 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 32 bytes, written as 64 hexadecimal digits")]
pub struct BadFingerprint;

impl std::str::FromStr for Fingerprint {
    type Err = BadFingerprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 64 || !text.is_ascii() {
            return Err(BadFingerprint);
        }
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| BadFingerprint)?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<&[u8]> for Fingerprint {
    type Error = BadFingerprint;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self).map_err(|_| BadFingerprint)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let print = Fingerprint(std::array::from_fn(|i| i as u8));
        assert_eq!(print.to_string().parse(), Ok(print));
        assert_eq!(serde_json::from_str::<Fingerprint>(&serde_json::to_string(&print).unwrap()).unwrap(), print);
        assert_eq!("zz".repeat(32).parse::<Fingerprint>(), Err(BadFingerprint));
        assert_eq!("é".repeat(32).parse::<Fingerprint>(), Err(BadFingerprint));
    }
}
