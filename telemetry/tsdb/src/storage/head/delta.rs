//! Taking increments of series that are known by a number.

use watchfire_schemas::{SeriesSamples, Temporality};

use super::Head;
use crate::storage::label_index::SeriesId;
use crate::storage::limits::Bounds;
use crate::storage::refusal::{Refusal, Refusals};
use crate::{DeltaBatch, DeltaSeries};

/// Tells the numbers of such series from the keys of remote write, which are hashes.
const NUMBERED: u128 = 0x6465_6c74_6100_0000_0000_0000_0000_0000;

impl Head {
    /// Takes a batch; what is not taken is counted. Series of a family follow each other here as in
    /// the batch, so most are found behind the last one.
    pub(crate) fn append_deltas(
        &mut self,
        batch: &DeltaBatch,
        bounds: Bounds,
        refusals: &Refusals,
    ) {
        let mut next = 0;
        for one in batch.series() {
            let (samples, histograms) = (batch.samples(one), batch.histograms(one));
            let key = NUMBERED | u128::from(one.key);
            let known = self.known(key, next).map(Ok);
            let id = match known.unwrap_or_else(|| self.meet_numbered(one, key, bounds)) {
                Ok(id) => id,
                Err(reason) => {
                    refusals.count(reason, (samples.len() + histograms.len()) as u64);
                    continue;
                }
            };
            next = id + 1;
            self.take_all(id, samples, histograms, bounds, refusals);
            let exemplars = batch.exemplars(one);
            if let Some(series) = self.series(id).filter(|_| !exemplars.is_empty()) {
                let labels = self.labels_of(series);
                for exemplar in exemplars {
                    self.exemplars.push(&labels, exemplar.clone());
                }
            }
        }
    }

    /// The series of a number that was not known until now.
    fn meet_numbered(
        &mut self,
        one: &DeltaSeries,
        key: u128,
        bounds: Bounds,
    ) -> Result<SeriesId, Refusal> {
        let series = SeriesSamples {
            labels: one.labels.label_set(),
            kind: one.kind,
            temporality: Temporality::Delta,
            samples: Vec::new(),
            histograms: Vec::new(),
            exemplars: Vec::new(),
        };
        let id = self.series_for(&series, bounds)?;
        let found = self.series(id);
        if found.is_none_or(|found| !found.delta) {
            return Err(Refusal::Temporality);
        }
        // The series of what a limit kept out has many numbers, and keeps none.
        let is_own = found.is_some_and(|found| {
            let symbols = &self.index.symbols;
            symbols.stands_for(&found.labels, &series.labels)
        });
        if let Some(found) = self.series[id as usize].as_deref_mut().filter(|_| is_own) {
            found.key = key;
            self.by_key.insert(key as u64, id);
        }
        Ok(id)
    }
}
