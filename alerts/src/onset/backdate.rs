use std::ops::Range;

use super::Model;
use super::cells::{self, Cell, Shape};
use super::detector::Excursion;
use super::fit::{Fit, Scatter, fit};
use super::signal::Signal;
use super::variation::{Moments, weighted};

/// How far before the detector's last zero the change may lie.
const BEFORE_SECONDS: f64 = 1800.0;
/// How far after the alarm the counts are still read: at least, at most, and by how long the
/// alarm took. What a failure does later says nothing of how it began.
const AFTER_SECONDS: (f64, f64) = (300.0, 1800.0);
const AFTER_TIMES: f64 = 3.0;
/// Seconds in which a ramp may reach its full height: double from one to the next, then half as
/// far apart among those that remain.
const SHORTEST_RAMP: f64 = 30.0;
const LONGEST_RAMP: f64 = 3600.0;
/// How likely a ramp is before anything is seen.
const RAMPS: f64 = 0.5;
/// Cells of the first look, and points and cells of the second.
const COARSE_CELLS: usize = 150;
const POINTS: usize = 48;
const CLOSE_CELLS: usize = 60;
/// What is this much less likely (natural log) than the best is not looked at again.
const DROPPED: f64 = 9.0;
/// Lengths of ramp that are so much less likely are not.
const UNLIKELY: f64 = 6.0;
/// The share of probability that may lie outside of the interval, on each side.
const OUTSIDE: f64 = 0.03;
/// Counts do not say where within a bin anything was: the interval is wider by this, in bins.
const WITHIN_BIN: f64 = 0.5;
const MOST_OVERDISPERSION: f64 = 3.0;

/// The change, in bins from the start of the series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Backdated {
    pub at: f64,
    pub earliest: f64,
    pub latest: f64,
    pub model: Model,
    /// How probable it is that the change came by and by.
    pub ramp_probability: f64,
    /// In bins; of the likeliest change.
    pub ramp: f64,
    /// How many times the usual the rate became, by the likeliest change.
    pub ratio: f64,
    /// Log-likelihood over "nothing changed".
    pub evidence: f64,
}

/// One way it may have been.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    shape: Shape,
    fit: Fit,
    /// Logarithm of how probable it is, but for a constant.
    weight: f64,
}

struct Search<'a> {
    signal: &'a Signal,
    expected: &'a [f64],
    scatter: Scatter,
    /// Where it may have begun.
    scope: Range<f64>,
    /// The counts are read up to here.
    end: usize,
}

impl Backdated {
    /// Looks for the change behind `excursion`; bins from `end` on are not read.
    pub(super) fn find(
        signal: &Signal,
        expected: &[f64],
        excursion: &Excursion,
        end: usize,
    ) -> Self {
        let mut search = Search::of(signal, expected, excursion, end);
        let coarse = search.coarse();
        let best = likeliest(&coarse);
        search.learn(excursion, best);
        let candidates = search.close(&coarse, best);
        Search::told(&candidates)
    }
}

fn likeliest(candidates: &[Candidate]) -> Candidate {
    let best = candidates
        .iter()
        .max_by(|a, b| a.weight.total_cmp(&b.weight));
    *best.expect("a step at the alarm is always a candidate")
}

impl<'a> Search<'a> {
    fn of(signal: &'a Signal, expected: &'a [f64], excursion: &Excursion, end: usize) -> Self {
        let (least, most) = AFTER_SECONDS;
        let took = (excursion.alarm - excursion.since) as f64 * signal.bin_seconds;
        let after = signal.bins((took * AFTER_TIMES).clamp(least, most));
        let end = end
            .min(excursion.alarm + 1 + after)
            .clamp(excursion.alarm + 1, signal.len());
        let first = excursion.since.saturating_sub(signal.bins(BEFORE_SECONDS));
        let first = first.max(excursion.not_before).min(excursion.alarm);
        let known = excursion.baseline.variation;
        Self {
            signal,
            expected,
            scatter: Scatter {
                overdispersion: known.overdispersion,
                wave: known.wave,
            },
            scope: first as f64..(excursion.alarm + 1) as f64,
            end,
        }
    }

