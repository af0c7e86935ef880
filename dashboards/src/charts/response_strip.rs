//! How a response went, in one bar: unseen, seen and not taken on, under repair.

use std::fmt::Write;

use watchfire_alerts::Incident;
use watchfire_schemas::Timestamp;

use super::{Svg, escape};
use crate::figures;

/// From the onset to the recovery, or to now. Each incident has a scale of its own: what is told is
/// where its time went.
pub(crate) fn response_strip(incident: &Incident, now: Timestamp) -> Svg {
    let onset = incident.onset.at;
    let over = incident.recovered_at.or(incident.resolved_at);
    let end = over.unwrap_or(now).max(incident.detected_at);
    let length = end.seconds_since(onset).max(1e-9);
    let ends = [
        ("undetected", "undetected for", Some(incident.detected_at)),
        (
            "untaken",
            "then nobody had it for",
            incident.acknowledged_at,
        ),
        ("repair", "then under repair for", Some(end)),
    ];
    let mut from = onset;
    let (mut drawn, mut told) = (String::new(), Vec::new());
    for (class, words, until) in ends {
        // What nobody took on before it was over was never under repair by anybody.
        let until = match (class, until) {
            ("untaken", None) => end,
            (_, until) => until.unwrap_or(end),
        };
        let until = until.clamp(from, end.max(from));
        let seconds = until.seconds_since(from);
        if seconds <= 0.0 {
            continue;
        }
        let x = from.seconds_since(onset) / length * 100.0;
        write!(
            drawn,
            "<rect class=\"{class}\" x=\"{x:.2}%\" width=\"{:.2}%\" y=\"1\" height=\"8\"/>",
            (seconds / length * 100.0).max(0.5)
        )
        .expect("writing to memory does not fail");
        told.push(format!("{words} {}", figures::duration(seconds)));
        from = until;
    }
    if over.is_none() {
        told.push("it goes on".to_owned());
    }
    let label = escape(&told.join(", "));
    Svg(format!(
        "<svg class=\"response-strip\" width=\"100%\" height=\"10\" role=\"img\" aria-label=\"{label}\"><title>{label}</title>{drawn}</svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples;

    fn check(incident: &Incident, expected: &str) {
        let drawn = response_strip(incident, samples::now()).to_string();
        assert!(
            drawn.contains(&format!("<title>{expected}</title>")),
            "{drawn}"
        );
    }

    #[test]
    fn a_strip_accounts_for_the_whole_time() {
        check(
            &samples::resolved_incident(),
            "undetected for 36 s, then nobody had it for 1 m 01 s, then under repair for 4 m 10 s",
        );
        check(
            &samples::incident(samples::Mood::Full),
            "undetected for 36 s, then nobody had it for 7 m 31 s, it goes on",
        );
    }
}
