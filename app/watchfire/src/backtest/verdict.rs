//! What rules would have paged, held against the incidents that are known.

use std::time::Duration;

use serde::Serialize;
use watchfire_alerts::WouldFire;
use watchfire_schemas::{AlertSeverity, Timestamp};

use super::stored::Known;

/// Alerts of one service that are no further apart are one page.
const ONE_PAGE: Duration = Duration::from_mins(5);

#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    pub incidents: Vec<Met>,
    /// Pages that no known incident explains.
    pub unexplained: Vec<Page>,
    /// All pages, those two kinds together.
    pub pages: usize,
    /// Alerts that wake nobody.
    pub warnings: usize,
}

/// A known incident, and what the rules would have said of it.
#[derive(Debug, Serialize)]
pub(super) struct Met {
    pub id: String,
    pub title: String,
    pub onset: Timestamp,
    /// Seconds from onset until it was detected, and until the rules would have paged; none if they
    /// would not have.
    pub detected: f64,
    pub would_page: Option<f64>,
    pub rule: Option<String>,
}

/// Alerts that would have paged together.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Page {
    pub at: Timestamp,
    /// None if one still fires at the end.
    pub until: Option<Timestamp>,
    pub service: Option<String>,
    pub rules: Vec<String>,
}

/// `fired` is in order.
pub(super) fn judge(fired: Vec<WouldFire>, known: &[Known]) -> Verdict {
    let (paging, warnings): (Vec<WouldFire>, Vec<WouldFire>) = fired
        .into_iter()
        .partition(|fires| fires.severity >= AlertSeverity::Error);
    let explains = |incident: &Known, fires: &WouldFire| {
        let service = fires.labels.get("service");
        let same =
            service.is_none_or(|service| incident.services.iter().any(|name| name == service));
        let over = incident
            .resolved_at
            .or(incident.recovered_at)
            .unwrap_or(Timestamp::MAX);
        let begun_before_end = fires.fired_at <= over;
        let ended = fires.resolved_at.unwrap_or(Timestamp::MAX);
        same && begun_before_end && ended >= incident.onset.earliest
    };
    let met = |incident: &Known| {
        let first = paging.iter().find(|fires| explains(incident, fires));
        Met {
            id: incident.id.clone(),
            title: incident.title.clone(),
            onset: incident.onset.at,
            detected: incident.detected_at.seconds_since(incident.onset.at),
            would_page: first.map(|fires| fires.fired_at.seconds_since(incident.onset.at)),
            rule: first.map(|fires| fires.rule.clone()),
        }
    };
    // Of an incident that woke nobody, a page would be news.
    let woke = known
        .iter()
        .filter(|incident| incident.severity >= AlertSeverity::Error);
    let incidents = woke.map(met).collect();
    let unexplained = |fires: &&WouldFire| !known.iter().any(|incident| explains(incident, fires));
    let unexplained = pages(paging.iter().filter(unexplained));
    Verdict {
        incidents,
        unexplained,
        pages: pages(paging.iter()).len(),
        warnings: warnings.len(),
    }
}

/// As an incident gathers them: by service, and by time.
fn pages<'a>(fired: impl Iterator<Item = &'a WouldFire>) -> Vec<Page> {
    let mut pages: Vec<Page> = Vec::new();
    for fires in fired {
        let service = fires.labels.get("service").map(str::to_owned);
        let joins = |page: &&mut Page| {
            let until = page.until.map_or(Timestamp::MAX, |until| until + ONE_PAGE);
            page.service == service && fires.fired_at <= until
        };
        match pages.iter_mut().rev().find(joins) {
            Some(page) => {
                page.until = page.until.zip(fires.resolved_at).map(|(a, b)| a.max(b));
                if !page.rules.contains(&fires.rule) {
                    page.rules.push(fires.rule.clone());
                }
            }
            None => pages.push(Page {
                at: fires.fired_at,
                until: fires.resolved_at,
                service,
                rules: vec![fires.rule.clone()],
            }),
        }
    }
    pages
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use watchfire_schemas::LabelSet;

    use super::*;

    const START: i64 = 1_000_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(START + seconds)
    }

    fn fires(rule: &str, service: &str, from: i64, until: Option<i64>) -> WouldFire {
        WouldFire {
            rule: rule.to_owned(),
            labels: LabelSet::new([("service", service)]),
            severity: AlertSeverity::Error,
            active_at: at(from),
            fired_at: at(from),
            resolved_at: until.map(at),
        }
    }

    fn incident() -> Known {
        let text = json!({
            "id": "1", "title": "shop fails", "severity": "critical", "services": ["shop"],
            "onset": {"at": at(1000), "earliest": at(990)},
            "detected_at": at(1060), "resolved_at": at(1500),
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn pages_are_held_against_incidents() {
        let warning = WouldFire {
            severity: AlertSeverity::Warning,
            ..fires("W", "shop", 1010, None)
        };
        let fired = vec![
            fires("Early", "shop", 100, Some(200)),
            fires("Again", "shop", 450, Some(500)),
            warning,
            fires("Down", "shop", 1030, Some(1400)),
            fires("Other", "cart", 1040, None),
        ];
        let verdict = judge(fired, &[incident()]);
        assert_eq!(verdict.incidents[0].would_page, Some(30.0));
        assert!((verdict.incidents[0].detected - 60.0).abs() < 1e-9);
        assert_eq!(verdict.incidents[0].rule.as_deref(), Some("Down"));
        let unexplained: Vec<&[String]> =
            verdict.unexplained.iter().map(|p| &p.rules[..]).collect();
        assert_eq!(
            unexplained,
            [
                &["Early".to_owned(), "Again".to_owned()][..],
                &["Other".to_owned()]
            ]
        );
        assert_eq!((verdict.pages, verdict.warnings), (3, 1));
    }

    #[test]
    fn an_incident_that_no_rule_sees_is_missed() {
        let verdict = judge(
            vec![fires("Later", "shop", 1600, Some(1700))],
            &[incident()],
        );
        assert_eq!(verdict.incidents[0].would_page, None);
        assert_eq!(verdict.unexplained.len(), 1);
    }
}
