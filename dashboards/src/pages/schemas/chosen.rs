use watchfire_schemas::SchemaPolicy;

use super::{BASE, BINS, Found, SampleRow, scope};
use crate::charts::{Stack, Svg, TimePlot};
use crate::figures;
use crate::range::Asked;
use crate::url;

/// A count with a link to the lines that it is of.
#[derive(Debug)]
pub(crate) struct CountRow {
    pub(crate) what: String,
    pub(crate) count: String,
    pub(crate) href: String,
}

/// The version that was asked for.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) id: String,
    pub(crate) scope: String,
    /// Where its form posts to; none if it cannot be changed here.
    pub(crate) action: Option<String>,
    /// Why not.
    pub(crate) fixed: &'static str,
    pub(crate) policies: [(&'static str, bool); 3],
    pub(crate) is_active: bool,
    pub(crate) plot: Svg,
    pub(crate) total: String,
    pub(crate) paths: Vec<CountRow>,
    pub(crate) services: Vec<CountRow>,
    pub(crate) samples: Vec<SampleRow>,
    /// For the form that replays.
    pub(crate) start: String,
    pub(crate) end: String,
    pub(crate) source: String,
}

pub(super) fn view(asked: &Asked, found: &Found) -> Option<Chosen> {
    let (id, violations) = found.chosen.as_ref()?;
    let entry = found
        .schemas
        .iter()
        .find(|entry| entry.definition.id() == *id);
    let definition = entry.map(|entry| &entry.definition);
    let policy = definition.map_or(SchemaPolicy::Quarantine, |one| one.policy);
    let count_rows = |field: &str, counts: &[(String, u64)]| {
        let rows = counts.iter().map(|(what, count)| CountRow {
            what: figures::cut(what, 200).0.to_owned(),
            count: figures::count(*count),
            href: asked.link("/schemas", &[("schema", id), (field, what)]),
        });
        rows.collect()
    };
    let fixed = match entry {
        None if id == BASE => "It is built in.",
        None => "It is not registered any more.",
        Some(entry) if entry.is_configured => "It is in the configuration; change it there.",
        Some(_) => "",
    };
    let action = definition.filter(|_| fixed.is_empty()).map(|one| {
        let (name, version) = (url::encode(&one.name), url::encode(one.version.as_str()));
        format!("/schemas/{name}/{version}")
    });
    Some(Chosen {
        id: id.clone(),
        scope: definition.map_or_else(|| "every log line".to_owned(), scope),
        action,
        fixed,
        policies: [
            SchemaPolicy::Warn,
            SchemaPolicy::Quarantine,
            SchemaPolicy::Reject,
        ]
        .map(|one| (one.as_str(), one == policy)),
        is_active: definition.is_none_or(|one| one.active),
        plot: plot(asked, bins_of(found, id)),
        total: figures::count(violations.total),
        paths: count_rows("path", &violations.paths),
        services: count_rows("service", &violations.services),
        samples: violations
            .samples
            .iter()
            .map(|sample| SampleRow::of_sample(sample, asked))
            .collect(),
        start: asked.range.start.to_string(),
        end: asked.range.end.to_string(),
        source: definition.map_or_else(String::new, |one| {
            serde_json::to_string_pretty(&one.schema).unwrap_or_default()
        }),
    })
}

/// The bins of a schema: they come in the order of the schemas, after the contract of a log line.
fn bins_of<'f>(found: &'f Found, id: &str) -> &'f [f64] {
    let place = found
        .schemas
        .iter()
        .position(|entry| entry.definition.id() == id)
        .map_or(0, |place| place + 1);
    found.trends.get(place).map_or(&[], Vec::as_slice)
}

fn plot(asked: &Asked, bins: &[f64]) -> Svg {
    let most = bins.iter().copied().fold(1.0, f64::max);
    let step = asked.length() / BINS as u32;
    let mut plot = TimePlot::new(asked.range, 90, most, "");
    let starts = std::iter::successors(Some(asked.range.start), |start| Some(*start + step));
    let stacks: Vec<Stack> = starts
        .zip(bins)
        .map(|(start, count)| Stack {
            start,
            end: start + step,
            parts: vec![("sev-warn", "violations".into(), *count)],
            href: None,
        })
        .collect();
    plot.stacks(&stacks);
    plot.finish("Violations over time")
}
