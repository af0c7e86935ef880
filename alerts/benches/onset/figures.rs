use watchfire_alerts::onset::{Model, estimate};

use crate::generator::{Scenario, simulate};

/// What came of many series.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    runs: usize,
    /// Those alarmed before anything had begun.
    early: usize,
    delays: Vec<f64>,
    errors: Vec<f64>,
    biases: Vec<f64>,
    widths: Vec<f64>,
    covered: usize,
    right_model: usize,
    recoveries: Vec<f64>,
}

impl Figures {
    pub(crate) fn add(&mut self, scenario: &Scenario, seed: u64) {
        let series = simulate(scenario, seed);
        let found = estimate(&series.input).expect("a simulated series makes sense");
        self.runs += 1;
        let seconds = |at: watchfire_schemas::Timestamp| at.seconds_since(series.input.start);
        let (Some(onset), Some(detected)) = (found.onset, found.detected_at) else {
            self.delays.push(f64::INFINITY);
            return;
        };
        if seconds(detected) <= series.onset {
            self.early += 1;
            return;
        }
        self.delays.push(seconds(detected) - series.onset);
        self.errors.push((seconds(onset.at) - series.onset).abs());
        self.biases.push(seconds(onset.at) - series.onset);
        self.widths
            .push(seconds(onset.latest) - seconds(onset.earliest));
        let covers =
            seconds(onset.earliest) <= series.onset && series.onset <= seconds(onset.latest);
        self.covered += usize::from(covers);
        let model = if scenario.ramp > 0.0 {
            Model::Ramp
        } else {
            Model::Step
        };
        self.right_model += usize::from(onset.model == model);
        let over = found
            .recovered_at
            .map_or(f64::INFINITY, |at| (seconds(at) - series.end).abs());
        self.recoveries.push(over);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.runs += other.runs;
        self.early += other.early;
        self.covered += other.covered;
        self.right_model += other.right_model;
        self.delays.extend(&other.delays);
        self.errors.extend(&other.errors);
        self.biases.extend(&other.biases);
        self.widths.extend(&other.widths);
        self.recoveries.extend(&other.recoveries);
    }

    pub(crate) const HEADER: &'static str = "     n early  detect p50  p90 | error p50  p90  bias | covered  width p50  p90 | model | recovery p50 p90";

    pub(crate) fn row(&self) -> String {
        let dated = self.errors.len().max(1) as f64;
        format!(
            "{:6} {:5} {:11.0} {:4.0} | {:9.1} {:4.0} {:5.1} | {:6.1}% {:10.0} {:4.0} | {:4.0}% | {:8.0} {:4.0}",
            self.runs,
            self.early,
            quantile(&self.delays, 0.5),
            quantile(&self.delays, 0.9),
            quantile(&self.errors, 0.5),
            quantile(&self.errors, 0.9),
            quantile(&self.biases, 0.5),
            self.covered as f64 / dated * 100.0,
            quantile(&self.widths, 0.5),
            quantile(&self.widths, 0.9),
            self.right_model as f64 / dated * 100.0,
            quantile(&self.recoveries, 0.5),
            quantile(&self.recoveries, 0.9),
        )
    }
}

pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len().saturating_sub(1) as f64 * q).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
