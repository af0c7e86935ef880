//! From what a target exposed to samples, as Prometheus takes them.

use rustc_hash::FxHashMap;
use watchfire_schemas::{
    ExpositionLine, ExpositionReader, LabelSet, MetricKind, MetricMetadata, Sample, SampleLine,
    SeriesSamples, Temporality, Timestamp,
};

use super::bound::bound_text;
use super::client::Exposed;
use super::config::ReadingConfig;
use super::failure::{FailureReason, ScrapeFailure};
use super::relabel::{Labels, relabel};
use super::series_cache::{Seen, SeriesCache};
use crate::hand_over::end_of;

/// How far ahead of the scrape a sample's own time may be.
const MOST_AHEAD_MILLIS: i64 = 10 * 60 * 1000;

/// What is remembered of a target from scrape to scrape.
#[derive(Debug, Default)]
pub(crate) struct TargetMemory {
    pub(crate) series: SeriesCache,
    metadata: FxHashMap<Box<str>, MetricMetadata>,
    /// Whether the metadata changed since they were last asked for.
    has_news: bool,
}

/// What came of one scrape.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// Samples, and the ends of series that are no longer there.
    pub(crate) series: Vec<SeriesSamples>,
    pub(crate) samples_scraped: u64,
    pub(crate) samples_kept: u64,
    pub(crate) series_added: u64,
    /// Left out: a second sample of a series, or one from the future.
    pub(crate) duplicates: u64,
    pub(crate) too_far_ahead: u64,
}

impl TargetMemory {
    /// Reads a body. If it fails nothing of it is kept and all series end; what was counted until
    /// then is told.
    pub(crate) fn read(
        &mut self,
        exposed: &Exposed,
        at: Timestamp,
        target: &LabelSet,
        config: &ReadingConfig,
    ) -> (Read, Option<ScrapeFailure>) {
        self.series.begin();
        let mut body = Body {
            memory: self,
            at: at.millis(),
            target,
            config,
            read: Read::default(),
        };
        let taken = body.take(exposed);
        let mut read = body.read;
        let failure = taken.err().or_else(|| over_sample_limit(&read, config));
        if failure.is_some() {
            read.series.clear();
            read.series.extend(self.end_all(at));
        } else {
            let ended = self.series.finish();
            read.series
                .extend(ended.into_iter().map(|labels| end_of(labels, at)));
        }
        (read, failure)
    }

    /// The ends of all series.
    pub(crate) fn end_all(&mut self, at: Timestamp) -> Vec<SeriesSamples> {
        let ended = self.series.end_all().into_iter();
        ended.map(|labels| end_of(labels, at)).collect()
    }

    /// What the target says of its metrics, if that has changed since this was last asked.
    pub(crate) fn changed_metadata(&mut self) -> Option<Vec<MetricMetadata>> {
        if !std::mem::take(&mut self.has_news) {
            return None;
        }
        let mut all: Vec<_> = self.metadata.values().cloned().collect();
        all.sort_by(|a, b| a.family.cmp(&b.family));
        Some(all)
    }

    fn describe(&mut self, family: &str, change: impl FnOnce(&mut MetricMetadata)) {
        /// A target that names ever new metrics does not fill the memory.
        const MOST: usize = 20_000;
        if let Some(known) = self.metadata.get_mut(family) {
            let before = known.clone();
            change(known);
            self.has_news |= *known != before;
            return;
        }
        if self.metadata.len() >= MOST {
            return;
        }
        let mut about = MetricMetadata {
            family: family.to_owned(),
            kind: MetricKind::Unknown,
            help: String::new(),
            unit: String::new(),
        };
        change(&mut about);
        self.metadata.insert(family.into(), about);
        self.has_news = true;
    }
}

struct Body<'m> {
    memory: &'m mut TargetMemory,
    at: i64,
    target: &'m LabelSet,
    config: &'m ReadingConfig,
    read: Read,
}

