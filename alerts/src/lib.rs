//! Rules, alert states, exception groups, incidents, response times, notification.

mod alert_state;
mod facade;
mod migrations;
mod model;
mod notification;
mod notify;
pub mod onset;
mod outbox;
mod rules;
mod signals;

pub use facade::{ActError, Alerts, Config, OpenError, StoreError, http_router};
pub use model::{
    AlertInstance, AlertState, Delivery, DeliveryState, DestinationStatus, ExceptionGroup,
    GroupStatus, Incident, IncidentException, IncidentStatus, Onset, OnsetEvidence, OnsetMethod,
    OnsetSource, Phase, ReliabilityReport, ResponseSummary, ResponseTimes, RuleStatus,
    TimelineEntry, TimelineKind,
};
pub use notify::{DestinationConfig, Secret};
pub use rules::{RulesError, check_rules};
pub use signals::{SignalError, SignalSeries, Signals};
