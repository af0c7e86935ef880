use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::engine::Sight;
use super::report::time;
use crate::send::grouped;

const ON_TERMINAL: Duration = Duration::from_millis(500);
/// A log wants fewer lines.
const IN_LOG: Duration = Duration::from_secs(5);

/// How a run goes, on standard error: one line that changes on a terminal, else a line now and then.
#[derive(Debug)]
pub(super) struct Progress {
    is_terminal: bool,
    length: Duration,
    ticks: Interval,
    last: (Duration, Sight),
    is_drawn: bool,
}

impl Progress {
    /// Says what begins, and when if that is not at once.
    pub(super) fn begin(title: &str, length: Duration, wait: Duration) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let begins = if wait < Duration::from_secs(1) {
            String::new()
        } else {
            format!(", beginning in {}", time(wait))
        };
        put(&format!("{title}{begins}\n"));
        let every = if is_terminal { ON_TERMINAL } else { IN_LOG };
        let mut ticks = interval_at(Instant::now() + wait + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            is_terminal,
            length,
            ticks,
            last: (Duration::ZERO, Sight::default()),
            is_drawn: false,
        }
    }

    /// When to show it next.
    pub(super) async fn due(&mut self) {
        self.ticks.tick().await;
    }

    pub(super) fn show(&mut self, since: Duration, sight: &Sight) {
        let line = line(since, self.length, sight, &self.last);
        self.last = (since, *sight);
        if self.is_terminal {
            self.is_drawn = true;
            put(&format!("\r\x1b[K{line}"));
        } else {
            put(&format!("{line}\n"));
        }
    }

    /// Makes room for what comes after.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            put("\r\x1b[K");
        }
    }
}

/// A terminal that went away is no reason to stop.
fn put(text: &str) {
    let mut out = std::io::stderr();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// `0:05 of 0:30  2,000/s due  1,998/s answered  3 unexpected  12 under way  p99 4.2 ms`.
fn line(since: Duration, length: Duration, sight: &Sight, last: &(Duration, Sight)) -> String {
    let seconds = since.saturating_sub(last.0).as_secs_f64().max(0.001);
    let rate = |now: u64, then: u64| grouped(((now - then) as f64 / seconds).round() as u64);
    let clock = |time: Duration| format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60);
    let p99 = sight.p99.map_or_else(|| "-".to_owned(), time);
    format!(
        "{} of {}  {}/s due  {}/s answered  {} unexpected  {} under way  p99 {p99}",
        clock(since),
        clock(length),
        rate(sight.due, last.1.due),
        rate(sight.answered, last.1.answered),
        grouped(sight.unexpected),
        grouped(sight.due - sight.ended),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_what_happened_since_the_last() {
        let then = Sight {
            due: 8_000,
            answered: 7_900,
            ended: 7_900,
            ..Sight::default()
        };
        let now = Sight {
            due: 10_000,
            answered: 9_898,
            unexpected: 3,
            ended: 9_900,
            p99: Some(Duration::from_micros(4_230)),
        };
        let shown = line(
            Duration::from_secs(65),
            Duration::from_mins(10),
            &now,
            &(Duration::from_secs(64), then),
        );
        assert_eq!(
            shown,
            "1:05 of 10:00  2,000/s due  1,998/s answered  3 unexpected  100 under way  p99 4.23 ms"
        );
    }
}
