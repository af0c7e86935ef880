//! Texts that differ from each other as people's do: found in a split as in the tail, and by an
//! index of their words.

use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Runtime;
use watchfire_logsearch::{Entry, EventStore, LogSearch};
use watchfire_schemas::{BatchSeq, LogRecord, RecordId};

use crate::store::{asking, open, record};

const TEXTS: usize = 6_000;
const WORDS: [&str; 24] = [
    "the",
    "train",
    "to",
    "Zürich",
    "was",
    "late",
    "again",
    "my",
    "refund",
    "never",
    "came",
    "please",
    "answer",
    "before",
    "Friday",
    "größe",
    "seat",
    "reserved",
    "window",
    "платёж",
    "lost",
    "ticket",
    "train_42",
    "don't",
];

/// Always the same, as good as random.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }

    fn text(&mut self) -> String {
        let len = 3 + self.below(12);
        let mut words: Vec<String> = (0..len)
            .map(|_| WORDS[self.below(WORDS.len())].to_owned())
            .collect();
        match self.below(6) {
            0 => words.push(format!("order {}", self.below(900))),
            1 => words.push(format!("seat{} x", self.below(40))),
            2 => words.push("4bf92f35-77b3-4da6-a3ce-929d0e0e4736".to_owned()),
            3 => words.push(format!("{}.", "long".repeat(1 + self.below(60)))),
            _ => {}
        }
        words.join(if self.below(9) == 0 { ", " } else { " " })
    }
}

fn queries(dice: &mut Dice) -> Vec<String> {
    let mut queries: Vec<String> = [
        "order",
        "order 7*",
        "\"seat12 x\"",
        "lon*",
        "\"4da6 a3ce\"",
        "nothing",
        "*",
    ]
    .map(str::to_owned)
    .into();
    for _ in 0..60 {
        let text = dice.text();
        let words: Vec<&str> = text
            .split([' ', ','])
            .filter(|word| !word.is_empty())
            .collect();
        let from = dice.below(words.len());
        let phrase = words[from..words.len().min(from + 1 + dice.below(4))].join(" ");
        let start: String = phrase
            .chars()
            .take(1 + dice.below(phrase.chars().count()))
            .collect();
        queries.push(format!("\"{phrase}\""));
        queries.push(format!("\"{start}\"*"));
        queries.push(format!("message:\"{phrase}\" and not \"{}\"", words[0]));
    }
    queries
}

fn found(runtime: &Runtime, store: &Arc<EventStore>, query: &str) -> (u64, Vec<RecordId>) {
    let asked = LogSearch {
        limit: TEXTS,
        ..asking(query)
    };
    let page = runtime.block_on(store.search_logs(asked)).unwrap();
    (
        page.total,
        page.records.iter().map(|found| found.id).collect(),
    )
}

fn has_index(dir: &Path) -> bool {
    let splits = std::fs::read_dir(dir.join("logs")).unwrap().flatten();
    let names = splits.filter_map(|split| std::fs::read_dir(split.path()).ok());
    names.flatten().flatten().any(|name| name.path().is_dir())
}

#[test]
fn free_texts_are_found_by_an_index_of_their_words() {
    let runtime = Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(7);
    let records: Vec<LogRecord> = (0..TEXTS)
        .map(|n| record(n as i64 % 500, &dice.text()))
        .collect();
    let store = open(dir.path());
    for (batch, chunk) in (1..).zip(records.chunks(500)) {
        store.append(BatchSeq(batch), Entry::Logs(chunk.to_vec()));
    }
    let queries = queries(&mut dice);
    let in_tail: Vec<_> = queries
        .iter()
        .map(|query| found(&runtime, &store, query))
        .collect();
    assert!(!has_index(dir.path()));
    runtime.block_on(store.close());
    drop(store);
    assert!(has_index(dir.path()), "so many texts have an index");
    let store = open(dir.path());
    for (query, expected) in queries.iter().zip(in_tail) {
        let sealed = found(&runtime, &store, query);
        assert_eq!(sealed, expected, "{query}");
    }
}
