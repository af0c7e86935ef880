use watchfire_logsearch::{LogCounter, QueryError};

use crate::derive::DERIVED;
use crate::otlp::{MetricNames, label_name};

/// A series that counts the records of a log query.
#[derive(Debug, Clone)]
pub struct CounterRule {
    pub(crate) name: String,
    /// The labels, in the order of the fields that they are the values of.
    pub(crate) labels: Vec<String>,
    pub(crate) counter: LogCounter,
}

/// Why a counter cannot be.
#[derive(Debug, thiserror::Error)]
pub enum CounterError {
    /// Its name is none that a metric may have.
    #[error("{0:?} is no name of a metric: letters, digits, _ and : are, a digit is not first")]
    Name(String),
    /// A series of this name is made here already.
    #[error("{0:?} is counted already")]
    Taken(String),
    /// The query does not parse, or cannot be counted.
    #[error("query: {0}")]
    Query(QueryError),
    /// Two fields would be the same label.
    #[error("two fields of `by` are both the label {0:?}")]
    SameLabel(String),
}

impl CounterRule {
    /// Checks and understands what was written.
    pub fn new(name: &str, query: &str, by: &[String]) -> Result<Self, CounterError> {
        let is_valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let starts_well = !name.starts_with(|c: char| c.is_ascii_digit());
        if name.is_empty() || !starts_well || !name.chars().all(is_valid) {
            return Err(CounterError::Name(name.to_owned()));
        }
        if DERIVED.contains(&name) {
            return Err(CounterError::Taken(name.to_owned()));
        }
        let mut labels: Vec<String> = Vec::new();
        for field in by {
            let label = label_name(field, MetricNames::Escaped);
            if labels.contains(&label) {
                return Err(CounterError::SameLabel(label));
            }
            labels.push(label);
        }
        let counter = LogCounter::new(query, by).map_err(CounterError::Query)?;
        Ok(Self {
            name: name.to_owned(),
            labels,
            counter,
        })
    }

    /// The metric's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(name: &str, query: &str, by: &[&str]) -> String {
        let by: Vec<_> = by.iter().map(|&field| field.to_owned()).collect();
        CounterRule::new(name, query, &by).unwrap_err().to_string()
    }

    #[test]
    fn what_was_written_is_checked() {
        assert!(fault("4xx_total", "status:>399", &[]).contains("no name of a metric"));
        assert!(fault("log_records_total", "*", &[]).contains("counted already"));
        assert!(fault("a_total", "status:(", &[]).starts_with("query: column "));
        assert!(fault("a_total", "*", &["http.route", "http_route"]).contains("http_route"));
        let rule = CounterRule::new("a_total", "paid", &["http.route".to_owned()]).unwrap();
        assert_eq!(rule.labels, ["http_route"]);
    }
}
