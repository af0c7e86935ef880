//! Sample data: a busy evening, an empty house, and input from somebody who means harm.

mod alerts;
mod exceptions;
mod house;
mod incident_facts;
mod incidents;
mod network;
mod records;
mod reliability;
mod responses;
mod schemas;
mod series;
mod span_figures;
mod spans;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;
use watchfire_alerts::*;
use watchfire_logsearch::*;
use watchfire_schemas::*;
use watchfire_tsdb::{
    Annotations, ExemplarSeries, InstantSample, QueryAnswer, QueryError, QueryValue, RangeSeries,
    TsdbCardinality, TsdbStats,
};

use crate::ask::{Call, ServiceRed};
use crate::console::{DiskLimit, DiskUse, InboxEntry, IngestReport};
use crate::facts;
use crate::pages::explore::{answers, browser, state};
use crate::pages::marks::Marks;
use crate::pages::overview::lately as overview_lately;
use crate::pages::{
    exception, incident as incident_page, logs, service, services, status, trace, traces,
};
pub(crate) use alerts::*;
pub(crate) use exceptions::*;
pub(crate) use house::*;
pub(crate) use incident_facts::*;
pub(crate) use incidents::*;
pub(crate) use network::*;
pub(crate) use records::*;
pub(crate) use reliability::*;
pub(crate) use responses::*;
pub(crate) use schemas::*;
pub(crate) use series::*;
pub(crate) use span_figures::*;
pub(crate) use spans::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Full,
    Empty,
    Hostile,
}

pub(crate) const SCRIPT: &str = "<script>alert(1)</script>";

pub(crate) fn now() -> Timestamp {
    "2026-11-22T03:14:07.25Z".parse().unwrap()
}

/// So many seconds before now.
fn ago(seconds: f64) -> Timestamp {
    now() - Duration::from_secs_f64(seconds)
}

/// A name that closes every bracket it could stand in, or the plain one.
fn name(mood: Mood, plain: &str) -> String {
    match mood {
        Mood::Hostile => format!("{plain}\"'><img src=x onerror=alert(1)>{SCRIPT}\u{202e}gnp.exe"),
        _ => plain.to_owned(),
    }
}

fn message(mood: Mood, plain: &str) -> String {
    match mood {
        Mood::Hostile => format!(
            "{} مرحبا بالعالم {} {}",
            name(mood, plain),
            "x".repeat(10_000),
            "\n".repeat(50)
        ),
        _ => plain.to_owned(),
    }
}

pub(crate) fn query(mood: Mood) -> String {
    match mood {
        Mood::Full => {
            "service.name:content -http.route:/health severity:(ERROR or WARN)".to_owned()
        }
        Mood::Empty => String::new(),
        Mood::Hostile => format!("\"{SCRIPT}\" message:\"<img src=x onerror=alert(1)>\""),
    }
}