    /// Every start in the scope, every length of ramp, by cells of even width.
    fn coarse(&self) -> Vec<Candidate> {
        let cells = cells::even(
            self.signal,
            self.expected,
            self.scope.start as usize..self.end,
            COARSE_CELLS,
        );
        let lengths = self.lengths(2.0);
        let starts = cells.iter().filter(|cell| cell.from < self.scope.end);
        let starts: Vec<(f64, f64)> = starts.map(|cell| (cell.from, cell.to)).collect();
        let steps = starts.iter().flat_map(|(from, to)| {
            // Next to a rate of nothing, a bin of which a part is changed must fit.
            [0.0, 0.25, 0.5, 0.75].map(|part| Shape {
                at: from + part * (to - from),
                length: 0.0,
            })
        });
        let ramps = lengths[1..].iter().flat_map(|length| {
            // How a long ramp begins is not told to the bin.
            let width = starts.first().map_or(1.0, |(from, to)| to - from);
            let stride = (length / width / 6.0) as usize + 1;
            let starts = starts.iter().step_by(stride);
            starts.map(|(at, _)| Shape {
                at: *at,
                length: *length,
            })
        });
        self.candidates(&cells, steps.chain(ramps), lengths.len() - 1)
    }

    /// Lengths of ramps, each so many times the one before; 0 is a step.
    fn lengths(&self, times: f64) -> Vec<f64> {
        let longest =
            LONGEST_RAMP.min(4.0 * (self.end as f64 - self.scope.start) * self.signal.bin_seconds);
        let ramps = std::iter::successors(Some(SHORTEST_RAMP), |length| Some(length * times));
        let ramps = ramps.take_while(|length| *length <= longest);
        let in_bins = ramps.map(|length| length / self.signal.bin_seconds);
        std::iter::once(0.0)
            .chain(in_bins.filter(|bins| *bins >= 1.0))
            .collect()
    }

    /// How probable each shape is, where `ramps` lengths of ramp were possible.
    fn candidates(
        &self,
        cells: &[Cell],
        shapes: impl Iterator<Item = Shape>,
        ramps: usize,
    ) -> Vec<Candidate> {
        let mut parts = Vec::with_capacity(cells.len());
        let mut judged = |shape: Shape| {
            let fit = fit(
                cells,
                shape,
                self.signal.direction,
                self.scatter,
                &mut parts,
            )?;
            let prior = if shape.length > 0.0 {
                RAMPS / ramps as f64
            } else {
                1.0 - RAMPS
            };
            Some(Candidate {
                shape,
                fit,
                weight: fit.marginal + prior.ln(),
            })
        };
        shapes.filter_map(&mut judged).collect()
    }

    /// What the failure itself tells of how counts scatter: often there was too little before it.
    fn learn(&mut self, excursion: &Excursion, best: Candidate) {
        let bins = (best.shape.at.floor() as usize).max(1)..self.end;
        let told: Vec<(f64, f64)> = bins
            .filter(|bin| self.signal.weights[*bin] > 0.0)
            .map(|bin| {
                let part = best.shape.part(bin as f64, (bin + 1) as f64);
                (
                    self.signal.counts[bin],
                    self.expected[bin] * (1.0 + best.fit.height * part),
                )
            })
            .collect();
        let known = excursion.baseline.variation;
        let before = (known.overdispersion, known.overdispersion_error);
        let mut moments = Moments::default();
        for (seen, mean) in &told {
            moments.add(*seen, *mean);
        }
        let (alpha, _) = weighted(moments.alpha(), before);
        let alpha = alpha.clamp(0.0, MOST_OVERDISPERSION);
        self.scatter = Scatter {
            overdispersion: alpha,
            wave: known.wave.max(wave(&told, alpha)),
        };
    }

