//! Ages in words, the same on the server and in the browser.

/// How long ago something was, in the largest unit that still says something: `12 s ago`, `5 min ago`, `3 h ago`,
/// `2 d ago`. Less than a second, and anything in the future (two clocks), is `just now`.
#[must_use]
pub(crate) fn age(seconds: i64) -> String {
    match seconds {
        ..=0 => "just now".to_owned(),
        1..=99 => format!("{seconds} s ago"),
        100..=5_399 => format!("{} min ago", seconds / 60),
        5_400..=129_599 => format!("{} h ago", (seconds + 1_800) / 3_600),
        _ => format!("{} d ago", (seconds + 43_200) / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn an_age_is_said_in_the_unit_that_fits() {
        for (seconds, words) in [
            (-5, "just now"),
            (0, "just now"),
            (12, "12 s ago"),
            (99, "99 s ago"),
            (100, "1 min ago"),
            (3_600, "60 min ago"),
            (5_400, "2 h ago"),
            (86_400, "24 h ago"),
            (172_800, "2 d ago"),
        ] {
            assert_eq!(age(seconds), words);
        }
    }
}
