//! What else is asked of the records of a query agrees with a naive count, too.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use watchfire_logsearch::{
    ContextBy, ContextSearch, EventStore, LogTableSearch, TailEvent, ValueSearch,
};
use watchfire_schemas::{LogRecord, TimeRange};

use super::{Arc, Asked, asked, at, scalars, stores};

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn counts_steps_values_and_fields_agree_with_the_oracle() {
    let (_dir, runtime, stores) = stores();
    let mut runner = TestRunner::new(Config {
        cases: 150,
        ..Config::default()
    });
    let agreed = runner.run(&asked(), |asked| {
        for (store, records) in &stores {
            let meant: Vec<_> = records.iter().filter(|r| asked.means(r)).collect();
            runtime.block_on(async {
                bars(store, &asked, &meant).await?;
                tables(store, &asked, &meant).await?;
                values(store, &asked, &meant).await?;
                fields(store, &asked, &meant).await
            })?;
        }
        Ok(())
    });
    if let Err(error) = agreed {
        panic!("{error}");
    }
}

/// The histogram holds every record of the query, each in its step.
async fn bars(
    store: &Arc<EventStore>,
    asked: &Asked,
    meant: &[&LogRecord],
) -> Result<(), TestCaseError> {
    for step in [Duration::from_secs(2), Duration::from_mins(1)] {
        let range = TimeRange {
            start: at(0),
            end: at(7),
        };
        let bars = store.log_histogram(asked.to_string(), range, step, PATIENCE);
        let bars = bars.await.unwrap().bars;
        for bar in &bars {
            let is_in = |r: &&&LogRecord| {
                range.contains(r.timestamp) && r.timestamp.floor(step) == bar.start
            };
            let mut counts = [0; 6];
            for record in meant.iter().filter(is_in) {
                counts[record.severity.range() as usize] += 1;
            }
            prop_assert_eq!(bar.counts, counts, "{} at {}", asked, bar.start);
        }
        let total: u64 = bars.iter().flat_map(|bar| bar.counts).sum();
        let inside = meant.iter().filter(|r| range.contains(r.timestamp));
        prop_assert_eq!(total as usize, inside.count(), "{}", asked);
    }
    Ok(())
}

async fn rows(store: &Arc<EventStore>, query: String) -> (Vec<Vec<Value>>, u64) {
    let search = LogTableSearch {
        query,
        range: TimeRange::ALL,
        limit: 1_000,
        deadline: PATIENCE,
    };
    let table = store.log_table(search).await.unwrap();
    assert!(!table.partial && table.error == 0);
    (table.rows, table.records)
}

/// One of each value, by its JSON text; `5.0` is told as `5`.
fn distinct(record: &LogRecord, key: &str) -> Vec<String> {
    let mut found: Vec<_> = scalars(record, key).iter().map(Value::to_string).collect();
    found.sort();
    found.dedup();
    found
}

/// Every row has another key, so a map says the same.
fn keyed(rows: &[Vec<Value>]) -> BTreeMap<String, u64> {
    rows.iter()
        .map(|row| {
            let (count, key) = row.split_last().unwrap();
            let key: Vec<_> = key.iter().map(Value::to_string).collect();
            (key.join(" "), count.as_u64().unwrap())
        })
        .collect()
}

async fn tables(
    store: &Arc<EventStore>,
    asked: &Asked,
    meant: &[&LogRecord],
) -> Result<(), TestCaseError> {
    let (by_both, records) = rows(store, format!("{asked} | count by service, severity")).await;
    prop_assert_eq!(records as usize, meant.len(), "{}", asked);
    let mut expected = BTreeMap::new();
    for record in meant {
        let (service, severity) = (
            json!(record.service),
            json!(record.severity.range().as_str()),
        );
        *expected.entry(format!("{service} {severity}")).or_insert(0) += 1;
    }
    prop_assert_eq!(keyed(&by_both), expected, "{}", asked);

    let (by_n, _) = rows(store, format!("{asked} | count by n, trace_id")).await;
    let mut expected = BTreeMap::new();
    for record in meant {
        let trace = record
            .trace_id
            .map_or(Value::Null, |id| json!(id.to_string()));
        let mut values = distinct(record, "n");
        if values.is_empty() {
            values.push("null".to_owned());
        }
        for value in values {
            *expected.entry(format!("{value} {trace}")).or_insert(0) += 1;
        }
    }
    prop_assert_eq!(keyed(&by_n), expected, "{}", asked);

    let (steps, _) = rows(store, format!("{asked} | hist n by 2")).await;
    let numbers = |record: &&LogRecord| -> Vec<f64> {
        scalars(record, "n")
            .iter()
            .filter_map(Value::as_f64)
            .collect()
    };
    for step in [0.0, 2.0] {
        let is_in = |n: &f64| (step..step + 2.0).contains(n);
        let count = meant.iter().flat_map(numbers).filter(is_in).count();
        let found = steps.iter().find(|row| row[0].as_f64() == Some(step));
        let found = found.map_or(0, |row| row[1].as_u64().unwrap());
        prop_assert_eq!(found as usize, count, "{} from {}", asked, step);
    }
    Ok(())
}

