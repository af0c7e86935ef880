//! The marker by which a scrape says that a series has ended.

/// The bits of the NaN that Prometheus writes for "no longer there".
const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The marker as a value. In a column of an evaluation it stands for "no sample here".
pub(crate) const STALE: f64 = f64::from_bits(STALE_BITS);

/// Whether a value is the marker; an ordinary NaN is not.
pub(crate) fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_BITS
}

/// Whether two stored values are one and the same, NaN by its bits.
pub(crate) fn same_value(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits()
}
