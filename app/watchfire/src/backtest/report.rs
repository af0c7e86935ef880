//! The outcome of a backtest, as a table and as JSON.

use std::time::Duration;

use serde_json::json;
use watchfire_schemas::Timestamp;

use super::verdict::{Met, Verdict};

const WEEK: f64 = 7.0 * 86_400.0;

#[derive(Debug)]
pub(super) struct Report {
    pub range: (Timestamp, Timestamp),
    pub rules: usize,
    pub verdict: Verdict,
    pub notes: Vec<String>,
    pub took: Duration,
}

impl Report {
    fn pages_a_week(&self) -> f64 {
        self.verdict.pages as f64 / (self.range.1.seconds_since(self.range.0) / WEEK)
    }

    pub(super) fn print_json(&self) -> anyhow::Result<()> {
        let document = json!({
            "start": self.range.0,
            "end": self.range.1,
            "rules": self.rules,
            "incidents": self.verdict.incidents,
            "unexplained": self.verdict.unexplained,
            "pages": self.verdict.pages,
            "pages_per_week": self.pages_a_week(),
            "warnings": self.verdict.warnings,
            "notes": self.notes,
            "took_seconds": self.took.as_secs_f64(),
        });
        say(&serde_json::to_string_pretty(&document)?);
        Ok(())
    }

    pub(super) fn print(&self) {
        let Verdict {
            incidents,
            unexplained,
            pages,
            warnings,
        } = &self.verdict;
        say(&format!(
            "{} alerting rules from {} to {}",
            self.rules, self.range.0, self.range.1
        ));
        if !incidents.is_empty() {
            say(&format!(
                "\n{:30} {:>9} {:>9}  {:22} rule",
                "incident's onset", "detected", "rules", "verdict"
            ));
        }
        for met in incidents {
            say(&row(met));
        }
        if !unexplained.is_empty() {
            say("\npages outside of known incidents");
        }
        for page in unexplained {
            let until = page
                .until
                .map_or("now".to_owned(), |until| until.to_string());
            let service = page.service.as_deref().unwrap_or("-");
            say(&format!(
                "{} to {until}  {service}  {}",
                page.at,
                page.rules.join(", ")
            ));
        }
        let missed = incidents
            .iter()
            .filter(|met| met.would_page.is_none())
            .count();
        say(&format!(
            "\n{pages} pages, {:.1} a week; {} of {} incidents paged, {missed} missed; {} pages outside of incidents; {warnings} warnings",
            self.pages_a_week(),
            incidents.len() - missed,
            incidents.len(),
            unexplained.len(),
        ));
        for note in &self.notes {
            say(&format!("note: {note}"));
        }
        say(&format!("took {:.1} s", self.took.as_secs_f64()));
    }
}

fn row(met: &Met) -> String {
    let (rules, verdict) = match met.would_page {
        None => ("-".to_owned(), "missed".to_owned()),
        Some(seconds) => {
            let sooner = met.detected - seconds;
            let verdict = match sooner {
                _ if sooner.abs() < 0.5 => "as soon".to_owned(),
                _ if sooner > 0.0 => format!("{sooner:.0} s earlier"),
                _ => format!("{:.0} s later", -sooner),
            };
            (format!("{seconds:.0}"), verdict)
        }
    };
    let rule = met.rule.as_deref().unwrap_or("-");
    format!(
        "{:30} {:>9.0} {rules:>9}  {verdict:22} {rule}  ({})",
        met.onset.to_string(),
        met.detected,
        met.title
    )
}

fn say(line: &str) {
    #[expect(clippy::print_stdout, reason = "the outcome is what was asked for")]
    {
        println!("{line}");
    }
}
