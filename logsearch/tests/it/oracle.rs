//! Tail, splits and a naive reading of the query agree about every record.

mod answers;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use watchfire_logsearch::{Entry, EventStore};
use watchfire_schemas::{BatchSeq, Exception, LogRecord, RecordId, SeverityRange, Timestamp};

use crate::store::{NOON, open, page, record, with};

const WORDS: [&str; 8] = [
    "disk",
    "Disk",
    "disk-full",
    "full",
    "über",
    "1.5",
    "full_disk",
    "di",
];
const KEYS: [&str; 3] = ["a", "a.b", "route"];
const TRACES: [&str; 3] = [
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "00000000000000000000000000000001",
    "ffffffffffffffffffffffffffffffff",
];
const SERVICES: [&str; 3] = ["pay", "pay-out", "Pay"];

fn values() -> [Value; 14] {
    [
        json!(5),
        json!("5"),
        json!(5.0),
        json!(5.5),
        json!(-3),
        json!(true),
        json!("true"),
        json!("disk"),
        json!(["disk", 7, {"b": 5}]),
        json!(u64::MAX),
        json!(9_007_199_254_740_993_i64),
        json!(1e300),
        json!(null),
        json!(""),
    ]
}

/// A query whose meaning is told here once more, as plainly as can be.
#[derive(Debug, Clone)]
enum Asked {
    Phrase(Vec<&'static str>),
    Prefix(&'static str),
    InMessage(&'static str),
    Service(&'static str),
    AtLeast(SeverityRange),
    Is(&'static str, &'static str),
    StartsWith(&'static str, &'static str),
    Above(&'static str, f64),
    /// From the first, which is one of them, to before the second.
    From(&'static str, f64, f64),
    OneOf(&'static str, [&'static str; 2]),
    PhraseStart(&'static str, &'static str),
    Trace(&'static str),
    HasTrace,
    Since(i64),
    Everything,
    Has(&'static str),
    Not(Box<Asked>),
    And(Box<Asked>, Box<Asked>),
    Or(Box<Asked>, Box<Asked>),
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phrase(words) => write!(f, "\"{}\"", words.join(" ")),
            Self::Prefix(word) => write!(f, "{word}*"),
            Self::InMessage(word) => write!(f, "message:{word}"),
            Self::Service(service) => write!(f, "service:{service}"),
            Self::AtLeast(severity) => write!(f, "severity:>={severity}"),
            Self::Is(key, value) => write!(f, "{key}:\"{value}\""),
            Self::StartsWith(key, value) => write!(f, "{key}:{value}*"),
            Self::Above(key, number) => write!(f, "{key} > {number}"),
            Self::From(key, low, high) => write!(f, "@{key}:[{low} TO {high}}}"),
            Self::OneOf(key, [a, b]) => write!(f, "{key}:(\"{a}\" || \"{b}\")"),
            Self::PhraseStart(word, start) => write!(f, "\"{word} {start}\"*"),
            Self::Trace(id) => write!(f, "trace_id:{id}"),
            Self::HasTrace => write!(f, "traceId:*"),
            Self::Since(seconds) => write!(f, "timestamp:>={}", at(*seconds)),
            Self::Everything => write!(f, "*:*"),
            Self::Has(key) => write!(f, "{key}:*"),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::And(a, b) => write!(f, "({a}) ({b})"),
            Self::Or(a, b) => write!(f, "({a}) or ({b})"),
        }
    }
}

impl Asked {
    fn means(&self, record: &LogRecord) -> bool {
        match self {
            Self::Phrase(words) => texts(record)
                .iter()
                .any(|text| holds(text, &words.join(" "), false)),
            Self::Prefix(word) => texts(record).iter().any(|text| holds(text, word, true)),
            Self::InMessage(word) => holds(&record.message, word, false),
            Self::Service(service) => record.service == *service,
            Self::AtLeast(severity) => record.severity.range() >= *severity,
            Self::Is(key, value) => scalars(record, key).iter().any(|scalar| match scalar {
                Value::String(text) => text == value,
                Value::Bool(b) => b.to_string() == *value,
                // A field with a column of its own holds texts: 5.0 is kept as 5.
                number if *key == "route" => {
                    let whole = number
                        .as_f64()
                        .filter(|n| n.fract() == 0.0 && n.abs() < 1e15);
                    let digits = whole.map_or(number.to_string(), |n| format!("{n}"));
                    digits == *value
                }
                // By float and by digits: neither alone tells large integers and 5.0 rightly.
                number => {
                    let digits = number.to_string();
                    let by_digits = digits == *value;
                    let exact = number.as_f64().is_some_and(|n| n.abs() < 1e15);
                    by_digits || exact && value.parse().ok() == number.as_f64()
                }
            }),
            Self::StartsWith(key, start) => {
                scalars(record, key).iter().any(|scalar| match scalar {
                    Value::String(text) => text.starts_with(start),
                    // A field with a column of its own holds texts only.
                    other if *key == "route" => other.to_string().starts_with(start),
                    _ => false,
                })
            }
            Self::Above(key, number) => {
                *key != "route"
                    && scalars(record, key)
                        .iter()
                        .any(|scalar| scalar.as_f64().is_some_and(|n| n > *number))
            }
            Self::From(key, low, high) => {
                *key != "route"
                    && scalars(record, key)
                        .iter()
                        .any(|scalar| scalar.as_f64().is_some_and(|n| *low <= n && n < *high))
            }
            Self::OneOf(key, values) => values
                .iter()
                .any(|value| Self::Is(key, value).means(record)),
            Self::PhraseStart(word, start) => texts(record)
                .iter()
                .any(|text| holds(text, &format!("{word} {start}"), true)),
            Self::Trace(id) => record.trace_id.is_some_and(|own| own.to_string() == *id),
            Self::HasTrace => record.trace_id.is_some(),
            Self::Since(seconds) => record.timestamp >= at(*seconds),
            Self::Everything => true,
            Self::Has(key) => !scalars(record, key).is_empty(),
            Self::Not(inner) => !inner.means(record),
            Self::And(a, b) => a.means(record) && b.means(record),
            Self::Or(a, b) => a.means(record) || b.means(record),
        }
    }
}

fn at(seconds: i64) -> Timestamp {
    NOON + Duration::from_secs(seconds as u64)
}

fn texts(record: &LogRecord) -> Vec<&str> {
    let exception = record
        .exception
        .iter()
        .flat_map(|e| [&e.kind, &e.message, &e.stacktrace]);
    [&record.message]
        .into_iter()
        .chain(exception)
        .map(String::as_str)
        .collect()
}

fn cut(text: &str) -> Vec<String> {
    let words = text
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

fn holds(text: &str, phrase: &str, prefix: bool) -> bool {
    let (text, phrase) = (cut(text), cut(phrase));
    text.windows(phrase.len()).any(|window| {
        let mut pairs = window.iter().zip(&phrase).rev();
        let last = pairs.next().is_some_and(|(word, asked)| {
            word == asked || prefix && word.starts_with(asked.as_str())
        });
        last && pairs.all(|(word, asked)| word == asked)
    })
}

fn scalars(record: &LogRecord, key: &str) -> Vec<Value> {
    let key = if key == "route" { "http.route" } else { key };
    let mut found = Vec::new();
    for (name, value) in &record.attributes {
        each(name, value, &mut |path, scalar| {
            if path == key {
                found.push(scalar.clone());
            }
        });
    }
    found
}

fn each(path: &str, value: &Value, found: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Null => {}
        Value::Array(elements) => elements
            .iter()
            .for_each(|element| each(path, element, found)),
        Value::Object(members) => {
            members
                .iter()
                .for_each(|(name, member)| each(&format!("{path}.{name}"), member, found));
        }
        scalar => found(path, scalar),
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    let word = || prop::sample::select(WORDS.to_vec());
    let key = || prop::sample::select(KEYS.to_vec());
    let literals = vec![
        "5",
        "5.5",
        "5.0",
        "true",
        "disk",
        "18446744073709551615",
        "9007199254740993",
        "",
        "-3",
    ];
    let literals_again = literals.clone();
    let leaf = prop_oneof![
        prop::collection::vec(word(), 1..3).prop_map(Asked::Phrase),
        prop::sample::select(vec!["d", "dis", "disk-f", "ü", "1.", "full_d", "x"]).prop_map(
            |start| {
                if start == "1." {
                    Asked::Phrase(vec!["1"])
                } else {
                    Asked::Prefix(start)
                }
            }
        ),
        word().prop_map(Asked::InMessage),
        prop::sample::select(SERVICES.to_vec()).prop_map(Asked::Service),
        prop::sample::select(SeverityRange::ALL.to_vec()).prop_map(Asked::AtLeast),
        (key(), prop::sample::select(literals)).prop_map(|(key, value)| Asked::Is(key, value)),
        (key(), prop::sample::select(vec!["d", "5", "tr"]))
            .prop_map(|(key, value)| Asked::StartsWith(key, value)),
        (
            key(),
            prop::sample::select(vec![-4.0, 4.5, 5.0, 6.5, 1e18, 1e20])
        )
            .prop_map(|(key, n)| Asked::Above(key, n)),
        key().prop_map(Asked::Has),
        (
            key(),
            prop::sample::select(vec![-3.0, 5.0]),
            prop::sample::select(vec![5.0, 5.5, 1e300])
        )
            .prop_map(|(key, low, high)| Asked::From(key, low, high)),
        (
            key(),
            prop::sample::select(literals_again),
            prop::sample::select(vec!["5", "disk"])
        )
            .prop_map(|(key, a, b)| Asked::OneOf(key, [a, b])),
        (word(), prop::sample::select(vec!["d", "full", "über", "x"]))
            .prop_map(|(word, start)| Asked::PhraseStart(word, start)),
        other_leaf(),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        let pair = || {
            (
                inner.clone().prop_map(Box::new),
                inner.clone().prop_map(Box::new),
            )
        };
        prop_oneof![
            inner.clone().prop_map(|asked| Asked::Not(Box::new(asked))),
            pair().prop_map(|(a, b)| Asked::And(a, b)),
            pair().prop_map(|(a, b)| Asked::Or(a, b)),
        ]
    })
}

fn other_leaf() -> impl Strategy<Value = Asked> {
    prop_oneof![
        prop::sample::select(TRACES.to_vec()).prop_map(Asked::Trace),
        Just(Asked::HasTrace),
        Just(Asked::Everything),
        (0..9_i64).prop_map(Asked::Since),
    ]
}

/// Records that use up the small vocabulary in ever other combinations.
fn records() -> Vec<LogRecord> {
    let values = values();
    (0..240_usize)
        .map(|n| {
            let pick = |salt: usize| (n * 2_654_435_761 + salt * 40_503) >> 7;
            let words: Vec<_> = (0..pick(1) % 5)
                .map(|i| WORDS[pick(i + 2) % WORDS.len()])
                .collect();
            let mut attributes = serde_json::Map::new();
            for (index, key) in ["a", "a.b", "http.route"].into_iter().enumerate() {
                if pick(index + 20) % 3 > 0 {
                    attributes.insert(
                        key.to_owned(),
                        values[pick(index + 30) % values.len()].clone(),
                    );
                }
            }
            let counted = [
                json!(1),
                json!(2),
                json!(2.5),
                json!("two"),
                json!([1, 2, 2]),
                json!(true),
            ];
            if pick(90) % 4 > 0 {
                attributes.insert("n".to_owned(), counted[pick(91) % 6].clone());
            }
            let mut record = with(
                record((pick(40) % 9) as i64, &words.join(" ")),
                &Value::Object(attributes),
            );
            record.severity = SeverityRange::ALL[pick(50) % 6].number();
            SERVICES[pick(60) % 3].clone_into(&mut record.service);
            // The third one is in no record.
            record.trace_id = TRACES[..2]
                .get(pick(100) % 4)
                .and_then(|id| id.parse().ok());
            record.exception = (pick(70) % 4 == 0).then(|| Exception {
                kind: "io.DiskError".to_owned(),
                message: WORDS[pick(80) % WORDS.len()].to_owned(),
                stacktrace: String::new(),
            });
            record
        })
        .collect()
}

/// The id that [`filled`] gives the record at that place.
fn id(index: usize) -> RecordId {
    RecordId::new(BatchSeq(index as u64 / 10 + 1), index % 10)
}

/// A store with the records of every other batch in splits and the rest in the tail, as far as the
/// order of batches allows: the first `sealed` ones are.
async fn filled(dir: &std::path::Path, records: &[LogRecord], sealed: usize) -> Arc<EventStore> {
    let store = open(dir);
    for (batch, chunk) in (1..).zip(records.chunks(10)) {
        store.append(BatchSeq(batch), Entry::Logs(chunk.to_vec()));
        if batch as usize * 10 == sealed / 2 || batch as usize * 10 == sealed {
            store.close().await;
        }
    }
    store
}

/// Two stores that together hold every record once in the tail and once in a split.
type Stores = [(Arc<EventStore>, Vec<LogRecord>); 2];

fn stores() -> (tempfile::TempDir, Runtime, Stores) {
    let dir = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let forward = records();
    let backward: Vec<_> = forward.iter().rev().cloned().collect();
    let stores = runtime.block_on(async {
        [
            (
                filled(&dir.path().join("forward"), &forward, 120).await,
                forward,
            ),
            (
                filled(&dir.path().join("backward"), &backward, 120).await,
                backward,
            ),
        ]
    });
    for (store, _) in &stores {
        let stats = store.stats()[0].1;
        assert_eq!(
            (stats.splits, stats.split_records, stats.tail_records),
            (2, 120, 120)
        );
    }
    (dir, runtime, stores)
}

#[test]
fn tail_splits_and_oracle_agree() {
    let (_dir, runtime, stores) = stores();
    let mut runner = TestRunner::new(Config {
        cases: 400,
        ..Config::default()
    });
    let agreed = runner.run(&asked(), |asked| {
        for (store, records) in &stores {
            let page = runtime.block_on(page(store, &asked.to_string()));
            let place =
                |id: watchfire_schemas::RecordId| (id.batch().0 as usize - 1) * 10 + id.index();
            let found: BTreeSet<_> = page.records.iter().map(|found| place(found.id)).collect();
            let expected: BTreeSet<_> = (0..records.len())
                .filter(|index| asked.means(&records[*index]))
                .collect();
            let differing: Vec<_> = found
                .symmetric_difference(&expected)
                .map(|n| (n, &records[*n]))
                .collect();
            prop_assert!(differing.is_empty(), "{asked}: {differing:?}");
            prop_assert_eq!(page.total as usize, expected.len());
            let key = |found: &watchfire_logsearch::FoundLog| (found.record.timestamp, found.id);
            let in_order = page.records.is_sorted_by(|a, b| key(a) > key(b));
            prop_assert!(in_order, "newest first");
        }
        Ok(())
    });
    if let Err(error) = agreed {
        panic!("{error}");
    }
}
