use std::time::Duration;

use watchfire_schemas::LabelSet;

use super::file::AlertTestText;
use crate::AlertInstance;
use crate::rules::written_duration;

/// Which alerts of a name should fire at a time.
#[derive(Debug)]
pub(super) struct AlertTest {
    pub at: Duration,
    pub alertname: String,
    expected: Vec<Told>,
}

/// What is told of an alert: its labels and its annotations.
type Told = (LabelSet, LabelSet);

impl AlertTest {
    pub(super) fn read(text: AlertTestText) -> Result<Self, String> {
        let (at, alertname) = (text.eval_time, text.alertname);
        if alertname.is_empty() {
            return Err(format!(
                "an item under alert_rule_test misses required attribute alertname at eval_time {}",
                written_duration(at)
            ));
        }
        let expected = text.exp_alerts.unwrap_or_default().into_iter();
        let mut expected: Vec<Told> = expected
            .map(|alert| {
                let labels = LabelSet::new(alert.exp_labels.unwrap_or_default());
                let annotations = alert.exp_annotations.unwrap_or_default();
                (
                    labels.with("alertname", &alertname),
                    LabelSet::new(annotations),
                )
            })
            .collect();
        expected.sort();
        Ok(Self {
            at,
            alertname,
            expected,
        })
    }

    /// What differs.
    pub(super) fn failure(&self, test: &str, firing: &[AlertInstance]) -> Option<String> {
        let firing = firing.iter();
        let mut found: Vec<Told> = firing
            .map(|alert| (alert.labels.clone(), alert.annotations.clone()))
            .collect();
        found.sort();
        if found == self.expected {
            return None;
        }
        let name = if test.is_empty() {
            String::new()
        } else {
            format!("    name: {test},\n")
        };
        Some(format!(
            "{name}    alertname: {}, time: {}, \n        exp:{}, \n        got:{}",
            self.alertname,
            written_duration(self.at),
            list(&self.expected),
            list(&found)
        ))
    }
}

fn list(alerts: &[Told]) -> String {
    if alerts.is_empty() {
        return "[]".to_owned();
    }
    let indent = " ".repeat(12);
    let alerts: Vec<String> = alerts
        .iter()
        .enumerate()
        .map(|(at, (labels, annotations))| {
            format!("{indent}{at}:\n{indent}  Labels:{labels}\n{indent}  Annotations:{annotations}")
        })
        .collect();
    format!("[\n{}\n{indent}]", alerts.join(",\n"))
}
