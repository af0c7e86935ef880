//! Response times over many incidents: how long failures go unseen and unrepaired, which part of that
//! is whose, and whether it got better.
//!
//! An incident belongs to the period in which it began. Those that are warnings only are left out,
//! save where incidents are told apart by severity: nobody was to be woken for them, and how soon a
//! warning came says nothing of how soon failures are found.

mod asked;
mod case;
mod compare;
mod cumulative;
mod dora;
mod lead_time;
mod ledger;
mod measured;
mod meters;
mod of_incidents;
mod phases;
mod question;
mod report;
mod statistics;
mod summary;
mod trend;
mod warnings;

pub use compare::{MeasureComparison, Period, PeriodComparison, StratifiedRatio};
pub use dora::{Dora, DoraKeys, Share};
pub use measured::{MeasuredIncident, MeasuredPhase};
pub use phases::{PhaseTotal, WorstPhase};
pub use question::{Grouping, Scope};
pub use report::{Frequency, Reliability, ReliabilityReport};
pub use summary::{Curve, KaplanMeier, ResponseSummary, SurvivalPoint};
pub use trend::{TrendMeasure, TrendStep};
pub use warnings::{Warning, WarningKind};

pub(crate) use ledger::Ledger;
pub(crate) use meters::ResponseMeters;
