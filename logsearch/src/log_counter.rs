use watchfire_schemas::LogRecord;

use crate::fields::Dataset;
use crate::filter::{Filter, KnownNames, affordable, matches, resolve};
use crate::logs::Logs;
use crate::queries::parsed;
use crate::query_types::QueryError;
use crate::row::Rows;
use crate::row_values::ValuesOf;

/// A log query whose records are counted as they come, by the values of some fields.
#[derive(Debug, Clone)]
pub struct LogCounter {
    filter: Filter,
    by: Vec<ValuesOf>,
}

/// Before records are stored, any attribute may come.
struct AnyName;

impl KnownNames for AnyName {
    fn contains(&self, _: &str) -> bool {
        true
    }

    fn all(&self) -> std::collections::BTreeSet<String> {
        std::collections::BTreeSet::new()
    }
}

impl LogCounter {
    /// Understands a query without a pipe. A text, as the message is, has no values to count by.
    pub fn new(query: &str, by: &[String]) -> Result<Self, QueryError> {
        let read = parsed(query)?;
        if read.pipe.is_some() {
            let before = query.rsplit_once('|').map_or(query, |(before, _)| before);
            return Err(QueryError::Parse {
                column: before.chars().count() + 1,
                reason: "what is counted has no pipe".to_owned(),
            });
        }
        let (filter, hints) = resolve::<Logs>(&read.filter, &AnyName);
        if let Some(hint) = hints.into_iter().next() {
            return Err(QueryError::TooCostly { reason: hint });
        }
        affordable(&filter).map_err(|reason| QueryError::TooCostly { reason })?;
        let by: Vec<_> = by
            .iter()
            .map(|name| ValuesOf::named::<Logs>(name))
            .collect();
        if by.iter().any(ValuesOf::is_text::<Logs>) {
            let reason = "a text is searched by its words, its values are not counted".to_owned();
            return Err(QueryError::TooCostly { reason });
        }
        Ok(Self { filter, by })
    }

    /// Calls back for each record that the query of a counter means: with the counter, the record,
    /// and for each field to count by its first value, empty for none.
    pub fn count(
        counters: &[Self],
        records: &[LogRecord],
        each: &mut dyn FnMut(usize, &LogRecord, Vec<String>),
    ) {
        if counters.is_empty() {
            return;
        }
        let matchers: Vec<_> = counters.iter().map(|one| matches(&one.filter)).collect();
        let mut rows = Rows::new(Logs::slots());
        for record in records {
            rows.push(Logs::time(record), 0, |row| Logs::write(record, row));
        }
        for (record, row) in records.iter().zip(rows.iter()) {
            for (index, matcher) in matchers.iter().enumerate() {
                if !matcher.accepts::<Logs>(row) {
                    continue;
                }
                let values = counters[index].by.iter().map(|of| {
                    let mut first = None;
                    of.each_of_row::<Logs>(row, &mut |value| {
                        first.get_or_insert_with(|| value.to_text());
                    });
                    first.unwrap_or_default()
                });
                each(index, record, values.collect());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use watchfire_schemas::{SeverityNumber, Timestamp};

    use super::*;

    fn record(message: &str, route: &str, status: u32) -> LogRecord {
        let at = Timestamp::from_secs(9);
        let mut record = LogRecord::new(at, SeverityNumber::ERROR, "shop", message);
        record
            .attributes
            .insert("http.route".to_owned(), json!(route));
        record.attributes.insert("status".to_owned(), json!(status));
        record
    }

    fn counted(query: &str, by: &[&str]) -> Vec<Vec<String>> {
        let by: Vec<_> = by.iter().map(|&name| name.to_owned()).collect();
        let counter = LogCounter::new(query, &by).unwrap();
        let records = [
            record("payment refused", "/pay", 402),
            record("payment taken", "/pay", 200),
            record("cart is empty", "/cart", 409),
        ];
        let mut found = Vec::new();
        LogCounter::count(&[counter], &records, &mut |_, _, values| found.push(values));
        found
    }

    #[test]
    fn records_of_the_query_are_told_with_their_values() {
        let check = |query: &str, by: &[&str], expected: &[&[&str]]| {
            assert_eq!(counted(query, by), expected, "{query}");
        };
        check("payment", &["http.route"], &[&["/pay"], &["/pay"]]);
        check(
            "status:>400",
            &["service", "status"],
            &[&["shop", "402"], &["shop", "409"]],
        );
        check("-payment severity:ERROR", &["no.such"], &[&[""]]);
        check("nothing", &[], &[]);
    }

    #[test]
    fn what_cannot_be_counted_is_refused_with_its_place() {
        let fault = |query: &str, by: &[&str]| {
            let by: Vec<_> = by.iter().map(|&name| name.to_owned()).collect();
            LogCounter::new(query, &by).unwrap_err().to_string()
        };
        assert!(
            fault("service:shop (", &[]).starts_with("column 1"),
            "{}",
            fault("service:shop (", &[])
        );
        assert!(fault("error | count", &[]).contains("no pipe"));
        assert!(fault("error", &["message"]).contains("words"));
    }
}
