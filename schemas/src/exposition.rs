mod cursor;
mod number;
mod reader;

use std::collections::HashMap;

pub use self::reader::{ExpositionLine, ExpositionReader, SampleLine};
use crate::{LabelSet, MetricKind, Sample, SeriesSamples, Temporality, Timestamp};

/// Which of the two text formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExpositionFormat {
    /// Prometheus' text format, 0.0.4 or 1.0.0.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

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

/// Why a text is no exposition, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct ExpositionError {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub reason: String,
}

/// Reads an exposition: Prometheus' text format 0.0.4 or OpenMetrics 1.0.0, exemplars included.
/// A sample without a time is of the time `at`.
///
/// A text that ends with `# EOF` is OpenMetrics. Lines of one series that come apart are one
/// series.
pub fn parse_exposition(text: &str, at: Timestamp) -> Result<Vec<MetricFamily>, ExpositionError> {
    let format = if text.trim_end().lines().next_back() == Some("# EOF") {
        ExpositionFormat::OpenMetrics
    } else {
        ExpositionFormat::Text
    };
    let mut reader = ExpositionReader::new(text, format);
    let mut families = Families {
        at,
        all: Vec::new(),
        by_name: HashMap::new(),
        series: HashMap::new(),
    };
    while let Some(line) = reader.next_line()? {
        families
            .take(&line, &reader)
            .map_err(|reason| reader.error_here(reason))?;
    }
    Ok(families.all)
}

struct Families {
    at: Timestamp,
    all: Vec<MetricFamily>,
    by_name: HashMap<String, usize>,
    /// Where a series is: its family's index and its own.
    series: HashMap<LabelSet, (usize, usize)>,
}

impl Families {
    fn take(
        &mut self,
        line: &ExpositionLine<'_>,
        reader: &ExpositionReader<'_>,
    ) -> Result<(), String> {
        match line {
            ExpositionLine::Help { family, text } => {
                text.as_ref().clone_into(&mut self.family(family).help);
            }
            ExpositionLine::Unit { family, unit } => {
                (*unit).clone_into(&mut self.family(family).unit);
            }
            ExpositionLine::Type { family, kind } => {
                let name = family;
                let family = self.family(name);
                if !family.series.is_empty() {
                    return Err(format!("the type of {name} comes after its samples"));
                }
                family.kind = *kind;
            }
            ExpositionLine::Sample(sample) => return self.sample(sample, reader),
        }
        Ok(())
    }

    fn sample(
        &mut self,
        read: &SampleLine<'_>,
        reader: &ExpositionReader<'_>,
    ) -> Result<(), String> {
        let millis = read.millis.unwrap_or(self.at.millis());
        let exemplar = reader.exemplar(read, self.at.millis());
        let labels = LabelSet::new(reader.labels());
        let index = self.family_of(&reader.name());
        let kind = self.all[index].kind;
        let sample = Sample {
            t: millis,
            v: read.value,
        };
        if let Some(&(family, at)) = self.series.get(&labels) {
            let series = &mut self.all[family].series[at];
            if series.samples.last().is_some_and(|last| last.t >= millis) {
                return Err(format!("{labels} is there twice"));
            }
            series.samples.push(sample);
            series.exemplars.extend(exemplar);
            return Ok(());
        }
        let series = &mut self.all[index].series;
        self.series.insert(labels.clone(), (index, series.len()));
        series.push(SeriesSamples {
            labels,
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
        for suffix in SUFFIXES {
            let index = name
                .strip_suffix(suffix)
                .and_then(|base| self.by_name.get(base));
            if let Some(&index) = index
                && self.all[index].kind.has_suffix(suffix)
            {
                return index;
            }
        }
        self.family(name);
        self.all.len() - 1
    }

    /// The family that metadata name: text format 0.0.4 tells a counter's with its `_total`.
    fn family(&mut self, name: &str) -> &mut MetricFamily {
        let index = *self.by_name.entry(name.to_owned()).or_insert_with(|| {
            self.all.push(MetricFamily {
                name: name.strip_suffix("_total").unwrap_or(name).to_owned(),
                help: String::new(),
                unit: String::new(),
                kind: MetricKind::Unknown,
                series: Vec::new(),
            });
            self.all.len() - 1
        });
        &mut self.all[index]
    }
}

/// What the names of a family's series may end with beyond the family's own.
const SUFFIXES: [&str; 8] = [
    "_bucket", "_sum", "_count", "_total", "_created", "_info", "_gsum", "_gcount",
];

impl MetricKind {
    /// The kind of a series by its name, `kind_of` telling that of a family by its name.
    pub fn of_series(name: &str, kind_of: impl Fn(&str) -> Option<Self>) -> Self {
        kind_of(name).unwrap_or_else(|| {
            let bases = SUFFIXES
                .into_iter()
                .filter_map(|suffix| Some((suffix, kind_of(name.strip_suffix(suffix)?)?)));
            bases
                .filter(|(suffix, kind)| kind.has_suffix(suffix))
                .map(|(_, kind)| kind)
                .next()
                .unwrap_or_default()
        })
    }

    /// Whether names of this kind's series may end so.
    fn has_suffix(self, suffix: &str) -> bool {
        match self {
            Self::Counter => matches!(suffix, "_total" | "_created"),
            Self::Histogram => matches!(suffix, "_bucket" | "_sum" | "_count" | "_created"),
            Self::Summary => matches!(suffix, "_sum" | "_count" | "_created"),
            Self::GaugeHistogram => matches!(suffix, "_bucket" | "_gsum" | "_gcount"),
            Self::Info => suffix == "_info",
            Self::Gauge | Self::StateSet | Self::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests;
