//! Texts in which much varies: what a split keeps as shapes and numbers is found and comes back as
//! the tail has it.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use watchfire_logsearch::{Entry, EventStore};
use watchfire_schemas::{BatchSeq, LogRecord, RecordId};

use crate::store::{open, page, record, with};

/// More than a block of documents; the last one ends with a sample of where values begin.
const RECORDS: usize = 4_096 + 192;

/// Spreads numbers, so that neighbours have nothing in common.
fn mixed(n: usize, salt: u64) -> u64 {
    let n =
        (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xd6e8_feb8_6659);
    (n ^ n >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 7
}

/// Numbers with and without zeros in front, ids of all sorts, words with digits, other scripts.
fn message(n: usize) -> String {
    let pick = |salt| mixed(n, salt);
    let id = format!(
        "{:08x}-{:04x}-4e53-81a2-{:012x}",
        pick(1) as u32,
        pick(2) as u16,
        pick(3)
    );
    match n % 9 {
        0 => format!(
            "order {} took {}.{}ms",
            pick(1) % 100_000,
            pick(2) % 90,
            pick(3) % 10
        ),
        1 => format!(
            "user u{:05} from 10.0.{}.{}",
            pick(1) % 5_000,
            pick(2) % 256,
            pick(3) % 9
        ),
        2 => format!("Cart {id} flushed, rev {:08x}", pick(4) as u32),
        3 => format!(
            "block blk_-{} at {:02}:{:02}",
            pick(1),
            pick(2) % 24,
            pick(3) % 60
        ),
        4 => format!(
            "job{} x{:x}y{} größe{} 5→6",
            pick(1) % 7,
            pick(2) as u8,
            pick(3) % 3,
            pick(4) % 9
        ),
        5 => format!(
            "retry {} of 007 for {:07}",
            pick(1) % 3,
            pick(2) % 1_000_000
        ),
        6 => format!("\u{1}odd\u{5} {} \u{3}7", pick(1) % 50),
        7 => format!(
            "token {:x}Z{} deadbeef {}",
            pick(1),
            pick(2) % 10,
            "9".repeat(17 + n % 3)
        ),
        _ => "heartbeat 200".to_owned(),
    }
}

fn records() -> Vec<LogRecord> {
    let of = |n: usize| {
        let pick = |salt| mixed(n, salt);
        let nested = [
            json!([pick(7) % 1_000, format!("t{}", pick(8) % 500)]),
            json!({"b": pick(7) % 400, "c": [pick(8) % 9, {"d": "x1"}]}),
            json!(pick(9)),
            json!(pick(9) as f64 / 8.0),
            json!((pick(9) % 10_000) as f64 / 10.0),
            json!(n.is_multiple_of(2)),
            Value::Null,
        ];
        let attributes = json!({
            "user": format!("u{:05}", pick(5) % 3_000),
            "ip": format!("{}.{}.7.{}", pick(6) % 256, pick(7) % 256, pick(8) % 256),
            "http.route": format!("/orders/{}", pick(4) % 700),
            "mixed": nested[n % nested.len()],
            "floats": (pick(11) % 100_000) as f64 / 10.0,
            "big": pick(12) | 1 << 63,
        });
        let mut record = with(record((pick(10) % 500) as i64, &message(n)), &attributes);
        record.pattern_id = Some(format!("p{}", pick(13) % 600));
        record
    };
    (0..RECORDS).map(of).collect()
}

fn filled(dir: &std::path::Path, records: &[LogRecord]) -> Arc<EventStore> {
    let store = open(dir);
    for (batch, chunk) in (1..).zip(records.chunks(100)) {
        store.append(BatchSeq(batch), Entry::Logs(chunk.to_vec()));
    }
    store
}

/// A word, a beginning or a phrase of some text, or a test of an attribute that has such values.
fn query() -> impl Strategy<Value = String> {
    let words = |n: usize| {
        let text = message(n);
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let words = words.filter(|word| !word.is_empty()).map(str::to_owned);
        words.collect::<Vec<_>>()
    };
    let place = || (0..RECORDS, 0..8_usize, 1..6_usize);
    let word = place().prop_map(move |(n, at, _)| {
        let words = words(n);
        words[at % words.len()].clone()
    });
    let start = word.clone().prop_flat_map(|word| {
        let len = word.chars().count();
        (1..=len).prop_map(move |most| format!("{}*", word.chars().take(most).collect::<String>()))
    });
    let phrase = place().prop_map(move |(n, at, len)| {
        let words = words(n);
        let from = at % words.len();
        words[from..words.len().min(from + len)].join(" ")
    });
    let attribute = (0..RECORDS).prop_map(|n| {
        let records = mixed(n, 99) as usize % 11;
        let pick = |salt| mixed(n, salt);
        match records {
            0 => format!("user:u{:05}", pick(5) % 3_000),
            1 => format!("user:u{:03}*", pick(5) % 3_000 / 100),
            2 => format!("ip:{}.{}*", pick(6) % 256, pick(7) % 26),
            3 => format!("route:\"/orders/{}\"", pick(4) % 700),
            4 => format!("mixed:{}", pick(7) % 1_000),
            5 => format!("mixed.b:<{}", pick(7) % 400),
            6 => format!("floats:>={}", (pick(11) % 100_000) as f64 / 10.0),
            7 => format!("big:{}", pick(12) | 1 << 63),
            8 => "mixed.c.d:x1".to_owned(),
            9 => format!("mixed:t{}*", pick(8) % 50),
            _ => format!("pattern_id:p{}", pick(13) % 600),
        }
    });
    let leaf = prop_oneof![
        word,
        start,
        phrase.clone().prop_map(|phrase| format!("\"{phrase}\"")),
        phrase.prop_map(|phrase| format!("\"{phrase}\"*")),
        attribute,
    ];
    leaf.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|query| format!("-({query})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a}) or ({b})")),
        ]
    })
}

