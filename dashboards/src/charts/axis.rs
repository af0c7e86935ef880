//! Scales and ticks.

use std::time::Duration;

use watchfire_schemas::{TimeRange, Timestamp};

use crate::figures;

/// Round times within the range, and how each is written.
pub(super) fn time_ticks(range: TimeRange, most: usize) -> Vec<(Timestamp, String)> {
    const STEPS: [u64; 19] = [
        1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
        172_800, 604_800,
    ];
    let length = range.end.since(range.start).as_secs_f64();
    let step = STEPS
        .into_iter()
        .find(|step| length / *step as f64 <= most as f64)
        .unwrap_or(2_592_000);
    let width = Duration::from_secs(step);
    let mut ticks = Vec::new();
    let mut at = range.start.floor(width) + width;
    while at < range.end && ticks.len() < 32 {
        let clock = figures::clock(at);
        let text = match step {
            s if s >= 86_400 => figures::date_time(at)[5..10].to_owned(),
            _ if clock == "00:00:00" => figures::date_time(at)[5..10].to_owned(),
            s if s < 60 => clock,
            _ => clock[..5].to_owned(),
        };
        ticks.push((at, text));
        at = at + width;
    }
    ticks
}

/// Where a time lies in a range, in percent; outside of it beyond 0 and 100.
pub(super) fn percent_of(at: Timestamp, range: TimeRange) -> f64 {
    let length = range.end.seconds_since(range.start).max(1e-9);
    at.seconds_since(range.start) / length * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_ticks_are_round() {
        let range = TimeRange {
            start: "2026-11-22T05:58:03Z".parse().unwrap(),
            end: "2026-11-22T06:58:03Z".parse().unwrap(),
        };
        let ticks = time_ticks(range, 7);
        let texts: Vec<&str> = ticks.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(
            texts,
            ["06:00", "06:10", "06:20", "06:30", "06:40", "06:50"]
        );
        assert!((percent_of(ticks[0].0, range) - 3.25).abs() < 0.01);
    }
}
