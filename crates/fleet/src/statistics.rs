//! Figures of many: percentiles, and how they are written.

/// The value below which `share` (0 to 1) of the values lie; 0 of none. Sorts them.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let at = (last as f64 * share).round() as usize;
    values.get(at).copied().unwrap_or_default()
}

/// Bytes in MB.
#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_many_of_one_and_of_none() {
        let mut values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert_eq!([0.0, 0.5, 0.95, 1.0].map(|share| percentile(&mut values, share)), [0.0, 50.0, 95.0, 100.0]);
        assert_eq!(percentile(&mut [7.0], 0.95), 7.0);
        assert_eq!(percentile(&mut [], 0.5), 0.0);
    }
}
