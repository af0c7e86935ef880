//! How much a native histogram grew within a window.

use watchfire_schemas::{CounterReset, HistogramSample, NativeHistogram};

use super::native::{Mismatch, add, compact, is_reset, reduce, subtract};
use super::notes::{Note, SeriesNotes};

/// The last histogram less the first, and what resets took away. Nothing if they do not fit
/// together. There are two at least.
pub(crate) fn growth(
    samples: &[HistogramSample],
    counter: bool,
    notes: &mut SeriesNotes,
) -> Option<NativeHistogram> {
    let (first, last) = (&samples.first()?.h, &samples.last()?.h);
    note_kinds(samples, counter, notes);
    // Before a reset the first one counts for nothing, whatever its buckets are.
    let anew = counter && is_reset(&samples[1].h, first);
    let before = if anew {
        NativeHistogram {
            schema: samples[1].h.schema,
            custom_bounds: samples[1].h.custom_bounds.clone(),
            ..NativeHistogram::default()
        }
    } else {
        first.clone()
    };
    let mut schema = before.schema.min(last.schema);
    let between = if counter {
        &samples[1..samples.len() - 1]
    } else {
        &[]
    };
    let mixed = |h: &NativeHistogram| h.has_custom_bounds() != before.has_custom_bounds();
    if mixed(last) || between.iter().any(|sample| mixed(&sample.h)) {
        notes.add(Note::MixedExponentialCustom);
        return None;
    }
    for sample in between {
        schema = schema.min(sample.h.schema);
    }
    let mut growth = last.clone();
    reduce(&mut growth, schema);
    noted(subtract(&mut growth, &before), notes)?;
    if counter {
        let mut before = &before;
        for sample in &samples[1..] {
            if is_reset(&sample.h, before) {
                noted(add(&mut growth, before), notes)?;
            }
            before = &sample.h;
        }
    }
    growth.reset = CounterReset::Gauge;
    compact(&mut growth);
    Some(growth)
}

fn note_kinds(samples: &[HistogramSample], counter: bool, notes: &mut SeriesNotes) {
    let is_gauge = |sample: &HistogramSample| sample.h.reset == CounterReset::Gauge;
    if counter && samples.iter().any(is_gauge) {
        notes.add(Note::NotCounter);
    }
    let ends = [samples.first(), samples.last()];
    if !counter && !ends.into_iter().flatten().all(is_gauge) {
        notes.add(Note::NotGauge);
    }
}

/// Goes on if two histograms fitted together, else notes why not.
pub(crate) fn noted(result: Result<(), Mismatch>, notes: &mut SeriesNotes) -> Option<()> {
    result
        .map_err(|mismatch| notes.add(mismatch_note(mismatch)))
        .ok()
}

pub(crate) fn mismatch_note(mismatch: Mismatch) -> Note {
    match mismatch {
        Mismatch::Schema => Note::MixedExponentialCustom,
        Mismatch::Bounds => Note::IncompatibleBounds,
    }
}
