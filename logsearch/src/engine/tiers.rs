//! Which splits are worth merging.

use std::collections::BTreeMap;
use std::time::Duration;

use watchfire_schemas::Timestamp;

use crate::split::SplitMeta;

/// So many splits of about one size become one.
const FAN_IN: usize = 8;
/// The sizes of two tiers differ by this factor.
const STEP: u64 = 8;
/// Splits below this are all of the lowest tier.
const SMALLEST: u64 = 64 << 10;
/// A merged split is not larger.
const LARGEST: u64 = 64 << 20;
/// Nor has it more records: what a merge holds in memory goes by them.
const MOST_RECORDS: u64 = 500_000;
/// No more than this are merged at once.
const MOST: usize = 64;
/// Only splits that came on the same day are merged, so that retention still goes by the day.
const WINDOW: Duration = Duration::from_hours(24);
/// Of a short retention a window is this part.
const WINDOWS: u32 = 8;
/// When a window has ended for so long, what is left small in it is merged too.
const SETTLED: Duration = Duration::from_hours(1);

/// The splits to merge next, if any; always two or more. They came in one window of time, and
/// together they are no larger than a split may be.
pub(super) fn next_merge<'m>(
    splits: impl Iterator<Item = &'m SplitMeta>,
    retention: Duration,
    now: Timestamp,
) -> Option<Vec<u64>> {
    let window = WINDOW.min(retention / WINDOWS).as_nanos().max(1) as i64;
    let mut windows: BTreeMap<i64, Vec<&SplitMeta>> = BTreeMap::new();
    for meta in splits.filter(|meta| is_small(meta)) {
        let index = meta.sealed_at.div_euclid(window);
        windows.entry(index).or_default().push(meta);
    }
    for (index, mut splits) in windows {
        splits.sort_by_key(|meta| (meta.sealed_at, meta.number));
        let ended = (index + 1).saturating_mul(window);
        let is_settled = Timestamp::from_nanos(ended) + SETTLED < now;
        let chosen = if is_settled {
            fitting(&splits, 2)
        } else {
            of_one_tier(&splits)
        };
        if chosen.is_some() {
            return chosen;
        }
    }
    None
}

/// The oldest of the lowest tier that has enough of them.
fn of_one_tier(splits: &[&SplitMeta]) -> Option<Vec<u64>> {
    let mut tiers: BTreeMap<u32, Vec<&SplitMeta>> = BTreeMap::new();
    for meta in splits {
        tiers.entry(tier(meta.bytes)).or_default().push(meta);
    }
    tiers.values().find_map(|tier| fitting(tier, FAN_IN))
}

/// The first of these that are together not too large, if they are at least so many.
fn fitting(splits: &[&SplitMeta], least: usize) -> Option<Vec<u64>> {
    let (mut bytes, mut records) = (0, 0);
    let fitting = splits.iter().take(MOST).take_while(|meta| {
        bytes += meta.bytes;
        records += meta.records;
        bytes <= LARGEST && records <= MOST_RECORDS
    });
    let numbers: Vec<u64> = fitting.map(|meta| meta.number).collect();
    // Where they are too large for so many, two are enough: the result is large, and is left alone.
    let is_full = numbers.len() < splits.len() && numbers.len() >= 2;
    (numbers.len() >= least || is_full && splits.len() >= least).then_some(numbers)
}

fn is_small(meta: &SplitMeta) -> bool {
    meta.bytes <= LARGEST / 2 && meta.records <= MOST_RECORDS / 2
}

fn tier(bytes: u64) -> u32 {
    (bytes / SMALLEST).max(1).ilog(STEP)
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::BatchSeq;

    use super::*;

    const HOUR: i64 = 3_600_000_000_000;
    const DAY: i64 = 24 * HOUR;

    fn meta(number: u64, bytes: u64, sealed_at: i64) -> SplitMeta {
        SplitMeta {
            number,
            min_time: sealed_at,
            max_time: sealed_at,
            records: 1,
            first_batch: BatchSeq(number),
            last_batch: BatchSeq(number),
            services: None,
            bytes,
            sealed_at,
            traces: None,
        }
    }

    fn next(splits: &[SplitMeta], now: i64) -> Option<Vec<u64>> {
        let fortnight = Duration::from_hours(14 * 24);
        next_merge(splits.iter(), fortnight, Timestamp::from_nanos(now))
    }

    #[test]
    fn eight_of_a_size_become_one() {
        let mut splits: Vec<_> = (0..7).map(|n| meta(n, 9_000, n as i64)).collect();
        assert_eq!(next(&splits, HOUR), None);
        splits.push(meta(7, 40 << 20, 7));
        assert_eq!(next(&splits, HOUR), None, "a large one does not count");
        splits.push(meta(8, 60_000, 8));
        assert_eq!(next(&splits, HOUR), Some(vec![0, 1, 2, 3, 4, 5, 6, 8]));
    }

    #[test]
    fn windows_are_not_mixed_and_what_is_left_of_an_old_one_is_merged() {
        let splits: Vec<_> = (0..8).map(|n| meta(n, 9_000, n as i64 * DAY / 4)).collect();
        assert_eq!(next(&splits, DAY), None);
        assert_eq!(next(&splits, DAY + 2 * HOUR), Some(vec![0, 1, 2, 3]));
    }

    #[test]
    fn nothing_grows_beyond_the_largest_and_merging_comes_to_an_end() {
        let mut splits: Vec<_> = (0..500).map(|n| meta(n, 12 << 20, n as i64)).collect();
        let mut rewritten = 0;
        for number in 500.. {
            let Some(chosen) = next(&splits, 2 * DAY) else {
                break;
            };
            let bytes = splits
                .iter()
                .filter(|meta| chosen.contains(&meta.number))
                .map(|meta| meta.bytes)
                .sum();
            assert!(chosen.len() >= 2 && bytes <= LARGEST);
            splits.retain(|meta| !chosen.contains(&meta.number));
            splits.push(meta(number, bytes, 5));
            rewritten += bytes;
        }
        assert!(splits.len() <= 100, "{}", splits.len());
        assert!(rewritten <= 500 * (12 << 20), "each once: {rewritten}");
    }

    #[test]
    fn a_days_worth_of_small_ones_is_written_few_times() {
        let mut splits: Vec<SplitMeta> = Vec::new();
        let (mut written, mut merged, mut number) = (0, 0, 0);
        for minute in (0..24 * 60).step_by(10) {
            let now = minute * 60_000_000_000;
            number += 1;
            splits.push(meta(number, 30_000, now));
            written += 30_000;
            while let Some(chosen) = next(&splits, now) {
                let is_chosen = |meta: &SplitMeta| chosen.contains(&meta.number);
                let bytes = splits
                    .iter()
                    .filter(|m| is_chosen(m))
                    .map(|m| m.bytes)
                    .sum();
                splits.retain(|meta| !is_chosen(meta));
                number += 1;
                splits.push(meta(number, bytes, now));
                merged += bytes;
            }
            assert!(splits.len() <= 3 * FAN_IN, "{} at once", splits.len());
        }
        assert!(merged <= 3 * written, "{merged} of {written}");
    }
}
