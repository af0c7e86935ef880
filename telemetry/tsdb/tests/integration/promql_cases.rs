//! Cases of PromQL as data files in `cases/`.
//!
//! A file is a list of blocks. `load STEP` is followed by series, each with the values of its
//! samples: a number, `A+BxN` (A, then N more, each B above the last), `_` for none, `stale`.
//! `eval T EXPR` and `eval FROM..TO STEP EXPR` are followed by the expected series, one a line;
//! `fail T EXPR` by a part of the message. Times are seconds after the first sample. `#` begins a
//! comment. Each `load` begins with an empty store.

use std::fs;
use std::path::Path;
use std::time::Duration;

use watchfire_schemas::{LabelSet, Sample, Temporality, Timestamp};
use watchfire_tsdb::{Config, QueryOptions, QueryValue, RangeSeries, Selector};

use crate::store::{START, Store, samples};

/// How far a value may be off, relatively.
const TOLERANCE: f64 = 1e-9;

#[test]
fn expressions_give_what_the_language_says() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/cases");
    let mut cases = 0;
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        cases += run(
            &path.display().to_string(),
            &fs::read_to_string(&path).unwrap(),
        );
    }
    assert!(cases > 150, "only {cases} cases");
}

fn run(file: &str, text: &str) -> usize {
    let lines: Vec<_> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .collect();
    let mut blocks = lines
        .chunk_by(|_, (_, next)| next.starts_with(' '))
        .peekable();
    let mut store: Option<(tempfile::TempDir, Store)> = None;
    let mut cases = 0;
    for block in &mut blocks {
        let place = format!("{file}:{}", block[0].0 + 1);
        let body: Vec<&str> = block[1..].iter().map(|(_, line)| line.trim()).collect();
        let (verb, rest) = block[0].1.split_once(' ').expect("a block has a verb");
        if verb == "load" {
            store = Some(load(rest.parse().expect("a step"), &body));
            continue;
        }
        let (_, store) = store.as_ref().expect("a load comes first");
        check(&place, store, verb, rest, &body);
        cases += 1;
    }
    cases
}

fn load(step: i64, series: &[&str]) -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), Config::default());
    store.at(7 * 86_400);
    for line in series {
        let (labels, values) = split_series(line);
        let points: Vec<(i64, f64)> = values
            .split_whitespace()
            .flat_map(expand)
            .enumerate()
            .filter_map(|(i, value)| Some((i as i64 * step, value?)))
            .collect();
        store.append(&[samples(labels, Temporality::Cumulative, &points)]);
    }
    (dir, store)
}

/// `A+BxN`, `AxN`, `_`, `_xN`, `stale` or a number.
fn expand(text: &str) -> Vec<Option<f64>> {
    let (value, times) = match text.rsplit_once('x') {
        Some((value, times)) => (value, times.parse::<usize>().expect("a count")),
        None => (text, 0),
    };
    match value {
        "_" => return vec![None; times.max(1)],
        "stale" => return vec![Some(f64::from_bits(0x7ff0_0000_0000_0002))],
        _ => {}
    }
    let split = value[1..].find(['+', '-']).map(|at| value.split_at(at + 1));
    let is_exponent = |first: &str| first.ends_with('e');
    let (first, by) = match split {
        Some((first, by)) if !is_exponent(first) => (first, by.parse().expect("an increment")),
        _ => (value, 0.0),
    };
    let first: f64 = first.parse().expect("a value");
    (0..=times).map(|i| Some(first + by * i as f64)).collect()
}

fn split_series(line: &str) -> (LabelSet, &str) {
    let end = line
        .find('}')
        .map_or_else(|| line.find(' '), |at| Some(at + 1));
    let (selector, values) = line.split_at(end.expect("values follow the series"));
    (labels_of(selector), values.trim())
}

/// Reads labels written as a selector with nothing but `=`.
fn labels_of(text: &str) -> LabelSet {
    let (name, rest) = text.split_once('{').unwrap_or((text, "}"));
    let pairs = rest
        .trim_end_matches('}')
        .split(',')
        .filter(|pair| !pair.is_empty());
    let labels = LabelSet::metric(
        name,
        pairs.map(|pair| {
            let (name, value) = pair.split_once('=').expect("name=\"value\"");
            (
                name.trim().to_owned(),
                value.trim().trim_matches('"').to_owned(),
            )
        }),
    );
    assert!(name.is_empty() || Selector::parse(name).is_ok(), "{text}");
    labels
}

