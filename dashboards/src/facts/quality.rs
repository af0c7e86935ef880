//! What is to be known of the data itself before it is believed.

use std::time::Duration;

use watchfire_alerts::Incident;
use watchfire_logsearch::FoundLog;
use watchfire_schemas::TimeRange;

use super::{Measured, of_services};
use crate::figures;
use crate::{Console, ask};

/// A record that arrives later than this is late.
const LATE: Duration = Duration::from_secs(30);
/// A gap is at least so many bins without any request, where there were so many a bin before.
const GAP_BINS: usize = 3;
const BUSY: f64 = 5.0;

pub(super) async fn quality(
    console: &Console,
    incident: &Incident,
    trouble: TimeRange,
    read: &[FoundLog],
    measured: &Measured,
) -> Vec<String> {
    let mut told = Vec::new();
    told.extend(late(read));
    told.extend(gap(measured));
    let services = of_services(incident);
    if let Ok(page) = ask::quarantine(console, &services, trouble, 1, None).await
        && page.total > 0
    {
        told.push(format!(
            "{} log lines of these services broke their contract in this time and are in quarantine, not among the logs.",
            figures::count(page.total)
        ));
    }
    let lost = console.status.ingest().lost();
    if lost > 0 {
        told.push(format!(
            "{} records were dropped or refused since this process started; /status says why.",
            figures::count(lost)
        ));
    }
    told
}

fn late(read: &[FoundLog]) -> Option<String> {
    let delay = |found: &FoundLog| {
        let record = &found.record;
        record.observed_timestamp.seconds_since(record.timestamp)
    };
    let late: Vec<f64> = read
        .iter()
        .map(delay)
        .filter(|d| *d > LATE.as_secs_f64())
        .collect();
    let longest = late.iter().copied().reduce(f64::max)?;
    Some(format!(
        "{} of {} log lines read came late, by up to {}: counts near the onset may still grow.",
        late.len(),
        read.len(),
        figures::duration(longest)
    ))
}

fn gap(measured: &Measured) -> Option<String> {
    let counts: Vec<f64> = measured.requests.iter().map(|(_, count)| *count).collect();
    let busy = counts.iter().sum::<f64>() / counts.len().max(1) as f64;
    let empty = |at: &usize| counts[*at] <= 0.0;
    let first = (0..counts.len().saturating_sub(GAP_BINS))
        .find(|at| (*at..*at + GAP_BINS).all(|bin| empty(&bin)))?;
    if busy < BUSY || counts[..first].iter().sum::<f64>() <= 0.0 {
        return None;
    }
    let last = (first..counts.len()).take_while(empty).last()?;
    Some(format!(
        "No request at all was seen from {} to {}: silence, or a gap in the telemetry.",
        figures::clock(measured.requests[first].0),
        figures::clock(measured.requests[last].0)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchfire_schemas::Timestamp;

    fn check(counts: &[f64], expected: Option<&str>) {
        let at = |i: usize| Timestamp::from_secs(1_000_000_000 + 10 * i as i64);
        let measured = Measured {
            requests: counts
                .iter()
                .enumerate()
                .map(|(i, c)| (at(i), *c))
                .collect(),
            ..Measured::default()
        };
        let told = gap(&measured);
        match expected {
            None => assert_eq!(told, None),
            Some(part) => assert!(told.as_ref().unwrap().contains(part), "{told:?}"),
        }
    }

    #[test]
    fn a_gap_is_told_where_there_was_traffic() {
        check(&[50.0, 50.0, 50.0, 50.0], None);
        check(
            &[50.0, 50.0, 0.0, 0.0, 0.0, 50.0],
            Some("from 01:47:00 to 01:47:20"),
        );
        check(&[0.0, 0.0, 0.0, 0.0, 50.0, 50.0], None);
        check(&[1.0, 0.0, 0.0, 0.0, 1.0, 1.0], None);
    }
}
