//! The patterns of a query, and what has changed since another range of time.

use std::cmp::Reverse;
use std::io;

use watchfire_schemas::{SeverityRange, TimeRange, Timestamp};

use super::table::PatternTable;
use super::tally::{Tallies, Tally, tally};
use super::types::{PatternChange, PatternList, PatternSearch, PatternSummary};
use crate::engine::Snapshot;
use crate::fields::{Dataset as _, find};
use crate::filter::{Filter, KeywordTest};
use crate::logs::Logs;
use crate::search::{Search, search};
use crate::watch::Watch;

/// More steps than a small chart has points.
const MOST_BUCKETS: usize = 1_000;
const MOST_PATTERNS: usize = 10_000;

/// Answers a search for patterns.
pub(crate) fn patterns(
    snapshot: &Snapshot<Logs>,
    table: &PatternTable,
    filter: &Filter,
    asked: &PatternSearch,
    watch: &Watch,
) -> io::Result<PatternList> {
    let buckets = asked.buckets.min(MOST_BUCKETS);
    let now = tally(snapshot, filter, asked.range, buckets, watch)?;
    let before = match asked.against {
        Some(range) => Some((range, tally(snapshot, filter, range, 0, watch)?)),
        None => None,
    };
    let partial = !now.complete || before.as_ref().is_some_and(|(_, before)| !before.complete);
    let (records, unpatterned) = (now.records, now.unpatterned);
    let mut found = compared(now, before, asked.range, partial);
    found.truncate(asked.limit.min(MOST_PATTERNS));
    let mut patterns = Vec::with_capacity(found.len());
    for (id, pattern) in found {
        let template = match table.template(&id) {
            Some(template) => template,
            None => sample(snapshot, &id, pattern.first_and_last(), watch)?,
        };
        patterns.push(pattern.summary(id, template, buckets));
    }
    Ok(PatternList {
        patterns,
        records,
        unpatterned,
        partial,
    })
}

/// A pattern in one or both ranges.
#[derive(Debug)]
struct Compared {
    now: Option<Tally>,
    before: Option<Tally>,
    change: PatternChange,
    /// How far its rate is from what it was, in powers of two.
    distance: f64,
}

/// All patterns, the most telling first.
fn compared(
    now: Tallies,
    before: Option<(TimeRange, Tallies)>,
    range: TimeRange,
    partial: bool,
) -> Vec<(String, Compared)> {
    let Some((against, mut before)) = before else {
        let steady = |(id, tally)| {
            let pattern = Compared {
                now: Some(tally),
                before: None,
                change: PatternChange::Steady,
                distance: 0.0,
            };
            (id, pattern)
        };
        return sorted(now.by_pattern.into_iter().map(steady).collect());
    };
    // What was not counted, or has no pattern, may be any.
    let is_known = !partial && before.unpatterned == 0 && now.unpatterned == 0;
    let share = share_of(range, against);
    let judge = |now: u64, before: u64| {
        if is_known {
            change(now, before, share)
        } else {
            PatternChange::Steady
        }
    };
    let mut all = Vec::with_capacity(now.by_pattern.len());
    for (id, tally) in now.by_pattern {
        let earlier = before.by_pattern.remove(&id);
        let count = earlier.as_ref().map_or(0, |tally| tally.count);
        let pattern = Compared {
            change: judge(tally.count, count),
            distance: distance(tally.count, count, share),
            now: Some(tally),
            before: earlier,
        };
        all.push((id, pattern));
    }
    for (id, tally) in before.by_pattern {
        let pattern = Compared {
            change: judge(0, tally.count),
            distance: distance(0, tally.count, share),
            now: None,
            before: Some(tally),
        };
        all.push((id, pattern));
    }
    sorted(all)
}

fn sorted(mut all: Vec<(String, Compared)>) -> Vec<(String, Compared)> {
    let count = |tally: &Option<Tally>| tally.as_ref().map_or(0, |tally| tally.count);
    let rank = |change| match change {
        PatternChange::New => 0,
        PatternChange::Vanished => 1,
        _ => 2,
    };
    all.sort_by(|(a_id, a), (b_id, b)| {
        let far = match rank(a.change) {
            2 => b.distance.total_cmp(&a.distance),
            _ => std::cmp::Ordering::Equal,
        };
        let counts = |one: &Compared| Reverse((count(&one.now), count(&one.before)));
        rank(a.change)
            .cmp(&rank(b.change))
            .then(far)
            .then_with(|| counts(a).cmp(&counts(b)))
            .then_with(|| a_id.cmp(b_id))
    });
    all
}