#[test]
fn what_varies_is_found_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let records = records();
    let tail = filled(&dir.path().join("tail"), &records);
    let sealed = filled(&dir.path().join("sealed"), &records);
    runtime.block_on(sealed.close());
    let stats = sealed.stats()[0].1;
    assert_eq!((stats.splits, stats.tail_records), (1, 0));
    let place = |id: RecordId| (id.batch().0 as usize - 1) * 100 + id.index();

    let mut runner = TestRunner::new(Config {
        cases: 100,
        ..Config::default()
    });
    let agreed = runner.run(&query(), |query| {
        let in_tail = runtime.block_on(page(&tail, &query));
        let in_split = runtime.block_on(page(&sealed, &query));
        let ids = |page: &watchfire_logsearch::LogPage| -> Vec<_> {
            page.records.iter().map(|record| record.id).collect()
        };
        let (expected, ids) = (ids(&in_tail), ids(&in_split));
        let differing: Vec<_> = BTreeSet::from_iter(&expected)
            .symmetric_difference(&BTreeSet::from_iter(&ids))
            .map(|id| &records[place(**id)])
            .collect();
        prop_assert!(differing.is_empty(), "{query}: {differing:?}");
        prop_assert_eq!(&ids, &expected, "{}", query);
        prop_assert_eq!(in_split.total, in_tail.total, "{}", query);
        for record in in_split.records.iter().take(40) {
            prop_assert_eq!(&record.record, &records[place(record.id)]);
        }
        Ok(())
    });
    if let Err(error) = agreed {
        panic!("{error}");
    }
    for (n, record) in records.iter().enumerate().step_by(7) {
        let id = RecordId::new(BatchSeq(n as u64 / 100 + 1), n % 100);
        let all = runtime.block_on(page(&sealed, &format!("id:{id}")));
        assert_eq!(all.records[0].record, *record);
        assert_eq!(all.total, 1);
    }
}
