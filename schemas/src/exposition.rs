mod sample_line;

use std::collections::HashMap;

use self::sample_line::{SampleLine, is_metric_name};
use crate::{LabelSet, MetricKind, Sample, SeriesSamples, Temporality, Timestamp};

/// One metric of an exposition: what it is, and its series.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricFamily {
    /// The family's name, without `_total`, `_bucket` and the like.
    pub name: String,
    /// What `# HELP` says.
    pub help: String,
    /// What `# UNIT` says.
    pub unit: String,
    /// What `# TYPE` says.
    pub kind: MetricKind,
    /// Its series, names as exposed: `x_bucket`, `x_sum`, `x_total`, …
    pub series: Vec<SeriesSamples>,
}

/// Why a text is no exposition, and in which line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ExpositionError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// Reads an exposition: Prometheus' text format 0.0.4 or OpenMetrics 1.0.0, exemplars included.
/// A sample without a time is of the time `at`.
///
/// A text that ends with `# EOF` is OpenMetrics, whose times are in seconds; in any other they
/// are in milliseconds. Lines of one series that come apart are one series.
pub fn parse_exposition(text: &str, at: Timestamp) -> Result<Vec<MetricFamily>, ExpositionError> {
    let is_openmetrics = text.trim_end().lines().next_back() == Some("# EOF");
    let mut reader = Reader {
        at,
        millis_per_unit: if is_openmetrics { 1000.0 } else { 1.0 },
        is_openmetrics,
        families: Vec::new(),
        by_name: HashMap::new(),
        series: HashMap::new(),
        is_ended: false,
    };
    for (index, line) in text.lines().enumerate() {
        reader.line(line).map_err(|reason| ExpositionError {
            line: index + 1,
            reason,
        })?;
    }
    Ok(reader.families)
}

struct Reader {
    at: Timestamp,
    millis_per_unit: f64,
    is_openmetrics: bool,
    families: Vec<MetricFamily>,
    by_name: HashMap<String, usize>,
    /// Where a series is: its family's index and its own.
    series: HashMap<LabelSet, (usize, usize)>,
    is_ended: bool,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if self.is_ended {
            return Err("text after # EOF".to_owned());
        }
        let line = line
            .strip_suffix('\r')
            .unwrap_or(line)
            .trim_start_matches([' ', '\t']);
        match line.strip_prefix('#') {
            _ if line.is_empty() => Ok(()),
            Some(comment) => self.comment(comment.trim_start_matches([' ', '\t'])),
            None => self.sample(line),
        }
    }

    fn comment(&mut self, comment: &str) -> Result<(), String> {
        if comment == "EOF" && self.is_openmetrics {
            self.is_ended = true;
            return Ok(());
        }
        let mut parts = comment.splitn(3, [' ', '\t']);
        let keyword = parts.next().unwrap_or_default();
        if !matches!(keyword, "HELP" | "TYPE" | "UNIT") {
            return Ok(());
        }
        let name = parts.next().unwrap_or_default();
        if !is_metric_name(name) {
            return Err(format!("{name:?} is no name of a metric"));
        }
        let text = parts
            .next()
            .unwrap_or_default()
            .trim_start_matches([' ', '\t']);
        let family = self.family(name);
        match keyword {
            "HELP" => family.help = unescaped(text),
            "UNIT" => text.clone_into(&mut family.unit),
            _ if !family.series.is_empty() => {
                return Err(format!("the type of {name} comes after its samples"));
            }
            _ => family.kind = kind(text)?,
        }
        Ok(())
    }

    fn sample(&mut self, line: &str) -> Result<(), String> {
        let read = SampleLine::parse(line)?;
        let millis = match read.time {
            Some(time) => (time * self.millis_per_unit).round() as i64,
            None => self.at.millis(),
        };
        let exemplar = read
            .exemplar
            .map(|exemplar| exemplar.at(self.at, self.millis_per_unit));
        let name = read.labels.name();
        let index = self.family_of(name);
        let kind = self.families[index].kind;
        let place = self.series.get(&read.labels).copied();
        let sample = Sample {
            t: millis,
            v: read.value,
        };
        if let Some((family, at)) = place {
            let series = &mut self.families[family].series[at];
            if series.samples.last().is_some_and(|last| last.t >= millis) {
                return Err(format!("{} is there twice", read.labels));
            }
            series.samples.push(sample);
            series.exemplars.extend(exemplar);
            return Ok(());
        }
        let series = &mut self.families[index].series;
        self.series
            .insert(read.labels.clone(), (index, series.len()));
        series.push(SeriesSamples {
            labels: read.labels,
            kind,
            temporality: Temporality::Cumulative,
            samples: vec![sample],
            histograms: Vec::new(),
            exemplars: exemplar.into_iter().collect(),
        });
        Ok(())
    }

    /// The family that a sample of this name belongs to, by the types told before.
    fn family_of(&mut self, name: &str) -> usize {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        for suffix in ["_bucket", "_sum", "_count", "_total", "_created", "_info"] {
            let index = name
                .strip_suffix(suffix)
                .and_then(|base| self.by_name.get(base));
            if let Some(&index) = index
                && belongs(self.families[index].kind, suffix)
            {
                return index;
            }
        }
        self.family(name);
        self.families.len() - 1
    }

    /// The family that metadata name: text format 0.0.4 tells a counter's with its `_total`.
    fn family(&mut self, name: &str) -> &mut MetricFamily {
        let index = *self.by_name.entry(name.to_owned()).or_insert_with(|| {
            self.families.push(MetricFamily {
                name: name.strip_suffix("_total").unwrap_or(name).to_owned(),
                help: String::new(),
                unit: String::new(),
                kind: MetricKind::Unknown,
                series: Vec::new(),
            });
            self.families.len() - 1
        });
        &mut self.families[index]
    }
}

fn belongs(kind: MetricKind, suffix: &str) -> bool {
    match kind {
        MetricKind::Counter => matches!(suffix, "_total" | "_created"),
        MetricKind::Histogram => matches!(suffix, "_bucket" | "_sum" | "_count" | "_created"),
        MetricKind::Summary => matches!(suffix, "_sum" | "_count" | "_created"),
        MetricKind::GaugeHistogram => matches!(suffix, "_bucket" | "_gsum" | "_gcount"),
        MetricKind::Info => suffix == "_info",
        MetricKind::Gauge | MetricKind::StateSet | MetricKind::Unknown => false,
    }
}

fn kind(text: &str) -> Result<MetricKind, String> {
    match text.trim_end() {
        "counter" => Ok(MetricKind::Counter),
        "gauge" => Ok(MetricKind::Gauge),
        "info" => Ok(MetricKind::Info),
        "stateset" => Ok(MetricKind::StateSet),
        "histogram" => Ok(MetricKind::Histogram),
        "gaugehistogram" => Ok(MetricKind::GaugeHistogram),
        "summary" => Ok(MetricKind::Summary),
        "unknown" | "untyped" => Ok(MetricKind::Unknown),
        other => Err(format!("{other:?} is no type of a metric")),
    }
}

/// `\\`, `\n` and `\"`; any other backslash stays, as Prometheus has it.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some(c @ ('\\' | '"')) => out.push(c),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests;
