use std::time::Duration;

use watchfire_schemas::{
    HistogramSample, LabelSet, MetricKind, Sample, SeriesSamples, Temporality, Timestamp,
};
use watchfire_tsdb::{Config, QueryOptions, QueryValue, RangeSeries};

use super::case::{Command, Eval, parse, step_of};
use super::classic::converted;
use super::compare;
use super::values::Point;
use crate::store::Store;

/// What came of a file.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) passed: usize,
    /// The line, the expression and the reason.
    pub(crate) failed: Vec<String>,
}

/// Runs all cases of a file; times are those of the file, from the epoch on.
pub(crate) fn run(text: &str) -> Report {
    let mut report = Report::default();
    let mut stage = Stage::new();
    for (line, command) in parse(text) {
        match command {
            Err(reason) => report.failed.push(format!("{line}: unreadable: {reason}")),
            Ok(Command::Clear) => stage = Stage::new(),
            Ok(Command::Load {
                step,
                with_nhcb,
                series,
            }) => stage.load(step, with_nhcb, &series),
            Ok(Command::Eval(eval)) => match stage.check(&eval) {
                Ok(()) => report.passed += 1,
                Err(reason) => {
                    let told = format!("{}: {}: {reason}", eval.line, eval.expr);
                    report.failed.push(told);
                }
            },
        }
    }
    report
}

/// A store whose clock stands far after all samples.
struct Stage {
    _dir: tempfile::TempDir,
    store: Store,
}

impl Stage {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = Config {
            retention: Duration::from_hours(24 * 365 * 200),
            out_of_order_window: Duration::from_hours(24 * 365 * 100),
            ..Config::default()
        };
        let store = Store::open(dir.path(), config);
        store.at(0);
        Self { _dir: dir, store }
    }

    fn load(&mut self, step: i64, with_nhcb: bool, series: &[(LabelSet, Vec<Point>)]) {
        let mut batch: Vec<SeriesSamples> = Vec::new();
        for (labels, points) in series {
            let mut one = empty(labels.clone());
            for (i, point) in points.iter().enumerate() {
                let t = i as i64 * step;
                match point {
                    Point::None => {}
                    Point::Float(v) => one.samples.push(Sample { t, v: *v }),
                    Point::Histogram(h) => {
                        let h = h.clone();
                        one.histograms.push(HistogramSample { t, h });
                    }
                }
            }
            // Of lines of the same series the last counts.
            batch.retain(|other| other.labels != one.labels);
            batch.push(one);
        }
        if with_nhcb {
            for (labels, histograms) in converted(series, step) {
                let mut one = empty(labels);
                one.histograms = histograms;
                batch.push(one);
            }
        }
        self.store.append(&batch);
    }

    fn check(&self, eval: &Eval) -> Result<(), String> {
        let start = eval.start;
        if let Some((end, step)) = eval.range {
            let answer = match self.range(eval, start, end, step) {
                Err(error) => return compare::failure(eval, &error),
                Ok(answer) => answer,
            };
            if eval.fail.is_some() {
                return Err(format!("did not fail: {:?}", answer.value));
            }
            compare::annotations(eval, &answer.annotations)?;
            let steps = (end - start) / step.max(1) + 1;
            let found: Vec<_> = answer
                .value
                .iter()
                .map(|series| points_of(series, |i| start + i * step, steps))
                .collect();
            return compare::series(eval, &found, false);
        }
        let at = Timestamp::from_millis(start);
        let answer = match self.store.tsdb.query(&eval.expr, at, &options()) {
            Err(error) => return compare::failure(eval, &error),
            Ok(answer) => answer,
        };
        if eval.fail.is_some() {
            return Err(format!("did not fail: {:?}", answer.value));
        }
        compare::annotations(eval, &answer.annotations)?;
        match answer.value {
            QueryValue::Scalar(sample) => {
                let expected = eval
                    .scalar
                    .ok_or(format!("unexpected scalar {}", sample.v))?;
                if !compare::same(sample.v, expected) {
                    return Err(format!("{}, not {expected}", sample.v));
                }
                Ok(())
            }
            QueryValue::String(_, text) if eval.string.as_ref() == Some(&text) => Ok(()),
            QueryValue::String(_, text) => Err(format!("unexpected string {text:?}")),
            QueryValue::Matrix(_) => Err("a matrix".to_owned()),
            QueryValue::Vector(samples) => {
                let found: Vec<_> = samples
                    .into_iter()
                    .map(|sample| {
                        let point = match sample.histogram {
                            Some(histogram) => Point::Histogram(histogram),
                            None => Point::Float(sample.sample.v),
                        };
                        (sample.labels, vec![point])
                    })
                    .collect();
                compare::series(eval, &found, eval.ordered)?;
                self.check_as_range(eval)
            }
        }
    }

    /// The same must come of the middle one of three steps.
    fn check_as_range(&self, eval: &Eval) -> Result<(), String> {
        let minute = 60_000;
        let answer = self.range(eval, eval.start - minute, eval.start + minute, minute);
        let answer = answer.map_err(|error| format!("as a range: {error}"))?;
        let found: Vec<_> = answer
            .value
            .iter()
            .map(|series| points_of(series, |_| eval.start, 1))
            .filter(|(_, points)| points[0] != Point::None)
            .collect();
        compare::series(eval, &found, false).map_err(|reason| format!("as a range: {reason}"))
    }

    fn range(
        &self,
        eval: &Eval,
        start: i64,
        end: i64,
        step: i64,
    ) -> Result<watchfire_tsdb::QueryAnswer<Vec<RangeSeries>>, watchfire_tsdb::QueryError> {
        self.store.tsdb.query_range(
            &eval.expr,
            Timestamp::from_millis(start),
            Timestamp::from_millis(end),
            step_of(step),
            &options(),
        )
    }
}

fn options() -> QueryOptions {
    QueryOptions {
        delayed_name_removal: true,
        ..QueryOptions::default()
    }
}

fn empty(labels: LabelSet) -> SeriesSamples {
    SeriesSamples {
        labels,
        kind: MetricKind::Unknown,
        temporality: Temporality::Cumulative,
        samples: Vec::new(),
        histograms: Vec::new(),
        exemplars: Vec::new(),
    }
}

fn points_of(
    series: &RangeSeries,
    time: impl Fn(i64) -> i64,
    steps: i64,
) -> (LabelSet, Vec<Point>) {
    let at = |i: i64| {
        let t = time(i);
        let float = series.samples.iter().find(|sample| sample.t == t);
        let histogram = series.histograms.iter().find(|sample| sample.t == t);
        match (float, histogram) {
            (Some(float), _) => Point::Float(float.v),
            (None, Some(histogram)) => Point::Histogram(histogram.h.clone()),
            (None, None) => Point::None,
        }
    };
    (series.labels.clone(), (0..steps).map(at).collect())
}
