//! Taking what remote write brings.

use watchfire_schemas::{CounterReset, HistogramSample, NativeHistogram, Sample, Temporality};

use super::Head;
use crate::storage::head_series::HeadSeries;
use crate::storage::label_index::SeriesId;
use crate::storage::limits::{Bounds, check_labels};
use crate::storage::refusal::{Refusal, Refusals};
use crate::{Objection, Place, WriteBatch, WrittenSeries};

impl Head {
    /// Takes a batch; what is not taken is counted.
    ///
    /// A series that is known costs a look at the one behind the last one, since senders keep their
    /// order, or else a look into a map.
    pub(crate) fn append_written(
        &mut self,
        batch: &WriteBatch,
        bounds: Bounds,
        refusals: &Refusals,
    ) {
        let mut next = 0;
        for one in batch.series() {
            let samples = batch.samples(one);
            let histograms = batch.histograms(one);
            let id = match self.known(one.key, next) {
                Some(id) => id,
                None => match self.meet(batch, one, bounds) {
                    Ok(id) => id,
                    Err(reason) => {
                        refusals.count(reason, (samples.len() + histograms.len()) as u64);
                        continue;
                    }
                },
            };
            next = id + 1;
            if self.series(id).is_some_and(|series| series.delta) {
                refusals.count(
                    Refusal::Temporality,
                    (samples.len() + histograms.len()) as u64,
                );
                continue;
            }
            if one.created != 0 {
                self.begin_at(id, one.created, samples, histograms);
            }
            self.take_all(id, samples, histograms, bounds, refusals);
            self.take_exemplars(id, batch, one);
        }
    }

    /// What of a batch would not be taken now, in the order of its series.
    pub(crate) fn judge(&self, batch: &WriteBatch, bounds: Bounds) -> Vec<Objection> {
        let mut objections = Vec::new();
        let mut next = 0;
        let mut fresh = 0;
        for (index, one) in batch.series().iter().enumerate() {
            let id = self.known(one.key, next);
            let known = id.and_then(|id| self.series(id));
            let mut object = |place: Place, reason: &'static str, words: String| {
                objections.push(Objection {
                    series: index,
                    place,
                    reason,
                    words,
                });
            };
            if let Some(id) = id {
                next = id + 1;
            }
            let known = match known {
                Some(series) => Some(series),
                None => match self.judge_stranger(batch, one, bounds, &mut fresh) {
                    Ok(series) => series,
                    Err((reason, words)) => {
                        object(Place::All, reason, words);
                        continue;
                    }
                },
            };
            if known.is_some_and(|series| series.delta) {
                let reason = Refusal::Temporality;
                object(Place::All, reason.as_str(), reason.words().to_owned());
                continue;
            }
            let mut refuse = |place: Place, t: i64, reason: Refusal| {
                object(
                    place,
                    reason.as_str(),
                    format!("time {t}: {}", reason.words()),
                );
            };
            let window = bounds.out_of_order_ms;
            for (at, &sample) in batch.samples(one).iter().enumerate() {
                let within = || known.and_then(|series| series.objection(sample, window));
                if let Some(reason) = bounds.objection(sample.t).or_else(within) {
                    refuse(Place::Sample(at), sample.t, reason);
                }
            }
            for (at, sample) in batch.histograms(one).iter().enumerate() {
                let within = || known.and_then(|one| one.histogram_objection(sample, window));
                if let Some(reason) = bounds.objection(sample.t).or_else(within) {
                    refuse(Place::Histogram(at), sample.t, reason);
                }
            }
        }
        objections
    }

    /// What stands against a series whose key is not known, or the series if its labels are. `fresh`
    /// counts those that would begin.
    fn judge_stranger(
        &self,
        batch: &WriteBatch,
        one: &WrittenSeries,
        bounds: Bounds,
        fresh: &mut usize,
    ) -> Result<Option<&HeadSeries>, (&'static str, String)> {
        let labels = batch.labels(one);
        let labels = labels.map_err(|fault| (fault.as_str(), fault.to_string()))?;
        if let Some(id) = self.find(&labels) {
            return Ok(self.series(id));
        }
        let objection = check_labels(&labels).err();
        let objection = objection.or_else(|| self.objection_to_new(bounds, *fresh));
        if let Some(reason) = objection {
            return Err((reason.as_str(), reason.words().to_owned()));
        }
        *fresh += 1;
        Ok(None)
    }

    /// The series of a key; `next` is looked at first.
    pub(super) fn known(&self, key: u128, next: SeriesId) -> Option<SeriesId> {
        let has_key = |id: SeriesId| self.series(id).is_some_and(|series| series.key == key);
        if has_key(next) {
            return Some(next);
        }
        let id = *self.by_key.get(&(key as u64))?;
        has_key(id).then_some(id)
    }

    /// The series of a key that was not known until now.
    fn meet(
        &mut self,
        batch: &WriteBatch,
        one: &WrittenSeries,
        bounds: Bounds,
    ) -> Result<SeriesId, Refusal> {
        let labels = batch.labels(one).map_err(|_| Refusal::BadLabels)?;
        let id = if let Some(id) = self.find(&labels) {
            id
        } else {
            check_labels(&labels)?;
            if let Some(refusal) = self.objection_to_new(bounds, 0) {
                return Err(refusal);
            }
            self.metadata.learn(labels.name(), one.kind);
            let symbols = self.index.symbols.intern_labels(&labels);
            let series = HeadSeries::new(symbols, one.kind, Temporality::Cumulative);
            self.insert(&labels, series)
        };
        if let Some(series) = self.series[id as usize].as_deref_mut() {
            series.key = one.key;
            self.by_key.insert(one.key as u64, id);
        }
        Ok(id)
    }

    /// Puts a zero where the counting began, if the series has nothing there or later.
    fn begin_at(
        &mut self,
        id: SeriesId,
        created: i64,
        samples: &[Sample],
        histograms: &[HistogramSample],
    ) {
        let Some(series) = self.series[id as usize].as_deref_mut() else {
            return;
        };
        if series.newest_t().is_some_and(|newest| newest >= created) {
            return;
        }
        if samples.first().is_some_and(|first| first.t > created) {
            let zero = Sample { t: created, v: 0.0 };
            self.sample_bytes += series.extend(zero);
        } else if let Some(first) = histograms.first().filter(|first| first.t > created) {
            let zero = HistogramSample {
                t: created,
                h: without_observations(&first.h),
            };
            self.sample_bytes += series
                .observe_histogram(&zero, i64::MAX)
                .unwrap_or_default();
        }
    }

    fn take_exemplars(&mut self, id: SeriesId, batch: &WriteBatch, one: &WrittenSeries) {
        let exemplars = batch.exemplars(one);
        if exemplars.is_empty() {
            return;
        }
        if let Some(labels) = self.series(id).map(|series| self.labels_of(series)) {
            for exemplar in exemplars {
                self.exemplars.push(&labels, exemplar.clone());
            }
        }
    }
}

/// The same histogram before anything was observed.
fn without_observations(of: &NativeHistogram) -> NativeHistogram {
    let mut zero = of.clone();
    zero.reset = CounterReset::Reset;
    (zero.zero_count, zero.count, zero.sum) = (0.0, 0.0, 0.0);
    zero.positive.counts.fill(0.0);
    zero.negative.counts.fill(0.0);
    zero
}