async fn values(
    store: &Arc<EventStore>,
    asked: &Asked,
    meant: &[&LogRecord],
) -> Result<(), TestCaseError> {
    let search = ValueSearch {
        query: asked.to_string(),
        range: TimeRange::ALL,
        field: "n".to_owned(),
        limit: 2,
        deadline: PATIENCE,
    };
    let found = store.field_values(search).await.unwrap();
    let mut counts = BTreeMap::new();
    for value in meant.iter().flat_map(|record| distinct(record, "n")) {
        *counts
            .entry(value.trim_matches('"').to_owned())
            .or_insert(0_u64) += 1;
    }
    let mut ranked: Vec<_> = counts.into_iter().collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    ranked.truncate(2);
    let found: Vec<_> = found
        .values
        .into_iter()
        .map(|v| (v.value, v.count))
        .collect();
    prop_assert_eq!(found, ranked, "{}", asked);
    Ok(())
}

async fn fields(
    store: &Arc<EventStore>,
    asked: &Asked,
    meant: &[&LogRecord],
) -> Result<(), TestCaseError> {
    let list = store.log_fields(asked.to_string(), TimeRange::ALL, PATIENCE);
    let list = list.await.unwrap();
    prop_assert!(!list.sampled && !list.partial);
    prop_assert_eq!(list.records as usize, meant.len(), "{}", asked);
    for name in ["n", "a", "a.b", "http.route"] {
        let have = meant.iter().filter(|r| !scalars(r, name).is_empty());
        let found = list.fields.iter().find(|field| field.name == name);
        let found = found.map_or(0, |field| field.records);
        prop_assert_eq!(found as usize, have.count(), "{}: {}", asked, name);
    }
    let traced = meant.iter().filter(|r| r.trace_id.is_some()).count();
    let found = list.fields.iter().find(|field| field.name == "trace_id");
    prop_assert_eq!(found.map_or(0, |field| field.records) as usize, traced);
    Ok(())
}

/// What a live tail gives of records as they arrive is what the query means.
#[tokio::test]
async fn a_live_tail_tells_what_the_oracle_means() {
    let dir = tempfile::tempdir().unwrap();
    let store = crate::store::open(dir.path());
    // As many as may be told at once, whatever the rate.
    let records = super::records()[..150].to_vec();
    let mut runner = TestRunner::deterministic();
    let mut tails = Vec::new();
    for _ in 0..30 {
        let asked = asked().new_tree(&mut runner).unwrap().current();
        let tail = store.log_tail(asked.to_string()).await.unwrap();
        tails.push((asked, tail));
    }
    crate::store::append_each(&store, 1, records.clone());
    for (asked, mut tail) in tails {
        let expected = records.iter().filter(|r| asked.means(r)).cloned();
        let expected: Vec<LogRecord> = expected.collect();
        let mut found = Vec::new();
        while found.len() < expected.len() {
            let next = tokio::time::timeout(PATIENCE, tail.next()).await;
            let TailEvent { records, skipped } = next.unwrap().unwrap();
            assert_eq!(skipped, 0, "{asked}");
            found.extend(records.into_iter().map(|found| found.record));
        }
        assert_eq!(found, expected, "{asked}");
    }
}

/// The neighbours that share the service are those that a search for it finds.
#[test]
fn the_context_of_any_record_agrees_with_the_oracle() {
    let (_dir, runtime, stores) = stores();
    for (store, records) in &stores {
        for middle in (0..records.len()).step_by(17) {
            let place = |n: usize| (records[n].timestamp, n);
            let mut same: Vec<_> = (0..records.len())
                .filter(|n| records[*n].service == records[middle].service)
                .collect();
            same.sort_by_key(|n| place(*n));
            let at = same.iter().position(|n| *n == middle).unwrap();
            let search = ContextSearch {
                id: super::id(middle),
                time: records[middle].timestamp,
                by: ContextBy::Service,
                before: 9,
                after: 9,
                deadline: PATIENCE,
            };
            let context = runtime.block_on(store.log_context(search)).unwrap();
            let names = |of: &[usize]| -> Vec<_> { of.iter().map(|n| super::id(*n)).collect() };
            let before: Vec<_> = context.before.iter().map(|found| found.id).collect();
            assert_eq!(before, names(&same[at.saturating_sub(9)..at]));
            let after: Vec<_> = context.after.iter().map(|found| found.id).collect();
            assert_eq!(after, names(&same[at + 1..(at + 10).min(same.len())]));
        }
    }
}
