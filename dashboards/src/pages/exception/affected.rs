//! Who and what is affected: how many users, and which attributes are over-represented.

use std::time::Duration;

use futures_util::future::join_all;
use watchfire_alerts::ExceptionGroup;
use watchfire_logsearch::{FieldValues, ValueSearch};
use watchfire_schemas::TimeRange;

use super::super::exceptions::users_of;
use crate::{Console, figures, query_text};

/// The fields that tell failures apart, as far as records have them.
const FIELDS: [&str; 10] = [
    "service.version",
    "deployment.environment.name",
    "host.name",
    "http.route",
    "http.request.method",
    "http.response.status_code",
    "cloud.region",
    "k8s.pod.name",
    "tenant.id",
    "user.id",
];
const VALUES: usize = 20;
const SHOWN: usize = 3;
const PATIENCE: Duration = Duration::from_millis(800);

#[derive(Debug, Clone, Default)]
pub(crate) struct Affected {
    /// How many users, and by which field they are told; empty if they are not.
    pub(crate) users: String,
    pub(crate) fields: Vec<FieldRow>,
}

#[derive(Debug, Clone)]
pub(crate) struct FieldRow {
    pub(crate) name: &'static str,
    pub(crate) values: Vec<ValueRow>,
}

#[derive(Debug, Clone)]
pub(crate) struct ValueRow {
    pub(crate) value: String,
    /// Its share among the group's records that have the field.
    pub(crate) share: String,
    /// The same among all records of the service.
    pub(crate) usual: String,
    /// It is far more frequent here than usual.
    pub(crate) is_over: bool,
}

pub(super) async fn ask(
    console: &Console,
    group: &ExceptionGroup,
    query: &str,
    range: TimeRange,
) -> Affected {
    let baseline = query_text::term("service", &group.service);
    let baseline = &baseline;
    let fields = FIELDS.map(|field| async move {
        let (here, usual) = tokio::join!(
            values(console, query, range, field),
            values(console, baseline, range, field)
        );
        row(field, &here, &usual)
    });
    let (users, fields) = tokio::join!(users_of(console, query, range), join_all(fields));
    Affected {
        users: users.map_or_else(String::new, |(count, is_more, field)| {
            let more = if is_more { "at least " } else { "" };
            format!("{more}{} by {field}", figures::count(count as u64))
        }),
        fields: fields.into_iter().flatten().collect(),
    }
}

/// The values of a field; none if the store had no time for it.
async fn values(console: &Console, query: &str, range: TimeRange, field: &str) -> FieldValues {
    let search = ValueSearch {
        query: query.to_owned(),
        range,
        field: field.to_owned(),
        limit: VALUES,
        deadline: PATIENCE,
    };
    console
        .events
        .field_values(search)
        .await
        .unwrap_or_default()
}

fn row(name: &'static str, here: &FieldValues, usual: &FieldValues) -> Option<FieldRow> {
    let total = |found: &FieldValues| {
        let counts = found.values.iter().map(|one| one.count);
        counts.sum::<u64>().max(1) as f64
    };
    let (of_here, of_usual) = (total(here), total(usual));
    let values = here.values.iter().take(SHOWN).map(|one| {
        let share = one.count as f64 / of_here;
        let known = usual.values.iter().find(|other| other.value == one.value);
        let usual = known.map_or(0.0, |other| other.count as f64 / of_usual);
        ValueRow {
            value: one.value.clone(),
            share: figures::percent(share),
            usual: figures::percent(usual),
            is_over: share > 2.0 * usual && share - usual > 0.1,
        }
    });
    let values: Vec<ValueRow> = values.collect();
    (!values.is_empty()).then_some(FieldRow { name, values })
}

#[cfg(test)]
mod tests {
    use watchfire_logsearch::FieldValue;

    use super::*;

    #[test]
    fn what_is_more_frequent_than_usual_is_marked() {
        let of = |counts: &[(&str, u64)]| FieldValues {
            values: counts
                .iter()
                .map(|(value, count)| FieldValue {
                    value: (*value).to_owned(),
                    count: *count,
                })
                .collect(),
            ..FieldValues::default()
        };
        let found = row(
            "host.name",
            &of(&[("a", 9), ("b", 1)]),
            &of(&[("b", 90), ("a", 10)]),
        );
        let marks: Vec<bool> = found.unwrap().values.iter().map(|v| v.is_over).collect();
        assert_eq!(marks, [true, false]);
        assert!(row("host.name", &of(&[]), &of(&[])).is_none());
    }
}