fn check(place: &str, store: &Store, verb: &str, rest: &str, expected: &[&str]) {
    let (times, expr) = rest.split_once(' ').expect("times and an expression");
    if let Some((from, to)) = times.split_once("..") {
        let (step, expr) = expr.split_once(' ').expect("a step and an expression");
        let (from, to) = (at(from), at(to));
        let step = Duration::from_secs(step.parse().expect("a step"));
        let found = store
            .tsdb
            .query_range(expr, from, to, step, &QueryOptions::default());
        let found = found.unwrap_or_else(|error| panic!("{place}: {error}"));
        return compare_ranges(place, &found.value, expected, from, to, step);
    }
    let found = store.tsdb.query(expr, at(times), &QueryOptions::default());
    let found = found.map(|answer| answer.value);
    match (verb, found) {
        ("fail", Err(error)) => {
            let text = error.to_string();
            assert!(text.contains(expected[0]), "{place}: {text}");
        }
        ("eval", Ok(QueryValue::Scalar(sample))) => {
            let value: f64 = expected[0].parse().expect("a number");
            assert!(same(sample.v, value), "{place}: {}", sample.v);
        }
        ("eval", Ok(QueryValue::Vector(found))) => {
            let found: Vec<_> = found.into_iter().map(|s| (s.labels, s.sample)).collect();
            compare(place, expr, found, expected);
        }
        (_, found) => panic!("{place}: {found:?}"),
    }
}

fn at(seconds: &str) -> Timestamp {
    let seconds: f64 = seconds.parse().expect("a time");
    Timestamp::from_millis(START * 1000 + (seconds * 1000.0) as i64)
}

fn compare(place: &str, expr: &str, mut found: Vec<(LabelSet, Sample)>, expected: &[&str]) {
    let mut wanted: Vec<(LabelSet, f64)> = expected
        .iter()
        .map(|line| {
            let (labels, value) = split_series(line);
            (labels, value.parse().expect("a value"))
        })
        .collect();
    if !expr.starts_with("sort") && !expr.starts_with("topk") && !expr.starts_with("bottomk") {
        found.sort_by(|a, b| a.0.cmp(&b.0));
        wanted.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let agrees = found.len() == wanted.len()
        && found
            .iter()
            .zip(&wanted)
            .all(|(f, w)| f.0 == w.0 && same(f.1.v, w.1));
    assert!(
        agrees,
        "{place}: {expr}\nfound {found:#?}\nwanted {wanted:#?}"
    );
}

fn compare_ranges(
    place: &str,
    found: &[RangeSeries],
    expected: &[&str],
    from: Timestamp,
    to: Timestamp,
    step: Duration,
) {
    let steps = to.since(from).as_secs() / step.as_secs() + 1;
    assert_eq!(found.len(), expected.len(), "{place}: {found:#?}");
    for line in expected {
        let (labels, values) = split_series(line);
        let series = found.iter().find(|one| one.labels == labels);
        let series = series.unwrap_or_else(|| panic!("{place}: no {labels} in {found:#?}"));
        let wanted: Vec<_> = values.split_whitespace().flat_map(expand).collect();
        assert_eq!(wanted.len() as u64, steps, "{place}: a value for each step");
        for (i, wanted) in wanted.into_iter().enumerate() {
            let t = from.millis() + i as i64 * step.as_millis() as i64;
            let value = series.samples.iter().find(|s| s.t == t).map(|s| s.v);
            let agrees = match (value, wanted) {
                (Some(value), Some(wanted)) => same(value, wanted),
                (value, wanted) => value.is_none() && wanted.is_none(),
            };
            assert!(
                agrees,
                "{place}: {labels} at step {i}: {value:?}, not {wanted:?}"
            );
        }
    }
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits()
        || a.is_nan() && b.is_nan()
        || a.is_infinite() && b.is_infinite() && a.signum() * b.signum() > 0.0
        || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1e-3)
}
