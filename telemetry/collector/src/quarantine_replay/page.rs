use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use watchfire_logsearch::{EventStore, FoundLog, LogSearch};
use watchfire_schemas::{
    LogRecord, RecordId, ReplayFailure, ReplayRequest, TimeRange, Timestamp, contract_keys,
};

use crate::Refusal;
use crate::admission::{CUT, Fault, Verdict};
use crate::contracts::Held;
use crate::intake::Intake;

/// One page of the quarantine after another.
#[derive(Debug)]
pub(super) struct PageReplay<'a> {
    pub(super) intake: &'a Arc<Intake>,
    pub(super) events: &'a Arc<EventStore>,
    pub(super) request: &'a ReplayRequest,
}

/// What became of one page.
#[derive(Debug, Default)]
pub(super) struct PageOutcome {
    pub(super) total: u64,
    pub(super) examined: u64,
    pub(super) replayed: u64,
    pub(super) already_replayed: u64,
    pub(super) failing: u64,
    pub(super) cut: u64,
    pub(super) failures: Vec<ReplayFailure>,
    /// Where the next page begins.
    pub(super) next: Option<String>,
}

/// A line that passes now, and its place in the quarantine.
type Passing = (RecordId, LogRecord);

/// What a page's lines are now.
#[derive(Debug, Default)]
struct Judged {
    passing: Vec<Passing>,
    failing: Vec<(RecordId, Fault)>,
}

impl PageReplay<'_> {
    /// How many failures a report tells of.
    pub(super) const MOST_FAILURES: usize = 20;
    const PAGE: usize = 200;
    const DEADLINE: Duration = Duration::from_secs(30);
    /// How often a page that the collector has no room for is tried again.
    const TRIES: u32 = 60;

    /// Judges the page at the cursor, and takes what passes.
    pub(super) async fn next(&self, cursor: Option<String>) -> Result<PageOutcome, String> {
        let search = LogSearch {
            query: self.query(),
            range: self.request.range,
            limit: Self::PAGE,
            cursor,
            deadline: Self::DEADLINE,
        };
        let page = self.events.search_quarantine(search).await;
        let page = page.map_err(|error| format!("the quarantine could not be read: {error}"))?;
        if page.partial && page.next.is_none() {
            return Err("the quarantine could not be read in time".to_owned());
        }
        let mut outcome = PageOutcome {
            total: page.total,
            examined: page.records.len() as u64,
            next: page.next,
            ..PageOutcome::default()
        };
        let (cut, whole): (Vec<FoundLog>, Vec<FoundLog>) = page
            .records
            .into_iter()
            .partition(|found| found.record.attributes.contains_key(CUT));
        outcome.cut = cut.len() as u64;
        let judged = self.judge(whole).await?;
        outcome.failing = judged.failing.len() as u64;
        outcome.failures = judged
            .failing
            .iter()
            .take(Self::MOST_FAILURES)
            .map(|(id, fault)| failure(*id, fault))
            .collect();
        let known = self.replayed_before(&judged.passing).await?;
        let mut passing = judged.passing;
        passing.retain(|(id, _)| !known.contains(&id.to_string()));
        outcome.already_replayed = known.len() as u64;
        outcome.replayed = passing.len() as u64;
        if !self.request.dry_run && !passing.is_empty() {
            self.take(passing).await?;
        }
        Ok(outcome)
    }

    fn query(&self) -> String {
        let mut clauses = Vec::new();
        let request = self.request;
        if let Some(schema) = &request.schema {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            let says_version = schema.rsplit_once(".v").is_some_and(|(_, version)| {
                version.starts_with(|first: char| first.is_ascii_digit())
            });
            clauses.push(if says_version || !schema.bytes().all(is_plain) {
                format!("quarantine.schema:{}", quoted(schema))
            } else {
                format!("quarantine.schema:{schema}.v*")
            });
        }
        if let Some(service) = &request.service {
            clauses.push(format!("service:{}", quoted(service)));
        }
        if let Some(path) = &request.path {
            clauses.push(format!("quarantine.path:{}", quoted(path)));
        }
        clauses.join(" and ")
    }

    async fn judge(&self, lines: Vec<FoundLog>) -> Result<Judged, String> {
        let arrival = self.intake.arrival("replay");
        let judge = move |intake: &Intake| {
            let held = Held::new(&intake.admission, arrival);
            let mut judged = Judged::default();
            for found in lines {
                match held.line(found.record.message.as_bytes()) {
                    Verdict::Accepted(record) => judged.passing.push((found.id, record)),
                    Verdict::Quarantined(_, fault) | Verdict::Rejected(_, fault) => {
                        judged.failing.push((found.id, fault));
                    }
                }
            }
            judged
        };
        let judged = self.intake.compute(judge).await;
        judged.map_err(|refusal| refusal.to_string())
    }

    /// Which of the lines are records already, by the marks that records carry.
    async fn replayed_before(&self, passing: &[Passing]) -> Result<BTreeSet<String>, String> {
        let times = || passing.iter().map(|(_, record)| record.timestamp);
        let (Some(start), Some(last)) = (times().min(), times().max()) else {
            return Ok(BTreeSet::new());
        };
        let ids: Vec<String> = passing
            .iter()
            .map(|(id, _)| quoted(&id.to_string()))
            .collect();
        let search = LogSearch {
            query: format!("{}:({})", contract_keys::REPLAY_OF, ids.join(" or ")),
            range: TimeRange {
                start,
                end: Timestamp::from_nanos(last.nanos().saturating_add(1)),
            },
            limit: passing.len(),
            cursor: None,
            deadline: Self::DEADLINE,
        };
        let page = self.events.search_logs(search).await;
        let page = page.map_err(|error| format!("the logs could not be read: {error}"))?;
        // A half answer would make records twice.
        if page.partial {
            return Err("the logs could not be read in time".to_owned());
        }
        let marks = page.records.iter().filter_map(|found| {
            let mark = found.record.attributes.get(contract_keys::REPLAY_OF);
            mark.and_then(Value::as_str).map(str::to_owned)
        });
        Ok(marks.collect())
    }

    /// Makes the lines records, on disk and searchable, or fails.
    async fn take(&self, passing: Vec<Passing>) -> Result<(), String> {
        let arrival = self.intake.arrival("replay");
        let mut tries = 0;
        loop {
            let marked = passing.clone().into_iter().map(|(id, mut record)| {
                let mark = (contract_keys::REPLAY_OF.to_owned(), id.to_string().into());
                record.attributes.extend([mark]);
                (0, Verdict::Accepted(record))
            });
            let prepared = self.intake.admission.judged(marked, arrival);
            let taken = match self.intake.budget.check() {
                Ok(()) => self.intake.commit(prepared).await.map(drop),
                Err(refusal) => Err(refusal),
            };
            tries += 1;
            match taken {
                Ok(()) => return Ok(()),
                Err(Refusal::Stopping) => return Err(Refusal::Stopping.to_string()),
                Err(refusal) if tries == Self::TRIES => return Err(refusal.to_string()),
                Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
    }
}

fn failure(id: RecordId, fault: &Fault) -> ReplayFailure {
    let (path, message) = fault.first();
    ReplayFailure {
        id: id.to_string(),
        schema: fault.schema.to_string(),
        path: path.to_owned(),
        message: message.to_owned(),
    }
}

/// A text as the query language quotes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push('"');
    quoted
}
