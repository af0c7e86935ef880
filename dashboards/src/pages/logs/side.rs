//! The fields of the records found, with the most frequent values of those that are unfolded.

use watchfire_logsearch::{FieldKind, FieldList, FieldSummary, FieldValues};

use super::state::LogsUrl;
use crate::charts::{Svg, meter};
use crate::{figures, query_text};

/// Fields whose values are always shown.
pub(super) const ALWAYS: [&str; 2] = ["service.name", "severity"];
/// Values shown of a field.
pub(super) const VALUES: usize = 8;
/// Fields listed at first; the others are folded away.
const FIRST: usize = 24;
const MOST: usize = 200;

/// A value of a field.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub(crate) text: String,
    pub(crate) count: String,
    /// Of the records that have the most frequent value.
    pub(crate) bar: Svg,
    pub(crate) only: String,
    pub(crate) without: String,
}

/// A field with its values.
#[derive(Debug, Clone)]
pub(crate) struct Unfolded {
    pub(crate) name: String,
    pub(crate) values: Vec<Value>,
    /// Why there are none, or that counts are too small.
    pub(crate) note: String,
    /// Folds it; empty for one that is always shown.
    pub(crate) fold: String,
}

/// A field by its name.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// A sign for the kind of its values, and what it means.
    pub(crate) sign: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) coverage: String,
    pub(crate) bar: Svg,
    /// Unfolds it; empty where it has no values to count.
    pub(crate) unfold: String,
    pub(crate) column: String,
    pub(crate) is_column: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Side {
    pub(crate) unfolded: Vec<Unfolded>,
    pub(crate) fields: Vec<Field>,
    pub(crate) more: Vec<Field>,
    /// That something is estimated or was cut short.
    pub(crate) note: &'static str,
    /// What was cut short, asked with more patience.
    pub(crate) patient: String,
}

/// What the side bar is made of.
#[derive(Debug, Default)]
pub(crate) struct SideFound {
    pub(crate) fields: FieldList,
    pub(crate) values: Vec<(String, FieldValues)>,
}

/// The fields whose values are wanted.
pub(super) fn wanted(url: &LogsUrl) -> Vec<String> {
    let chosen = url.fields.iter().map(String::as_str);
    let always = ALWAYS
        .into_iter()
        .filter(|name| !url.fields.iter().any(|f| f == name));
    always.chain(chosen).map(str::to_owned).collect()
}

pub(super) fn side(found: &SideFound, url: &LogsUrl, patient: String) -> Side {
    let is_partial = found.fields.partial || found.values.iter().any(|(_, values)| values.partial);
    let mut fields: Vec<Field> = found
        .fields
        .fields
        .iter()
        .take(MOST)
        .map(|field| field_view(field, found.fields.partial, url))
        .collect();
    let more = fields.split_off(fields.len().min(FIRST));
    Side {
        unfolded: found
            .values
            .iter()
            .map(|(name, values)| unfolded(name, values, url))
            .collect(),
        fields,
        more,
        note: match (is_partial, found.fields.sampled) {
            (true, _) => "Counted in part.",
            (false, true) => "Coverage is estimated from a sample.",
            (false, false) => "",
        },
        patient: if is_partial { patient } else { String::new() },
    }
}

fn unfolded(name: &str, found: &FieldValues, url: &LogsUrl) -> Unfolded {
    let most = found.values.first().map_or(1, |value| value.count).max(1);
    let least = if found.partial { "≥ " } else { "" };
    let values = found.values.iter().map(|value| {
        let clause = query_text::term(name, &value.value);
        let (text, is_whole) = figures::cut(&value.value, 80);
        let link = |clause: &str| {
            if value.value.len() <= 512 {
                url.narrowed(clause).href()
            } else {
                String::new()
            }
        };
        Value {
            text: if is_whole {
                text.to_owned()
            } else {
                format!("{text}…")
            },
            count: format!("{least}{}", figures::count(value.count)),
            bar: meter(value.count as f64 / most as f64),
            only: link(&clause),
            without: link(&query_text::negated(&clause)),
        }
    });
    let note = match found.hints.first() {
        Some(hint) if found.values.is_empty() => hint.clone(),
        None if found.values.is_empty() && found.partial => "not counted in time".to_owned(),
        None if found.values.is_empty() => "no record has it".to_owned(),
        _ if found.error > 0 => {
            format!(
                "each count may be {} too small",
                figures::count(found.error)
            )
        }
        _ => String::new(),
    };
    Unfolded {
        name: name.to_owned(),
        values: values.collect(),
        note,
        fold: if ALWAYS.contains(&name) && !url.fields.iter().any(|field| field == name) {
            String::new()
        } else {
            url.with_field_turned(name).href()
        },
    }
}

fn field_view(field: &FieldSummary, is_partial: bool, url: &LogsUrl) -> Field {
    let (sign, kind) = sign_of(field.kind);
    let is_countable = !matches!(field.kind, FieldKind::Text | FieldKind::Time);
    Field {
        name: field.name.clone(),
        sign,
        kind,
        // Of what was counted in part, nobody knows of how much it is a part.
        coverage: if is_partial {
            String::new()
        } else {
            figures::percent(field.coverage)
        },
        bar: meter(if is_partial { 0.0 } else { field.coverage }),
        unfold: if is_countable {
            url.with_field_turned(&field.name).href()
        } else {
            String::new()
        },
        column: url.with_column_turned(&field.name).href(),
        is_column: url.has_column(&field.name),
    }
}

const fn sign_of(kind: FieldKind) -> (&'static str, &'static str) {
    match kind {
        FieldKind::Keyword => ("a", "keyword"),
        FieldKind::Text => ("¶", "text"),
        FieldKind::Number => ("#", "number"),
        FieldKind::Bool => ("?", "true or false"),
        FieldKind::Time => ("t", "time"),
        FieldKind::Id => ("@", "id"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood};
    use crate::range::Asked;
    use watchfire_schemas::TimeRange;

    #[test]
    fn a_value_narrows_both_ways_and_a_chosen_field_folds() {
        let mut url = LogsUrl::new("", Asked::absolute(TimeRange::ALL));
        url.fields = vec!["http.route".to_owned()];
        assert_eq!(wanted(&url), ["service.name", "severity", "http.route"]);
        let found = samples::logs_found(Mood::Full).side;
        let side = side(&found, &url, "/patient".to_owned());
        let first = &side.unfolded[0];
        assert!(first.fold.is_empty());
        assert!(first.values[0].only.contains("q=service.name:content&"));
        assert!(first.values[0].without.contains("q=-service.name:content&"));
        assert!(!side.unfolded[2].fold.is_empty());
        assert!(side.patient.is_empty());
        let text = side
            .fields
            .iter()
            .find(|field| field.kind == "text")
            .unwrap();
        assert!(text.unfold.is_empty() && !text.column.is_empty());
    }
}
