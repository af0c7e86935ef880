//! `/status`: how Watchfire itself is doing. What is lost, late or full is said first.

pub(crate) mod series;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use tokio::task::spawn_blocking;
use watchfire_alerts::DestinationStatus;
use watchfire_logsearch::DatasetStats;
use watchfire_schemas::Timestamp;
use watchfire_tsdb::{QueryAnswer, QueryValue, Tsdb};

use self::series::{SeriesFound, SeriesView};
use super::alerts::DestinationRow;
use super::{Page, render};
use crate::console::{DiskLimit, DiskUse, InboxEntry, IngestReport};
use crate::figures::{self, When};
use crate::shell::{House, Shell};
use crate::{Console, ask};

/// A source that has been silent for so long is said to be quiet.
const QUIET_SECONDS: f64 = 120.0;

#[derive(Debug)]
pub(crate) struct SourceRow {
    pub(crate) service: String,
    pub(crate) receiver: String,
    pub(crate) signal: String,
    pub(crate) accepted: String,
    pub(crate) last: When,
    pub(crate) is_quiet: bool,
}

#[derive(Debug)]
pub(crate) struct InboxRow {
    pub(crate) at: When,
    pub(crate) path: String,
    pub(crate) title: String,
    pub(crate) body: String,
}

#[derive(Debug, Template)]
#[template(path = "status.html")]
pub(crate) struct Status {
    pub(crate) shell: Shell,
    pub(crate) figures: Vec<(&'static str, String, String)>,
    pub(crate) sources: Vec<SourceRow>,
    pub(crate) drops: Vec<(String, String)>,
    pub(crate) datasets: Vec<(&'static str, [String; 7])>,
    pub(crate) series: SeriesView,
    pub(crate) down_href: String,
    /// (signal, accepted, sources, last)
    pub(crate) signals: Vec<(String, String, String, When)>,
    pub(crate) disk: Vec<(String, String)>,
    pub(crate) destinations: Vec<DestinationRow>,
    pub(crate) inbox: Vec<InboxRow>,
}

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) ingest: IngestReport,
    pub(crate) disk: Vec<DiskUse>,
    pub(crate) disk_limit: DiskLimit,
    pub(crate) datasets: Vec<(&'static str, DatasetStats)>,
    pub(crate) series: SeriesFound,
    pub(crate) destinations: Vec<DestinationStatus>,
    pub(crate) inbox: Vec<InboxEntry>,
    /// Violations per minute.
    pub(crate) quarantine_rate: f64,
    pub(crate) version: &'static str,
    pub(crate) started_at: Timestamp,
}

pub(crate) async fn page(State(console): State<Console>) -> Page {
    let house = House::ask(&console).await;
    let mut shell = Shell::new(&house, "/status", "Status").live(10);
    let expr = "sum(rate(schema_violations_total[5m])) * 60";
    let (status, tsdb) = (Arc::clone(&console.status), Arc::clone(&console.tsdb));
    // One walks through folders, the other may wait for a cut of blocks.
    let sizes = spawn_blocking(move || (status.disk(), sizes(&tsdb)));
    let appended = "sum(rate(watchfire_tsdb_appended_samples_total[2m]))";
    let (rate, appended, targets, down, destinations, sizes) = tokio::join!(
        ask::instant(&console, expr, house.now),
        ask::instant(&console, appended, house.now),
        ask::instant(&console, "count(up)", house.now),
        ask::instant(&console, "up == 0", house.now),
        console.alerts.destinations(),
        sizes,
    );
    let (disk, mut series) = sizes.unwrap_or_default();
    series.rate = shell.take("the rate of samples", appended.map(number));
    let targets = shell.take("targets", targets.map(number));
    series.targets = targets.unwrap_or(0.0) as usize;
    let down = down.map(|answer| match answer.value {
        QueryValue::Vector(samples) => samples.into_iter().map(|one| one.labels).collect(),
        _ => Vec::new(),
    });
    series.down = shell.take("targets that are down", down);
    let rate = rate.map(|answer| number(answer).unwrap_or(0.0));
    let found = Found {
        quarantine_rate: shell.take("the quarantine rate", rate),
        destinations: shell.take("destinations", destinations),
        ingest: console.status.ingest(),
        disk,
        disk_limit: console.status.disk_limit(),
        datasets: console.events.stats().to_vec(),
        series,
        inbox: console.status.inbox(),
        version: console.status.version(),
        started_at: console.status.started_at(),
    };
    render(&view(shell, house.now, &found))
}

/// What the store knows of itself.
fn sizes(tsdb: &Tsdb) -> SeriesFound {
    SeriesFound {
        stats: tsdb.stats(),
        cardinality: tsdb.cardinality(),
        refused: tsdb.refusals(),
        ..SeriesFound::default()
    }
}

/// The number of an answer that is one.
fn number(answer: QueryAnswer<QueryValue>) -> Option<f64> {
    match answer.value {
        QueryValue::Vector(samples) => samples.first().map(|sample| sample.sample.v),
        _ => None,
    }
}

pub(crate) fn view(mut shell: Shell, now: Timestamp, found: &Found) -> Status {
    shell.notices.extend(series::warnings(&found.series));
    shell.notices.extend(series::limited(&found.ingest.limited));
    let up = now.seconds_since(found.started_at).max(0.0);
    Status {
        shell,
        signals: series::by_signal(&found.ingest.sources, now),
        down_href: series::down_href(),
        figures: headline_figures(now, found),
        sources: found
            .ingest
            .sources
            .iter()
            .map(|source| source_row(source, now))
            .collect(),
        drops: found
            .ingest
            .drops
            .iter()
            .map(|(reason, count)| (reason.replace('_', " "), figures::count(*count)))
            .collect(),
        datasets: found
            .datasets
            .iter()
            .map(|(name, stats)| (*name, dataset_row(stats)))
            .collect(),
        series: series::view(&found.series, up),
        disk: found
            .disk
            .iter()
            .map(|part| (part.what.clone(), figures::bytes(part.bytes)))
            .collect(),
        destinations: found
            .destinations
            .iter()
            .map(|status| DestinationRow::of(status, now))
            .collect(),
        inbox: found
            .inbox
            .iter()
            .take(20)
            .map(|entry| inbox_row(entry, now))
            .collect(),
    }
}

/// What must be seen first: what is lost, late or full.
fn headline_figures(now: Timestamp, found: &Found) -> Vec<(&'static str, String, String)> {
    let ingest = &found.ingest;
    let disk: u64 = found.disk.iter().map(|part| part.bytes).sum();
    let newest = ingest.sources.iter().map(|source| source.4).max();
    let share = ingest.memory_used as f64 / (ingest.memory_budget.max(1)) as f64;
    vec![
        (
            "Lost",
            figures::count(ingest.lost()),
            match ingest.dead_letters {
                0 => "dropped or refused since start, by reason below".to_owned(),
                1 => "1 batch lies aside in wal/dead-letters, it could not be applied".to_owned(),
                many => format!(
                    "{many} batches lie aside in wal/dead-letters, they could not be applied"
                ),
            },
        ),
        (
            "Quarantined",
            format!("{}/min", figures::short(found.quarantine_rate)),
            "lines that broke their contract".to_owned(),
        ),
        (
            "Newest record",
            newest.map_or_else(
                || "none".to_owned(),
                |newest| When::ago(newest, now).text().to_owned(),
            ),
            format!(
                "all searchable; a restart would read {} batches again from the log",
                figures::count(ingest.batches_behind)
            ),
        ),
        (
            "Memory",
            figures::percent(share),
            format!(
                "{} of {}",
                figures::bytes(ingest.memory_used),
                figures::bytes(ingest.memory_budget)
            ),
        ),
        (
            "Disk",
            figures::bytes(disk),
            disk_note(&found.disk_limit, ingest.wal_bytes),
        ),
        (
            "Up",
            figures::duration(now.seconds_since(found.started_at).max(0.0)),
            format!("version {}", found.version),
        ),
    ]
}

fn disk_note(limit: &DiskLimit, wal_bytes: u64) -> String {
    let wal = figures::bytes(wal_bytes);
    let (allowed, free) = (figures::bytes(limit.allowed), figures::bytes(limit.free));
    let end = if limit.is_short {
        "; nothing is left to drop, and it is still too much"
    } else {
        ""
    };
    format!(
        "of {allowed} that may be used, {free} free; {wal} of it write-ahead log. \
         The oldest records are dropped before it is full{end}"
    )
}

fn source_row(
    (receiver, signal, service, accepted, last): &(String, String, String, u64, Timestamp),
    now: Timestamp,
) -> SourceRow {
    SourceRow {
        service: service.clone(),
        receiver: receiver.clone(),
        signal: signal.clone(),
        accepted: figures::count(*accepted),
        last: When::ago(*last, now),
        is_quiet: now.seconds_since(*last) > QUIET_SECONDS,
    }
}

fn dataset_row(stats: &DatasetStats) -> [String; 7] {
    [
        figures::count(stats.splits as u64),
        figures::count(stats.split_records),
        figures::bytes(stats.split_bytes),
        figures::count(stats.tail_records),
        figures::bytes(stats.tail_bytes),
        figures::count(stats.expired_records),
        figures::count(stats.evicted_records),
    ]
}

fn inbox_row(entry: &InboxEntry, now: Timestamp) -> InboxRow {
    let body = serde_json::to_string_pretty(&entry.body).unwrap_or_default();
    let first = |pointers: &[&str]| {
        let found = pointers
            .iter()
            .find_map(|pointer| entry.body.pointer(pointer)?.as_str());
        found.map(str::to_owned)
    };
    let action = first(&["/event_action", "/status"]);
    let summary = first(&[
        "/payload/summary",
        "/text",
        "/commonAnnotations/summary",
        "/title",
    ]);
    let parts: Vec<String> = [action, summary].into_iter().flatten().collect();
    InboxRow {
        at: When::clock(entry.at, now),
        path: entry.path.clone(),
        title: figures::cut(&parts.join(": "), 200).0.to_owned(),
        body: figures::cut(&body, 16_000).0.to_owned(),
    }
}
