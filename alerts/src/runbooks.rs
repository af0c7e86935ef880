//! What to do about each alert of the default pack. The annotation `runbook_url` leads to the page that
//! shows it.

use crate::Alerts;

/// Name of the alert, and Markdown.
type Runbook = (&'static str, &'static str);

macro_rules! runbook {
    ($name:literal) => {
        ($name, include_str!(concat!("../runbooks/", $name, ".md")))
    };
}

/// Sorted by name.
const RUNBOOKS: [Runbook; 36] = [
    runbook!("CertificateAboutToExpire"),
    runbook!("CertificateExpiring"),
    runbook!("DependencyDown"),
    runbook!("DependencyUnreachable"),
    runbook!("DiskAlmostFull"),
    runbook!("DiskFull"),
    runbook!("ErrorBudgetBurn"),
    runbook!("ErrorShareRaised"),
    runbook!("ExceptionRateChanged"),
    runbook!("ExceptionRegressed"),
    runbook!("ExceptionSurge"),
    runbook!("IngestSilence"),
    runbook!("JobDown"),
    runbook!("LatencyShift"),
    runbook!("MemoryAlmostUsed"),
    runbook!("NewException"),
    runbook!("OperationDown"),
    runbook!("OperationFailing"),
    runbook!("ProbeFailing"),
    runbook!("RareOperationFailing"),
    runbook!("SchemaViolations"),
    runbook!("SloBudgetBurn"),
    runbook!("TargetDown"),
    runbook!("TrafficLoss"),
    runbook!("Watchdog"),
    runbook!("WatchfireClockSkew"),
    runbook!("WatchfireDeliveryFailing"),
    runbook!("WatchfireDeliveryLate"),
    runbook!("WatchfireDiskShareUsed"),
    runbook!("WatchfireDropsTelemetry"),
    runbook!("WatchfireHeartbeatFailing"),
    runbook!("WatchfireLogGrows"),
    runbook!("WatchfireNotificationLost"),
    runbook!("WatchfireRuleFailing"),
    runbook!("WatchfireRulesLate"),
    runbook!("WatchfireStateNotKept"),
];

impl Alerts {
    /// The runbook of an alert that ships with Watchfire, as Markdown.
    pub fn runbook(alert: &str) -> Option<&'static str> {
        let found = RUNBOOKS.iter().find(|(name, _)| *name == alert);
        found.map(|(_, text)| *text)
    }

    /// The alerts that have one.
    pub fn runbooks() -> impl Iterator<Item = &'static str> {
        RUNBOOKS.iter().map(|(name, _)| *name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rules::{Rule, read_rules};

    #[test]
    fn every_alert_that_ships_has_a_runbook_and_says_where() {
        let (file, text) = Alerts::default_rules();
        let groups = read_rules(&file, &text).unwrap();
        let mut named = BTreeSet::from(["SloBudgetBurn".to_owned()]);
        for rule in groups.iter().flat_map(|group| &group.rules) {
            let Rule::Alerting(alert) = rule else {
                continue;
            };
            for annotation in ["summary", "description", "console", "runbook_url"] {
                let text = alert.annotations.get(annotation);
                assert!(text.is_some(), "{} has no {annotation}", alert.name);
            }
            let leads = format!("/runbooks/{}", alert.name);
            let url = alert.annotations.get("runbook_url").unwrap();
            assert!(url.ends_with(&leads), "{url}");
            named.insert(alert.name.clone());
        }
        let written: BTreeSet<String> = Alerts::runbooks().map(str::to_owned).collect();
        assert_eq!(written, named);
        for name in &written {
            let text = Alerts::runbook(name).unwrap();
            assert!(text.starts_with(&format!("# {name}\n")), "{name}");
            assert!(text.contains("## Look first"), "{name}");
        }
    }
}