/// The share of the records of both ranges that is in the first, if nothing has changed.
fn share_of(range: TimeRange, against: TimeRange) -> f64 {
    let length = |range: TimeRange| range.end.seconds_since(range.start).max(1e-9);
    length(range) / (length(range) + length(against))
}

/// What became of a pattern: how many records were expected in the first range follows from all of
/// them, as coins that fall on one side with probability `share`.
fn change(now: u64, before: u64, share: f64) -> PatternChange {
    const TIMES: f64 = 2.0;
    const DEVIATIONS: f64 = 3.0;
    match (now, before) {
        (0, 0) => return PatternChange::Steady,
        (_, 0) => return PatternChange::New,
        (0, _) => return PatternChange::Vanished,
        _ => {}
    }
    let all = (now + before) as f64;
    let expected = all * share;
    let deviation = (all * share * (1.0 - share)).sqrt();
    let is_chance = (now as f64 - expected).abs() <= DEVIATIONS * deviation;
    let ratio = (now as f64 / share) / (before as f64 / (1.0 - share));
    if is_chance {
        PatternChange::Steady
    } else if ratio >= TIMES {
        PatternChange::Grown
    } else if ratio <= 1.0 / TIMES {
        PatternChange::Shrunk
    } else {
        PatternChange::Steady
    }
}

/// One record is added on both sides, so that a few records are not far from none.
fn distance(now: u64, before: u64, share: f64) -> f64 {
    let rate = |count: u64, share: f64| (count as f64 + 1.0) / share.max(1e-9);
    (rate(now, share) / rate(before, 1.0 - share)).log2().abs()
}

impl Compared {
    /// In the range, or in the one compared with if it has vanished.
    fn tally(&self) -> &Tally {
        let found = self.now.as_ref().or(self.before.as_ref());
        found.expect("it was found in one of both")
    }

    fn first_and_last(&self) -> TimeRange {
        let tally = self.tally();
        TimeRange {
            start: Timestamp::from_nanos(tally.first),
            end: Timestamp::from_nanos(tally.last.saturating_add(1)),
        }
    }

    fn summary(&self, id: String, template: String, buckets: usize) -> PatternSummary {
        let tally = self.tally();
        let count = |tally: &Option<Tally>| tally.as_ref().map_or(0, |tally| tally.count);
        let mut services: Vec<_> = tally.services.iter().collect();
        services.sort_by_key(|(service, count)| (Reverse(**count), *service));
        let trend = self.now.as_ref().map(|tally| tally.trend.clone());
        PatternSummary {
            id,
            template,
            count: count(&self.now),
            count_against: count(&self.before),
            trend: trend.unwrap_or_else(|| vec![0; buckets]),
            first_seen: Timestamp::from_nanos(tally.first),
            last_seen: Timestamp::from_nanos(tally.last),
            services: services.into_iter().map(|(name, _)| name.clone()).collect(),
            severity: SeverityRange::ALL[tally.severity.min(SeverityRange::ALL.len() - 1)],
            change: self.change,
        }
    }
}

/// A line of a pattern whose template is not known any more, or nothing if there is no time.
fn sample(
    snapshot: &Snapshot<Logs>,
    id: &str,
    range: TimeRange,
    watch: &Watch,
) -> io::Result<String> {
    const LONGEST: usize = 1_024;
    let asked = Search {
        filter: Filter::Keyword {
            field: find(Logs::fields(), "pattern_id").expect("the table has the field"),
            test: KeywordTest::Is(id.to_owned()),
        },
        range,
        limit: 1,
        before: None,
    };
    let page = search(snapshot, &asked, watch)?;
    let message = page
        .records
        .into_iter()
        .next()
        .map(|(_, record)| record.message);
    let line = message.as_deref().unwrap_or_default().trim_start();
    let line = line.lines().next().unwrap_or_default();
    Ok(line[..line.floor_char_boundary(LONGEST)].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_more_than_chance() {
        let check = |now, before, share, expected| {
            assert_eq!(change(now, before, share), expected, "{now} after {before}");
        };
        check(5, 0, 0.5, PatternChange::New);
        check(0, 5, 0.5, PatternChange::Vanished);
        check(0, 0, 0.5, PatternChange::Steady);
        check(100, 100, 0.5, PatternChange::Steady);
        check(3, 1, 0.5, PatternChange::Steady);
        check(30, 5, 0.5, PatternChange::Grown);
        check(5, 30, 0.5, PatternChange::Shrunk);
        check(150, 100, 0.5, PatternChange::Steady);
        // An hour against a day: the rate is the same.
        check(100, 2_400, 0.04, PatternChange::Steady);
        check(100, 100, 0.04, PatternChange::Grown);
    }
}
