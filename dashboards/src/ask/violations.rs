//! Who broke a contract, where and how often. Counts come from the series that all policies write,
//! places and samples from the records themselves.

use watchfire_logsearch::{FieldValue, FoundLog, LogSearch, QueryError, ValueSearch};
use watchfire_schemas::{SchemaPolicy, TimeRange, Timestamp, contract_keys, locate};
use watchfire_tsdb::QueryError as SeriesError;

use super::DEADLINE;
use crate::contracts::Rejected;
use crate::range::Asked;
use crate::{Console, query_text};

/// How many places, services and samples are told of one schema.
const TOP: usize = 10;
const SAMPLES: usize = 5;

/// What is known of one version of a schema.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Violations {
    pub(crate) total: u64,
    /// Most frequent first.
    pub(crate) paths: Vec<(String, u64)>,
    pub(crate) services: Vec<(String, u64)>,
    /// Newest first.
    pub(crate) samples: Vec<Sample>,
}

/// A record that broke a contract.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    /// Its id, if it is kept.
    pub(crate) id: Option<String>,
    pub(crate) at: Timestamp,
    pub(crate) service: String,
    pub(crate) path: String,
    pub(crate) message: String,
    /// As it came.
    pub(crate) line: String,
}

impl Sample {
    /// The text of the value at fault.
    pub(crate) fn value(&self) -> Option<&str> {
        let range = locate(&self.line, &self.path).filter(|_| !self.path.is_empty())?;
        self.line.get(range)
    }
}

/// The counter of one schema.
pub(crate) fn selector(schema: &str) -> String {
    format!("schema_violations_total{{schema={schema:?}}}")
}

/// How often each of some schemas was broken, bin by bin, in their order.
pub(crate) async fn trends(
    console: &Console,
    ids: &[String],
    asked: &Asked,
    bins: usize,
) -> Result<Vec<Vec<f64>>, SeriesError> {
    let selectors = ids.iter().map(|id| selector(id)).collect();
    super::growth(console, selectors, asked.range, bins).await
}

/// Everything about one version, by where its policy puts what breaks it. `None`: the contract of
/// a log line, which has no other policy than quarantine.
pub(crate) async fn of(
    console: &Console,
    id: &str,
    policy: Option<SchemaPolicy>,
    asked: &Asked,
) -> Result<Violations, QueryError> {
    match policy {
        Some(SchemaPolicy::Reject) => {
            let mut found = rejected(console, id);
            // A policy that was another before has left lines behind.
            found.add(quarantined(console, id, asked).await?);
            Ok(found)
        }
        Some(SchemaPolicy::Warn) => {
            let mut found = warned(console, id, asked).await?;
            found.add(quarantined(console, id, asked).await?);
            Ok(found)
        }
        Some(SchemaPolicy::Quarantine) | None => quarantined(console, id, asked).await,
    }
}

async fn quarantined(console: &Console, id: &str, asked: &Asked) -> Result<Violations, QueryError> {
    let query = query_text::term("quarantine.schema", id);
    let values = |field: &str| {
        let asked = value_search(&query, asked.range, field);
        console.events.quarantined_values(asked)
    };
    let paths = values("quarantine.path").await?.values;
    let services = values("service").await?.values;
    let page = console
        .events
        .search_quarantine(search(&query, asked.range))
        .await?;
    Ok(Violations {
        total: page.total,
        paths: pairs(paths),
        services: pairs(services),
        samples: page
            .records
            .into_iter()
            .map(|found| sample(found, "quarantine.path", "quarantine.message"))
            .collect(),
    })
}

async fn warned(console: &Console, id: &str, asked: &Asked) -> Result<Violations, QueryError> {
    let query = query_text::term(contract_keys::SCHEMA, id);
    let values = |field: &str| {
        let asked = value_search(&query, asked.range, field);
        console.events.field_values(asked)
    };
    let paths = values(contract_keys::PATH).await?.values;
    let services = values("service").await?.values;
    let page = console
        .events
        .search_logs(search(&query, asked.range))
        .await?;
    let samples = page.records.into_iter().map(|mut found| {
        let line = found.record.to_line();
        found.record.message = line;
        sample(found, contract_keys::PATH, contract_keys::MESSAGE)
    });
    Ok(Violations {
        total: page.total,
        paths: pairs(paths),
        services: pairs(services),
        samples: samples.collect(),
    })
}

fn rejected(console: &Console, id: &str) -> Violations {
    let Rejected {
        paths,
        services,
        samples,
    } = console.contracts.rejected(id);
    let samples = samples.into_iter().map(|sample| Sample {
        id: None,
        at: sample.at,
        service: sample.service,
        path: sample.path,
        message: sample.message,
        line: sample.line,
    });
    Violations {
        total: paths.iter().map(|(_, count)| count).sum(),
        paths,
        services,
        samples: samples.collect(),
    }
}

impl Violations {
    fn add(&mut self, other: Self) {
        self.total += other.total;
        for (mine, theirs) in [
            (&mut self.paths, other.paths),
            (&mut self.services, other.services),
        ] {
            for (key, count) in theirs {
                match mine.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, sum)) => *sum += count,
                    None => mine.push((key, count)),
                }
            }
            mine.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
            mine.truncate(TOP);
        }
        self.samples.extend(other.samples);
        self.samples
            .sort_by_key(|sample| std::cmp::Reverse(sample.at));
        self.samples.truncate(SAMPLES);
    }
}

fn search(query: &str, range: TimeRange) -> LogSearch {
    LogSearch {
        query: query.to_owned(),
        range,
        limit: SAMPLES,
        cursor: None,
        deadline: DEADLINE,
    }
}

fn value_search(query: &str, range: TimeRange, field: &str) -> ValueSearch {
    ValueSearch {
        query: query.to_owned(),
        range,
        field: field.to_owned(),
        limit: TOP,
        deadline: DEADLINE,
    }
}

fn pairs(values: Vec<FieldValue>) -> Vec<(String, u64)> {
    let pairs = values.into_iter().map(|value| (value.value, value.count));
    pairs.collect()
}

fn sample(found: FoundLog, path: &str, message: &str) -> Sample {
    let record = found.record;
    let text = |key: &str| {
        let value = record.attributes.get(key).and_then(|value| value.as_str());
        value.unwrap_or_default().to_owned()
    };
    Sample {
        id: Some(found.id.to_string()),
        at: record.timestamp,
        path: text(path),
        message: text(message),
        service: record.service,
        line: record.message,
    }
}
