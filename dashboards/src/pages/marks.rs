//! What else happened in a range, on its axis of time: incidents and changes.

use watchfire_alerts::{Alerts, Incident, StoreError};
use watchfire_schemas::{ChangeEvent, TimeRange};

use crate::charts::TimePlot;
use crate::range::Asked;
use crate::{chain, figures};

/// Incidents that are drawn.
const INCIDENTS: usize = 20;
/// Changes that are drawn; more are a hedge, not marks.
const CHANGES: usize = 40;

/// Incidents that overlap a range, and changes within it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks {
    pub(crate) incidents: Vec<Incident>,
    pub(crate) changes: Vec<ChangeEvent>,
}

impl Marks {
    pub(crate) async fn ask(alerts: &Alerts, range: TimeRange) -> Result<Self, StoreError> {
        let (incidents, changes) = tokio::try_join!(
            alerts.incidents(range, false, INCIDENTS),
            alerts.changes(range, None)
        )?;
        Ok(Self { incidents, changes })
    }

    /// Draws incidents as strokes along the head and changes as flags at the foot. Says how many
    /// changes there are.
    pub(crate) fn draw(&self, plot: &mut TimePlot, asked: &Asked) -> usize {
        let range = asked.range;
        for incident in &self.incidents {
            mark(plot, incident, asked);
        }
        let within = |change: &&ChangeEvent| range.start <= change.at && change.at <= range.end;
        let changes = self.changes.iter().filter(within).take(CHANGES);
        changes.map(|change| flag(plot, change)).count()
    }
}

fn mark(plot: &mut TimePlot, incident: &Incident, asked: &Asked) {
    let began = incident.onset.at.min(incident.detected_at);
    let over = incident.recovered_at.or(incident.resolved_at);
    let until = over.map_or_else(
        || "not over".to_owned(),
        |over| format!("until {}", figures::clock(over)),
    );
    let title = format!(
        "incident: {}\nfrom {}, {until}",
        incident.title,
        figures::clock(began)
    );
    let href = chain::incident(asked, &incident.id);
    plot.lasting(began, over.unwrap_or(asked.range.end), &title, &href);
}

/// A deploy or another change.
pub(super) fn flag(plot: &mut TimePlot, change: &ChangeEvent) {
    let version = change.version.as_deref().unwrap_or_default();
    let title = format!(
        "{} of {} {version} at {}: {}",
        change.kind.as_str(),
        change.service,
        figures::clock(change.at),
        change.summary
    );
    plot.flag(change.at, "change", &title);
}
