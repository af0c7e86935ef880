//! Each query as it stands on the page: what was written, and what is to be known of its answer.

use watchfire_tsdb::QueryError;

use super::answers::{Answered, Found, Value};
use super::lines::Lines;
use super::state::{ExploreUrl, Face};
use super::syntax;
use crate::figures;

/// An expression that cannot be read: up to the fault, from it on, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marked {
    pub(crate) head: String,
    pub(crate) tail: String,
    pub(crate) reason: String,
}

#[derive(Debug, Clone)]
pub(crate) struct RowView {
    pub(crate) letter: &'static str,
    /// The colour of its only line, if it has one.
    pub(crate) class: String,
    pub(crate) expr: String,
    /// How high its field is.
    pub(crate) height: usize,
    pub(crate) is_off: bool,
    pub(crate) error: Option<Marked>,
    /// (warning or info, text)
    pub(crate) notes: Vec<(&'static str, String)>,
    /// `4 series, 960 values, 12 ms`
    pub(crate) summary: String,
    /// The expression as it was understood.
    pub(crate) canonical: String,
}

pub(super) fn rows(url: &ExploreUrl, found: &Found, lines: &Lines) -> Vec<RowView> {
    let row = |row: &super::state::QueryRow| {
        let mut own = lines.lines.iter().filter(|line| line.letter == row.letter);
        let class = match (own.next(), own.next()) {
            (Some(only), None) => only.lane.class.clone(),
            _ => String::new(),
        };
        let answered = found
            .answers
            .iter()
            .find(|answered| answered.letter == row.letter);
        RowView {
            letter: row.letter,
            class,
            height: row
                .expr
                .lines()
                .count()
                .max(row.expr.chars().count().div_ceil(110))
                .clamp(1, 12),
            expr: row.expr.clone(),
            is_off: row.is_off,
            error: answered.and_then(|answered| error(answered, url.face)),
            notes: answered
                .map(|answered| notes(answered, url.face))
                .unwrap_or_default(),
            summary: answered.map(summary).unwrap_or_default(),
            canonical: watchfire_tsdb::format_query(&row.expr).unwrap_or_default(),
        }
    };
    url.rows.iter().map(row).collect()
}

fn error(answered: &Answered, face: Face) -> Option<Marked> {
    let error = answered.value.as_ref().err()?;
    let whole = |reason: String| Marked {
        head: answered.expr.clone(),
        tail: String::new(),
        reason,
    };
    Some(match error {
        QueryError::BadData(text) if text.contains("for range query") => whole(format!(
            "this has a value at one time only: see it as a table ({} has no line)",
            if face == Face::Heat {
                "it"
            } else {
                "what is no number"
            }
        )),
        QueryError::BadData(text) => marked(&answered.expr, text),
        QueryError::Timeout => {
            whole("not answered in 5 s: narrow its labels, or the range".to_owned())
        }
        other => whole(other.to_string()),
    })
}

/// The fault where it is, as far as that can be told.
fn marked(expr: &str, reason: &str) -> Marked {
    let reason = reason
        .strip_prefix("invalid parameter \"query\": ")
        .unwrap_or(reason);
    let (at, reason) = match syntax::fault(expr) {
        Some((at, why)) => (at, why),
        None => (expr.len(), reason.to_owned()),
    };
    let column = syntax::column(expr, at);
    let has_place = at < expr.len() || syntax::fault(expr).is_some();
    Marked {
        head: expr[..at].to_owned(),
        tail: expr[at..].to_owned(),
        reason: if has_place {
            format!("column {column}: {reason}")
        } else {
            reason
        },
    }
}

fn notes(answered: &Answered, face: Face) -> Vec<(&'static str, String)> {
    let annotations = match &answered.value {
        Ok(Value::Lines(answer)) => &answer.annotations,
        Ok(Value::Now(answer)) => &answer.annotations,
        Err(_) => return Vec::new(),
    };
    let plain = |text: &String, kind: &str| text.strip_prefix(kind).unwrap_or(text).to_owned();
    let warnings = annotations.warnings.iter();
    let warnings = warnings.map(|text| ("warning", plain(text, "PromQL warning: ")));
    let infos = annotations
        .infos
        .iter()
        .map(|text| ("info", plain(text, "PromQL info: ")));
    let of_histograms = histograms(answered).filter(|_| face == Face::Graph);
    let of_histograms = of_histograms.map(|text| ("info", text));
    warnings.chain(infos).chain(of_histograms).collect()
}

/// What to say of native histograms on a graph.
fn histograms(answered: &Answered) -> Option<String> {
    let Ok(Value::Lines(answer)) = &answered.value else {
        return None;
    };
    let count = answer
        .value
        .iter()
        .filter(|one| !one.histograms.is_empty())
        .count();
    (count > 0).then(|| {
        let series = figures::count(count as u64);
        format!("{series} series of native histograms: the heat map shows them, histogram_quantile() makes lines of them")
    })
}

fn summary(answered: &Answered) -> String {
    use watchfire_tsdb::QueryValue;
    let (series, values) = match &answered.value {
        Ok(Value::Lines(answer)) => {
            let values = answer
                .value
                .iter()
                .map(|one| one.samples.len() + one.histograms.len());
            (answer.value.len(), values.sum())
        }
        Ok(Value::Now(answer)) => match &answer.value {
            QueryValue::Vector(samples) => (samples.len(), samples.len()),
            QueryValue::Matrix(series) => (
                series.len(),
                series.iter().map(|one| one.samples.len()).sum(),
            ),
            QueryValue::Scalar(_) | QueryValue::String(..) => (1, 1),
        },
        Err(_) => return String::new(),
    };
    let took = figures::duration(answered.took.as_secs_f64());
    if series == 0 {
        return format!("no series in this range, {took}");
    }
    format!(
        "{} series, {} values, {took}",
        figures::count(series as u64),
        figures::count(values as u64)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_marked_where_it_is() {
        let fault = marked("sum(up", "invalid parameter \"query\": parse error: x");
        assert_eq!((fault.head.as_str(), fault.tail.as_str()), ("sum(up", ""));
        assert_eq!(fault.reason, "column 7: expected ) for the ( in column 4");
        let unknown = marked(
            "nosuch(up)",
            "invalid parameter \"query\": parse error: unknown function",
        );
        assert_eq!(unknown.reason, "parse error: unknown function");
        assert_eq!(unknown.head, "nosuch(up)");
    }
}
