//! What may have caused an incident: exceptions by their change, and what people changed.

use watchfire_alerts::Incident;
use watchfire_schemas::{ChangeEvent, Timestamp};

use crate::charts::{Svg, sparkline};
use crate::figures::{self, When};
use crate::pages::log_view::one_line;
use crate::url;

#[derive(Debug)]
pub(crate) struct ExceptionRow {
    pub(crate) href: String,
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) service: String,
    pub(crate) count: String,
    pub(crate) change: String,
    pub(crate) is_new: bool,
    pub(crate) is_regressed: bool,
    pub(crate) trend: Svg,
}

#[derive(Debug)]
pub(crate) struct ChangeRow {
    pub(crate) at: When,
    pub(crate) distance: String,
    pub(crate) kind: &'static str,
    pub(crate) service: String,
    pub(crate) summary: String,
    pub(crate) version: String,
    pub(crate) author: String,
    pub(crate) link: Option<String>,
}

pub(super) fn exception_rows(incident: &Incident, trends: &[Vec<f64>]) -> Vec<ExceptionRow> {
    let row = |(at, exception): (usize, &watchfire_alerts::IncidentException)| {
        let message = one_line(&exception.message);
        ExceptionRow {
            href: format!("/exceptions/{}", url::encode(&exception.group)),
            kind: exception.kind.clone(),
            message,
            service: exception.service.clone(),
            count: figures::count(exception.count),
            change: match exception.ratio {
                _ if exception.is_new => String::new(),
                Some(ratio) if ratio.is_finite() => format!("×{}", figures::short(ratio)),
                _ => "from none".to_owned(),
            },
            is_new: exception.is_new,
            is_regressed: exception.is_regressed,
            trend: sparkline(
                trends.get(at).map_or(&[][..], Vec::as_slice),
                0.0,
                "occurrences over the window",
            ),
        }
    };
    incident.exceptions.iter().enumerate().map(row).collect()
}

/// Changes of the window, those nearest to the onset first; candidates, not causes.
pub(super) fn change_rows(
    incident: &Incident,
    asked: &[ChangeEvent],
    now: Timestamp,
) -> Vec<ChangeRow> {
    let mut changes: Vec<&ChangeEvent> = incident.changes.iter().collect();
    changes.extend(
        asked
            .iter()
            .filter(|change| !incident.changes.iter().any(|known| known.id == change.id)),
    );
    let distance = |change: &ChangeEvent| incident.onset.at.seconds_since(change.at);
    changes.sort_by(|a, b| distance(a).abs().total_cmp(&distance(b).abs()));
    let row = |change: &&ChangeEvent| {
        let before = distance(change);
        ChangeRow {
            at: When::clock(change.at, now),
            distance: if before >= 0.0 {
                format!("{} before onset", figures::duration(before))
            } else {
                format!("{} after onset", figures::duration(-before))
            },
            kind: change.kind.as_str(),
            service: change.service.clone(),
            summary: change.summary.clone(),
            version: change.version.clone().unwrap_or_default(),
            author: change.author.clone().unwrap_or_default(),
            link: change.link.clone().filter(|link| is_web_address(link)),
        }
    };
    changes.iter().take(20).map(row).collect()
}

/// Whether a text may become a link: `javascript:` must not.
pub(super) fn is_web_address(link: &str) -> bool {
    link.starts_with("https://") || link.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_become_links() {
        assert!(is_web_address("https://runbooks.example.com/a"));
        assert!(!is_web_address("javascript:alert(1)"));
        assert!(!is_web_address("//example.com"));
    }
}