impl Body<'_> {
    fn take(&mut self, exposed: &Exposed) -> Result<(), ScrapeFailure> {
        let mut reader = ExpositionReader::new(&exposed.text, exposed.format);
        loop {
            let line = reader.next_line();
            match line.map_err(|error| FailureReason::Malformed.because(error.to_string()))? {
                None => return Ok(()),
                Some(ExpositionLine::Sample(sample)) => self.sample(&sample, &reader)?,
                Some(ExpositionLine::Type { family, kind }) => {
                    self.memory.describe(&family, |about| about.kind = kind);
                }
                Some(ExpositionLine::Help { family, text }) => {
                    self.memory
                        .describe(&family, |about| text.as_ref().clone_into(&mut about.help));
                }
                Some(ExpositionLine::Unit { family, unit }) => {
                    self.memory
                        .describe(&family, |about| unit.clone_into(&mut about.unit));
                }
            }
        }
    }

    fn sample(
        &mut self,
        sample: &SampleLine<'_>,
        reader: &ExpositionReader<'_>,
    ) -> Result<(), ScrapeFailure> {
        self.read.samples_scraped += 1;
        let known = self.memory.series.look_up(sample.series);
        if self.is_full() {
            // Only counted: one more, and the scrape is refused.
            let is_kept = known.map_or_else(
                || relabel(&mut self.merged(reader), &self.config.relabel),
                |seen| seen != Seen::Dropped,
            );
            self.read.samples_kept += u64::from(is_kept);
            return Ok(());
        }
        let (seen, is_new) = match known {
            Some(seen) => (seen, false),
            None => (self.meet(sample.series, reader)?, true),
        };
        let Seen::Series(slot) = seen else {
            return Ok(());
        };
        self.read.samples_kept += 1;
        let own_time = sample.millis.filter(|_| self.config.honor_timestamps);
        let millis = own_time.unwrap_or(self.at);
        if millis > self.at.saturating_add(MOST_AHEAD_MILLIS) {
            self.read.too_far_ahead += 1;
            return Ok(());
        }
        let is_tracked = own_time.is_none() || self.config.track_timestamps;
        if is_tracked && !self.memory.series.mark(slot) && own_time.is_none() {
            self.read.duplicates += 1;
            return Ok(());
        }
        self.read.series_added += u64::from(is_new);
        let slot = self.memory.series.slot(slot);
        self.read.series.push(SeriesSamples {
            labels: slot.labels.clone(),
            kind: slot.kind,
            temporality: Temporality::Cumulative,
            samples: vec![Sample {
                t: millis,
                v: sample.value,
            }],
            histograms: Vec::new(),
            exemplars: reader.exemplar(sample, millis).into_iter().collect(),
        });
        Ok(())
    }

    fn is_full(&self) -> bool {
        let limit = self.config.sample_limit;
        limit > 0 && self.read.samples_kept >= limit as u64
    }

    fn merged(&self, reader: &ExpositionReader<'_>) -> Labels {
        merged(reader, self.target, self.config.honor_labels)
    }

    /// A text that was not seen before: its labels, relabelled.
    fn meet(&mut self, text: &str, reader: &ExpositionReader<'_>) -> Result<Seen, ScrapeFailure> {
        let metadata = &self.memory.metadata;
        let kind_of = |family: &str| metadata.get(family).map(|about| about.kind);
        let kind = MetricKind::of_series(&reader.name(), kind_of);
        let mut labels = self.merged(reader);
        normalize(&mut labels, kind);
        if !relabel(&mut labels, &self.config.relabel) {
            return Ok(self.memory.series.learn(text, None));
        }
        let labels = labels.to_set();
        if labels.is_empty() {
            return Ok(self.memory.series.learn(text, None));
        }
        if labels.name().is_empty() {
            let reason = format!("relabelling left no name of the metric to {labels}");
            return Err(FailureReason::Malformed.because(reason));
        }
        self.config
            .labels
            .check(&labels)
            .map_err(|reason| FailureReason::LabelLimit.because(reason))?;
        Ok(self.memory.series.learn(text, Some((labels, kind))))
    }
}

/// Bounds of buckets and quantiles are written in one way, whatever format they came in.
fn normalize(labels: &mut Labels, kind: MetricKind) {
    let name = match kind {
        MetricKind::Histogram => "le",
        MetricKind::Summary => "quantile",
        _ => return,
    };
    if let Some(text) = bound_text(labels.get(name)) {
        labels.set(name, text);
    }
}

fn over_sample_limit(read: &Read, config: &ReadingConfig) -> Option<ScrapeFailure> {
    let limit = config.sample_limit as u64;
    (limit > 0 && read.samples_kept > limit).then(|| {
        let kept = read.samples_kept;
        FailureReason::SampleLimit.because(format!("{kept} samples, {limit} may be"))
    })
}

/// A sample's labels and its target's. Where both have one, the target's wins and the other becomes
/// `exported_…`; with `honor_labels` the sample's wins, even an empty one.
fn merged(reader: &ExpositionReader<'_>, target: &LabelSet, honor_labels: bool) -> Labels {
    let exposed: Vec<_> = reader.labels().collect();
    let mut labels: Labels = exposed
        .iter()
        .map(|(name, value)| (name.as_ref(), value.as_ref()))
        .collect();
    if honor_labels {
        for (name, value) in target.iter() {
            if !exposed.iter().any(|(other, _)| other == name) {
                labels.set(name, value);
            }
        }
        return labels;
    }
    let mut conflicts = Vec::new();
    for (name, value) in target.iter() {
        let exposed = labels.get(name);
        if !exposed.is_empty() {
            conflicts.push((name.to_owned(), exposed.to_owned()));
        }
        labels.set(name, value);
    }
    conflicts.sort_by_key(|(name, _)| name.len());
    for (mut name, value) in conflicts {
        while !labels.get(&name).is_empty() {
            name.insert_str(0, "exported_");
        }
        labels.set(name, value);
    }
    labels
}

#[cfg(test)]
mod tests;
