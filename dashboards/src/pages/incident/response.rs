//! What the response cost: the three times, where they went, and proof that somebody was told.

use watchfire_alerts::{Delivery, DeliveryState, Incident};
use watchfire_schemas::Timestamp;

use crate::charts::{Svg, bar};
use crate::figures::{self, When};
use crate::pages::incidents::{Clocks, ResponseClock};

#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) definition: &'static str,
    pub(crate) state: &'static str,
}

#[derive(Debug)]
pub(crate) struct PhaseRow {
    pub(crate) name: String,
    pub(crate) seconds: String,
    pub(crate) bar: Svg,
}

#[derive(Debug)]
pub(crate) struct DeliveryRow {
    pub(crate) destination: String,
    pub(crate) action: String,
    pub(crate) state: &'static str,
    pub(crate) http_status: String,
    pub(crate) attempts: u32,
    pub(crate) at: When,
    pub(crate) took: String,
    pub(crate) error: String,
}

pub(super) fn response_figures(incident: &Incident, now: Timestamp) -> Vec<Figure> {
    let clocks = Clocks::of(incident, now);
    let figure = |name, clock: ResponseClock, definition| Figure {
        name,
        value: match clock {
            ResponseClock::Stopped(seconds) | ResponseClock::Running(seconds) => {
                figures::duration(seconds)
            }
            ResponseClock::NotStarted => "–".to_owned(),
        },
        definition,
        state: match clock {
            ResponseClock::Stopped(_) => "stopped",
            ResponseClock::Running(_) => "running",
            ResponseClock::NotStarted => "none",
        },
    };
    vec![
        figure("TTD", clocks.ttd, "to detect: detected − onset"),
        figure("TTA", clocks.tta, "to acknowledge: acknowledged − notified"),
        figure("TTR", clocks.ttr, "to recover: recovered − onset"),
    ]
}

pub(super) fn phase_rows(incident: &Incident) -> Vec<PhaseRow> {
    let start = incident.phases.iter().map(|phase| phase.from).min();
    let end = incident.phases.iter().map(|phase| phase.to).max();
    let (Some(start), Some(end)) = (start, end) else {
        return Vec::new();
    };
    let length = end.seconds_since(start).max(1e-9);
    let row = |phase: &watchfire_alerts::Phase| PhaseRow {
        name: match phase.name.as_str() {
            "data_delay" => "data on its way".to_owned(),
            "evaluation" => "until the rule ran".to_owned(),
            "hold" => "hold (for:)".to_owned(),
            other => other.replace('_', " "),
        },
        seconds: figures::duration(phase.seconds),
        bar: bar(
            phase.from.seconds_since(start) / length * 100.0,
            phase.to.seconds_since(phase.from) / length * 100.0,
            "phase-bar",
        ),
    };
    incident.phases.iter().map(row).collect()
}

pub(super) fn delivery_row(delivery: &Delivery, now: Timestamp) -> DeliveryRow {
    let at = delivery
        .delivered_at
        .or(delivery.last_attempt_at)
        .unwrap_or(delivery.queued_at);
    DeliveryRow {
        destination: delivery.destination.clone(),
        action: delivery.action.clone(),
        state: match delivery.state {
            DeliveryState::Queued => "queued",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Dead => "dead",
            DeliveryState::Dropped => "dropped",
        },
        http_status: delivery
            .http_status
            .map_or_else(|| "–".to_owned(), |status| status.to_string()),
        attempts: delivery.attempts,
        at: When::clock(at, now),
        took: figures::duration(at.seconds_since(delivery.queued_at)),
        error: delivery.error.clone().unwrap_or_default(),
    }
}
