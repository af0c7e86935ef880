use watchfire_schemas::{HistogramSample, NativeHistogram};

use super::head_series::{BIRTH_MS, HeadSeries};
use super::refusal::Refusal;
use crate::promql::add_histogram;

/// After a silence as long as a query looks back, the old state is put just before the new one, so
/// that what was added is an increase.
const SILENCE_MS: i64 = 300_000;

impl HeadSeries {
    /// Adds a histogram to the last one of a delta series, the first to a zero just before it. What
    /// is late counts just after the last. Gives how many bytes the series grew by.
    pub(super) fn add_histogram(&mut self, by: &HistogramSample) -> Result<usize, Refusal> {
        if !by.h.sum.is_finite() || !by.h.count.is_finite() {
            return Err(Refusal::NoIncrement);
        }
        let last = self.histograms.as_ref().and_then(|own| own.last.clone());
        let newest = self.newest_t();
        let t = newest.map_or(by.t, |newest| by.t.max(newest.saturating_add(1)));
        let is_silent = newest.is_none_or(|newest| t - newest > SILENCE_MS);
        let before = last.map_or_else(|| nothing_of(&by.h), |last| last.h);
        let mut sum = before.clone();
        add_histogram(&mut sum, &by.h).map_err(|_| Refusal::NoIncrement)?;
        self.saved.note_change();
        let own = self.histograms.get_or_insert_default();
        let mut grown = 0;
        if is_silent || own.last.is_none() {
            let at = t.saturating_sub(BIRTH_MS);
            let at = newest.map_or(at, |newest| at.max(newest.saturating_add(1)));
            if at < t {
                grown += own.extend(&HistogramSample { t: at, h: before });
            }
        }
        Ok(grown + own.extend(&HistogramSample { t, h: sum }))
    }
}

/// The same histogram before anything was observed.
fn nothing_of(of: &NativeHistogram) -> NativeHistogram {
    NativeHistogram {
        schema: of.schema,
        zero_threshold: of.zero_threshold,
        custom_bounds: of.custom_bounds.clone(),
        ..NativeHistogram::default()
    }
}
