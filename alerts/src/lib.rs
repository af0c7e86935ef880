//! Rules, alert states, exception groups, incidents, response times, notification.

mod acts;
mod alert_series;
mod alert_state;
mod alert_store;
mod alertmanagers;
mod backtest;
mod changes;
mod dating;
mod delivery_acts;
mod delivery_feedback;
mod evaluation;
mod exception_groups;
mod facade;
mod heartbeat;
mod hooks;
mod http;
mod incident;
mod migrations;
mod model;
mod notification;
mod notify;
pub mod onset;
mod outbox;
mod receivers;
mod reliability;
mod response_times;
mod routing;
mod rule_tests;
mod rules;
mod runbooks;
mod signals;
mod silence_preview;
mod slo;

pub use acts::{Actor, Channel, HumanAct};
pub use backtest::{Backtest, Replay, WouldFire};
pub use evaluation::{ReloadError, Reloaded};
pub use exception_groups::{
    GroupAct, GroupEvent, GroupLogEntry, GroupRelease, IgnoredUntil, Resolution, ResolveIn, Triage,
};
pub use facade::{ActError, Alerts, Config, OpenError, StoreError};
pub use hooks::{HookSecrets, hooks_router};
pub use http::http_router;
pub use incident::{
    AlertJoin, Cause, CauseKind, IncidentFilter, IncidentLink, JoinReason, SimilarIncident,
};
pub use model::{
    AlertInstance, AlertState, Delivery, DeliveryState, DestinationStatus, ExceptionGroup,
    GroupStatus, Incident, IncidentException, IncidentStatus, Onset, OnsetEvidence, OnsetMethod,
    OnsetSource, Phase, ResponseTimes, RuleKind, RuleStatus, TimelineEntry, TimelineKind,
};
pub use notify::{DestinationConfig, MailboxConfig, Means, Secret};
pub use reliability::{
    Curve, Dora, DoraKeys, Frequency, Grouping, KaplanMeier, MeasureComparison, MeasuredIncident,
    MeasuredPhase, Period, PeriodComparison, PhaseTotal, Reliability, ReliabilityReport,
    ResponseSummary, Scope, Share, StratifiedRatio, SurvivalPoint, TrendMeasure, TrendStep,
    Warning, WarningKind, WorstPhase,
};
pub use response_times::{Measure, Reading};
pub use routing::{
    AlertmanagerConfig, AlertmanagerFile, NewSilence, RoutingError, Silence, SilenceError,
    SilenceMatcher, SilenceState, Suppression, check_alertmanager, labels_of,
};
pub use rule_tests::{RuleTestOutcome, RuleTests, TestBench};
pub use rules::{Comparison as RuleComparison, RuleFinding, Weight, check_rules, comparisons};
pub use signals::{SampleSink, SignalError, SignalSeries, Signals, SinkError};
pub use silence_preview::{silence_matchers, written_matchers};
pub use slo::{
    CompiledSlos, OwnSlo, OwnSloError, SloPeriod, check_slos, compile_own_slos, compile_slos,
};