    /// What the first look left over, by fine steps.
    fn close(&self, coarse: &[Candidate], best: Candidate) -> Vec<Candidate> {
        let width = (self.end as f64 - self.scope.start) / COARSE_CELLS as f64;
        let margin = 2.0 * width.ceil().max(1.0);
        let kept = || coarse.iter().filter(|c| c.weight >= best.weight - DROPPED);
        let first = kept().map(|c| c.shape.at).fold(best.shape.at, f64::min) - margin;
        let last = kept().map(|c| c.shape.at).fold(best.shape.at, f64::max) + margin;
        let (first, last) = (first.max(self.scope.start), last.min(self.scope.end));
        let step = (last - first) / POINTS as f64;
        let starts: Vec<f64> = (0..POINTS)
            .map(|i| first + step * (i as f64 + 0.5))
            .collect();
        let half = std::f64::consts::SQRT_2;
        let likely = |length: &f64| {
            *length <= 0.0
                || coarse
                    .iter()
                    .filter(|c| c.weight >= best.weight - UNLIKELY)
                    .any(|c| {
                        let ratio = c.shape.length / length;
                        c.shape.length > 0.0 && (0.9 / half..1.1 * half).contains(&ratio)
                    })
        };
        let mut lengths = self.lengths(half);
        let ramps = lengths.len() - 1;
        lengths.retain(likely);
        let of_length = |at: f64| {
            lengths.iter().map(move |length| Shape {
                at,
                length: *length,
            })
        };
        let shapes = starts.iter().flat_map(|at| of_length(*at));
        let close = first.floor() as usize..(last.ceil() as usize).min(self.end);
        let cells = cells::focused(self.signal, self.expected, close, self.end, CLOSE_CELLS);
        self.candidates(&cells, shapes, ramps)
    }

    fn told(candidates: &[Candidate]) -> Backdated {
        let best = likeliest(candidates);
        let mass = |c: &Candidate| (c.weight - best.weight).exp();
        let all: f64 = candidates.iter().map(mass).sum();
        let is_ramp = |c: &&Candidate| c.shape.length > 0.0;
        let ramp_probability = candidates.iter().filter(is_ramp).map(mass).sum::<f64>() / all;
        let model = if ramp_probability > 0.5 {
            Model::Ramp
        } else {
            Model::Step
        };
        let of_model = |c: &&Candidate| is_ramp(c) == (model == Model::Ramp);
        let mut by_start: Vec<(f64, f64)> =
            candidates.iter().map(|c| (c.shape.at, mass(c))).collect();
        by_start.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut own: Vec<(f64, f64)> = candidates
            .iter()
            .filter(of_model)
            .map(|c| (c.shape.at, mass(c)))
            .collect();
        own.sort_by(|a, b| a.0.total_cmp(&b.0));
        let at = quantile(&own, 0.5);
        let owned: Vec<Candidate> = candidates.iter().filter(of_model).copied().collect();
        let shown = likeliest(&owned);
        let earliest = quantile(&by_start, OUTSIDE).min(at) - WITHIN_BIN;
        let latest = quantile(&by_start, 1.0 - OUTSIDE).max(at) + WITHIN_BIN;
        Backdated {
            at,
            earliest: earliest.max(0.0),
            latest,
            model,
            ramp_probability,
            ramp: shown.shape.length,
            ratio: 1.0 + shown.fit.height,
            evidence: shown.fit.gained,
        }
    }
}

/// Where this share of the mass lies before; sorted by place.
fn quantile(places: &[(f64, f64)], share: f64) -> f64 {
    let all: f64 = places.iter().map(|p| p.1).sum();
    let mut sum = 0.0;
    for (place, mass) in places {
        sum += mass;
        if sum >= share * all {
            return *place;
        }
    }
    places.last().map_or(0.0, |p| p.0)
}

/// How much neighbours go together in what they are off their means: (1 + r) / (1 − r).
fn wave(told: &[(f64, f64)], alpha: f64) -> f64 {
    let off: Vec<f64> = told
        .iter()
        .map(|(seen, mean)| (seen - mean) / (mean * (1.0 + alpha * mean)).sqrt().max(0.1))
        .collect();
    let squares: f64 = off.iter().map(|off| off * off).sum();
    let products: f64 = off.windows(2).map(|pair| pair[0] * pair[1]).sum();
    if off.len() < 10 || squares <= 0.0 {
        return 1.0;
    }
    let together = (products / squares).clamp(0.0, 0.9);
    // What chance alone may give counts for little.
    let surely = together * together * off.len() as f64;
    let together = together * surely / (surely + 2.0);
    (1.0 + together) / (1.0 - together)
}
