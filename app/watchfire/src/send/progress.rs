use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::time::Instant;

/// Nothing is drawn in the first moments: what is over by then needs no bar.
const PATIENCE: Duration = Duration::from_millis(500);
const BETWEEN: Duration = Duration::from_millis(150);
const WIDTH: usize = 24;

/// A bar on standard error, if that is a terminal.
#[derive(Debug)]
pub(super) struct Progress {
    is_terminal: bool,
    size: Option<u64>,
    started: Instant,
    drawn: Option<Instant>,
}

impl Progress {
    pub(super) fn start(size: Option<u64>) -> Self {
        Self {
            is_terminal: std::io::stderr().is_terminal(),
            size,
            started: Instant::now(),
            drawn: None,
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn draw(&mut self, read: u64, lines: u64) {
        let is_due = match self.drawn {
            None => self.elapsed() >= PATIENCE,
            Some(drawn) => drawn.elapsed() >= BETWEEN,
        };
        if self.is_terminal && is_due {
            self.drawn = Some(Instant::now());
            put(&format!(
                "\r\x1b[K{}",
                bar(read, self.size, lines, self.elapsed())
            ));
        }
    }

    /// Makes room for a line of text.
    pub(super) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            put("\r\x1b[K");
        }
    }
}

/// A terminal that went away is no reason to stop sending.
fn put(text: &str) {
    let mut out = std::io::stderr();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// `[=====>      ] 43 %  12.3 of 28.6 MB  85,120 lines/s  0:12 left`.
fn bar(read: u64, size: Option<u64>, lines: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let rate = grouped((lines as f64 / seconds) as u64);
    let megabytes = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
    let Some(size) = size.filter(|size| *size > 0) else {
        let lines = grouped(lines);
        return format!("{} MB  {lines} lines  {rate} lines/s", megabytes(read));
    };
    let share = (read as f64 / size as f64).min(1.0);
    let done = (share * WIDTH as f64) as usize;
    let filled = format!(
        "{}{}",
        "=".repeat(done),
        if done < WIDTH { ">" } else { "" }
    );
    let left = if share > 0.0 {
        let left = (seconds / share - seconds).round() as u64;
        format!("  {}:{:02} left", left / 60, left % 60)
    } else {
        String::new()
    };
    format!(
        "[{filled:<WIDTH$}] {:.0} %  {} of {} MB  {rate} lines/s{left}",
        share * 100.0,
        megabytes(read),
        megabytes(size)
    )
}

/// With a comma after each thousand.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_tells_share_speed_and_what_is_left() {
        let ten = Duration::from_secs(10);
        assert_eq!(
            bar(25_000_000, Some(100_000_000), 850_000, ten),
            "[======>                 ] 25 %  25.0 of 100.0 MB  85,000 lines/s  0:30 left"
        );
        assert_eq!(
            bar(5_000_000, Some(5_000_000), 5, ten),
            "[========================] 100 %  5.0 of 5.0 MB  0 lines/s  0:00 left"
        );
        assert_eq!(
            bar(0, Some(5), 0, Duration::ZERO),
            "[>                       ] 0 %  0.0 of 0.0 MB  0 lines/s"
        );
        assert_eq!(
            bar(1_500_000, None, 12_000, ten),
            "1.5 MB  12,000 lines  1,200 lines/s"
        );
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
