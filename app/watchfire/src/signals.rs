//! What alerts asks of the telemetry, answered by the time-series store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task;
use watchfire_alerts::{SignalError, SignalSeries, Signals};
use watchfire_schemas::{HistogramSample, LabelSet, Timestamp};
use watchfire_tsdb::{InstantSample, QueryError, QueryOptions, QueryValue, Selector, Tsdb};

/// A rule that takes longer than this is told as failed rather than holding up its group.
const DEADLINE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct TsdbSignals(pub(crate) Arc<Tsdb>);

impl TsdbSignals {
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Tsdb) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, SignalError> {
        let tsdb = Arc::clone(&self.0);
        let answer = task::spawn_blocking(move || question(&tsdb)).await;
        answer
            .map_err(|error| SignalError(error.to_string()))?
            .map_err(|error| SignalError(error.to_string()))
    }
}

#[async_trait]
impl Signals for TsdbSignals {
    async fn instant(&self, expr: &str, at: Timestamp) -> Result<Vec<SignalSeries>, SignalError> {
        let expr = expr.to_owned();
        let options = QueryOptions::within(DEADLINE);
        let answer = self
            .ask(move |tsdb| tsdb.query(&expr, at, &options))
            .await?;
        Ok(match answer.value {
            QueryValue::Scalar(sample) => {
                vec![SignalSeries {
                    labels: LabelSet::default(),
                    samples: vec![sample],
                    histograms: Vec::new(),
                }]
            }
            QueryValue::Vector(vector) => vector.into_iter().map(series).collect(),
            QueryValue::String(..) | QueryValue::Matrix(_) => {
                return Err(SignalError(
                    "a rule's expression must give a scalar or an instant vector".to_owned(),
                ));
            }
        })
    }

    async fn range(
        &self,
        expr: &str,
        start: Timestamp,
        end: Timestamp,
        step: Duration,
    ) -> Result<Vec<SignalSeries>, SignalError> {
        let expr = expr.to_owned();
        let options = QueryOptions::within(DEADLINE);
        let answer = self
            .ask(move |tsdb| tsdb.query_range(&expr, start, end, step, &options))
            .await?;
        Ok(answer
            .value
            .into_iter()
            .map(|series| SignalSeries {
                labels: series.labels,
                samples: series.samples,
                histograms: series.histograms,
            })
            .collect())
    }

    async fn increments(
        &self,
        selector: &str,
        start: Timestamp,
        bin: Duration,
        bins: usize,
    ) -> Result<Vec<f64>, SignalError> {
        let selector = Selector::parse(selector).map_err(|error| SignalError(error.to_string()))?;
        self.ask(move |tsdb| Ok(tsdb.increments(&selector, start, bin, bins)))
            .await
    }
}

/// A number or a histogram, never both.
fn series(one: InstantSample) -> SignalSeries {
    let t = one.sample.t;
    let histograms: Vec<HistogramSample> = one
        .histogram
        .map(|h| HistogramSample { t, h })
        .into_iter()
        .collect();
    SignalSeries {
        labels: one.labels,
        samples: if histograms.is_empty() {
            vec![one.sample]
        } else {
            Vec::new()
        },
        histograms,
    }
}
