use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use watchfire_schemas::{Timestamp, Violation};

/// Records that broke a contract of the policy `reject`. They are not kept, so what is known of
/// them is what is remembered here since start: counts by place, and the last few.
#[derive(Debug, Default)]
pub struct RefusedRecords(Mutex<BTreeMap<String, OfSchema>>);

/// One record that was refused.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedRecord {
    /// When it came.
    pub at: Timestamp,
    /// Whose it was.
    pub service: String,
    /// The first thing that is wrong with it.
    pub violation: Violation,
    /// The record as it was sent, cut if it is long.
    pub line: String,
}

#[derive(Debug, Default)]
struct OfSchema {
    by_path: BTreeMap<String, u64>,
    by_service: BTreeMap<String, u64>,
    last: VecDeque<RefusedRecord>,
}

impl RefusedRecords {
    /// How many are remembered of each schema.
    const LAST: usize = 20;
    /// How many places, and services, are told apart; the rest counts as one.
    const APART: usize = 100;
    const LINE: usize = 4 << 10;
    const OTHERS: &str = "(others)";

    pub(crate) fn remember(&self, schema: &str, mut record: RefusedRecord) {
        let end = (0..=Self::LINE.min(record.line.len()))
            .rev()
            .find(|at| record.line.is_char_boundary(*at));
        record.line.truncate(end.unwrap_or_default());
        let mut all = self.0.lock().expect("no holder of this lock panics");
        let of_schema = all.entry(schema.to_owned()).or_default();
        count(&mut of_schema.by_path, &record.violation.instance_path);
        count(&mut of_schema.by_service, &record.service);
        if of_schema.last.len() == Self::LAST {
            of_schema.last.pop_back();
        }
        of_schema.last.push_front(record);
    }

    /// How often each place was at fault.
    pub fn by_path(&self, schema: &str) -> Vec<(String, u64)> {
        let all = self.0.lock().expect("no holder of this lock panics");
        let by_path = all.get(schema).into_iter().flat_map(|one| &one.by_path);
        by_path
            .map(|(path, count)| (path.clone(), *count))
            .collect()
    }

    /// How often each service was refused.
    pub fn by_service(&self, schema: &str) -> Vec<(String, u64)> {
        let all = self.0.lock().expect("no holder of this lock panics");
        let by_service = all.get(schema).into_iter().flat_map(|one| &one.by_service);
        by_service
            .map(|(service, count)| (service.clone(), *count))
            .collect()
    }

    /// The last ones, newest first.
    pub fn last(&self, schema: &str) -> Vec<RefusedRecord> {
        let all = self.0.lock().expect("no holder of this lock panics");
        let last = all.get(schema).into_iter().flat_map(|one| &one.last);
        last.cloned().collect()
    }
}

fn count(counts: &mut BTreeMap<String, u64>, key: &str) {
    let has_room = counts.len() < RefusedRecords::APART || counts.contains_key(key);
    let key = if has_room {
        key
    } else {
        RefusedRecords::OTHERS
    };
    *counts.entry(key.to_owned()).or_default() += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_are_kept_and_places_are_bounded() {
        let refused = RefusedRecords::default();
        for n in 0..150_usize {
            let violation = Violation {
                instance_path: format!("/{n}"),
                schema_path: String::new(),
                message: String::new(),
            };
            let record = RefusedRecord {
                at: Timestamp::from_secs(n as i64),
                service: "s".to_owned(),
                violation,
                line: "é".repeat(RefusedRecords::LINE),
            };
            refused.remember("a.v1", record);
        }
        let last = refused.last("a.v1");
        assert_eq!((last.len(), last[0].at), (20, Timestamp::from_secs(149)));
        assert_eq!(last[0].line.len(), RefusedRecords::LINE);
        let by_path = refused.by_path("a.v1");
        assert_eq!(by_path.len(), RefusedRecords::APART + 1);
        assert_eq!(by_path.iter().map(|(_, count)| count).sum::<u64>(), 150);
        assert_eq!(refused.by_service("a.v1"), [("s".to_owned(), 150)]);
        assert!(refused.last("b.v1").is_empty());
    }
}
