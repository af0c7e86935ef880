//! What this process may use and has used.

use std::time::Duration;

/// Ticks of `/proc/self/stat` in a second. Linux tells every program 100, whatever its kernel uses.
const TICKS_PER_SECOND: u64 = 100;

/// The processor time of all threads so far; None where the system does not tell.
pub(crate) fn cpu_time() -> Option<Duration> {
    parse_stat(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

/// How many files, and so connections, this process may have open; None where the system does not tell.
pub(crate) fn most_open_files() -> Option<u64> {
    parse_limits(&std::fs::read_to_string("/proc/self/limits").ok()?)
}

fn parse_stat(stat: &str) -> Option<Duration> {
    // The name of the program is in parentheses and may hold anything.
    let mut fields = stat[stat.rfind(')')? + 1..]
        .split_ascii_whitespace()
        .skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis(
        (user + system) * 1_000 / TICKS_PER_SECOND,
    ))
}

fn parse_limits(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    let soft = line.split_ascii_whitespace().next()?;
    if soft == "unlimited" {
        return Some(u64::MAX);
    }
    soft.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_tells_is_read() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 0 0 0 150 25 0 0 20 0 4 0 100 1 1";
        assert_eq!(parse_stat(stat), Some(Duration::from_millis(1750)));
        assert_eq!(parse_stat("nonsense"), None);
        let limits =
            "Limit   Soft Limit  Hard Limit  Units\nMax open files   1024   524288   files\n";
        assert_eq!(parse_limits(limits), Some(1024));
        assert_eq!(
            parse_limits("Max open files  unlimited unlimited files"),
            Some(u64::MAX)
        );
        assert!(cpu_time().is_some() && most_open_files().is_some());
    }
}
