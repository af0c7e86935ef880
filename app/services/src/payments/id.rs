use uuid::{NoContext, Uuid};
use watchfire_schemas::Timestamp;

/// An id that nobody else draws: `pay_0193…`. Later ones sort after earlier ones.
pub(crate) fn draw(prefix: &str, now: Timestamp) -> String {
    let (seconds, nanos) = (
        now.nanos().div_euclid(1_000_000_000),
        now.nanos().rem_euclid(1_000_000_000),
    );
    let at = uuid::Timestamp::from_unix(NoContext, seconds.max(0) as u64, nanos as u32);
    format!("{prefix}_{}", Uuid::new_v7(at).simple())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_sort_by_time() {
        let at = |secs| draw("pay", Timestamp::from_secs(secs));
        assert_ne!(at(1), at(1));
        assert!(at(1_800_000_000) < at(1_800_000_001));
        assert_eq!(at(1).len(), "pay_".len() + 32);
    }
}
