use std::time::Duration;

use crate::rules::written_duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The time over which an error budget is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SloPeriod {
    Days28,
    #[default]
    Days30,
}

impl SloPeriod {
    /// None if it is another time.
    pub fn of_days(days: u64) -> Option<Self> {
        match days {
            28 => Some(Self::Days28),
            30 => Some(Self::Days30),
            _ => None,
        }
    }

    /// None if it is another time.
    pub fn of(duration: Duration) -> Option<Self> {
        let seconds = duration.as_secs();
        let days = seconds.is_multiple_of(DAY).then_some(seconds / DAY)?;
        Self::of_days(days)
    }

    pub(super) const fn days(self) -> u64 {
        match self {
            Self::Days28 => 28,
            Self::Days30 => 30,
        }
    }

    /// As PromQL writes it. Sloth says `30d`, and of four weeks `4w`.
    pub(super) fn written(self) -> &'static str {
        match self {
            Self::Days28 => "4w",
            Self::Days30 => "30d",
        }
    }
}

/// A budget burns too fast if it does in both windows: the long one says that it matters, the short
/// one that it goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct BurnWindow {
    pub short: u64,
    pub long: u64,
    /// The part of the budget that burns within the long window.
    percent: f64,
}

impl BurnWindow {
    const fn new(short: u64, long: u64, percent: f64) -> Self {
        Self {
            short,
            long,
            percent,
        }
    }

    /// How many times as fast as the budget allows.
    pub(super) fn factor(&self, period: SloPeriod) -> f64 {
        let hours = |seconds: u64| seconds as f64 / HOUR as f64;
        let speed = self.percent / 100.0 * hours(period.days() * DAY) / hours(self.long);
        // 14.399999999999999 is meant as 14.4.
        (speed * 1e12).round() / 1e12
    }
}

/// Google's windows: "The Site Reliability Workbook", alerting on SLOs, with the quicker ticket that
/// Sloth adds.
pub(super) const PAGE: [BurnWindow; 2] = [
    BurnWindow::new(5 * MINUTE, HOUR, 2.0),
    BurnWindow::new(30 * MINUTE, 6 * HOUR, 5.0),
];
pub(super) const TICKET: [BurnWindow; 2] = [
    BurnWindow::new(2 * HOUR, DAY, 10.0),
    BurnWindow::new(6 * HOUR, 3 * DAY, 10.0),
];

/// All windows in which the share of errors is recorded, shortest first.
pub(super) const RECORDED: [u64; 7] = [
    5 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    6 * HOUR,
    DAY,
    3 * DAY,
];

/// `5m`, `1d`.
pub(super) fn window(seconds: u64) -> String {
    written_duration(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(period: SloPeriod, expected: [f64; 4]) {
        let all = PAGE.iter().chain(&TICKET);
        let factors: Vec<f64> = all.map(|window| window.factor(period)).collect();
        assert_eq!(factors, expected);
    }

    #[test]
    fn factors_are_those_of_the_workbook() {
        check(SloPeriod::Days30, [14.4, 6.0, 3.0, 1.0]);
        check(SloPeriod::Days28, [13.44, 5.6, 2.8, 0.933_333_333_333]);
    }

    #[test]
    fn every_window_of_an_alert_is_recorded() {
        for burn in PAGE.iter().chain(&TICKET) {
            assert!(RECORDED.contains(&burn.short) && RECORDED.contains(&burn.long));
        }
        assert_eq!(window(86_400), "1d");
    }
}
