use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use watchfire_schemas::{Clock, LabelSet, MetricKind, SeriesSamples, Timestamp};

use super::findings::Findings;
use super::{ProbeConfig, ProbeKind};
use crate::hand_over::{Destination, Gathering, HandOver, end_of, hand_over, one_sample};
use crate::{Collector, GatherMeters};

/// First probes are spread over so much time.
const SPREAD: Duration = Duration::from_secs(2);

/// Tries what is configured, again and again.
#[derive(Debug)]
pub struct Prober(Gathering<Vec<Probing>>);

/// One probe and what it said last.
#[derive(Debug)]
struct Probing {
    config: ProbeConfig,
    out: HandOver,
    clock: Arc<dyn Clock>,
    /// Series of the last run: those that the next one lacks end.
    last: Vec<LabelSet>,
    /// `None` before the first run.
    was_well: Option<bool>,
}

impl Prober {
    /// Ready to start.
    pub fn new(
        collector: Arc<Collector>,
        probes: Vec<ProbeConfig>,
        clock: &Arc<dyn Clock>,
        meters: &GatherMeters,
    ) -> Self {
        Self::with_destination(collector, probes, clock, meters)
    }

    pub(crate) fn with_destination(
        destination: Arc<dyn Destination>,
        probes: Vec<ProbeConfig>,
        clock: &Arc<dyn Clock>,
        meters: &GatherMeters,
    ) -> Self {
        let (out, writer) = hand_over("probe", destination, meters);
        let probing = |config| Probing {
            config,
            out: out.clone(),
            clock: Arc::clone(clock),
            last: Vec::new(),
            was_well: None,
        };
        let probes = probes.into_iter().map(probing).collect();
        Self(Gathering::new(TaskTracker::new(), probes, writer))
    }

    /// Begins. A second call does nothing.
    pub fn start(&self) {
        self.0.start(|probes, tasks, stop| {
            for probing in probes {
                tasks.spawn(probing.run(stop.clone()));
            }
        });
    }

    /// Probes no more, and hands over what was found.
    pub async fn stop(&self) {
        self.0.stop().await;
    }
}

impl Probing {
    async fn run(mut self, stop: CancellationToken) {
        let hash = LabelSet::new([("probe", self.config.name.as_str())]).fingerprint();
        let spread = SPREAD.min(self.config.every).as_nanos().max(1) as u64;
        let first = Instant::now() + Duration::from_nanos(hash % spread);
        let mut ticks = interval_at(first, self.config.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let at = self.clock.now();
            let began = Instant::now();
            let mut findings = Findings::default();
            let result = tokio::select! {
                () = stop.cancelled() => return,
                result = self.config.try_once(at, &mut findings) => result,
            };
            findings.flag("probe_success", result.is_ok());
            findings.put("probe_duration_seconds", began.elapsed().as_secs_f64());
            self.tell(&result);
            let series = self.series(findings, at);
            self.out.send(series, Vec::new()).await;
        }
    }

    fn series(&mut self, findings: Findings, at: Timestamp) -> Vec<SeriesSamples> {
        let config = &self.config;
        let found = findings.into_values().into_iter().map(|one| {
            let own = [
                ("job", "probe"),
                ("instance", config.target.as_str()),
                ("probe", config.name.as_str()),
            ];
            let labels = LabelSet::metric(one.name, own.into_iter().chain(one.label));
            one_sample(labels, MetricKind::Gauge, at, one.value)
        });
        let mut series: Vec<SeriesSamples> = found.collect();
        let now: Vec<LabelSet> = series.iter().map(|one| one.labels.clone()).collect();
        let last = std::mem::replace(&mut self.last, now);
        let ended = last
            .into_iter()
            .filter(|labels| !self.last.contains(labels));
        series.extend(ended.map(|labels| end_of(labels, at)));
        series
    }

    /// Says when it begins to fail, and when it is well again.
    fn tell(&mut self, result: &Result<(), String>) {
        let probe = &self.config.name;
        match (result, self.was_well) {
            (Err(reason), None | Some(true)) => {
                tracing::warn!(probe, reason, "probe {probe} fails");
            }
            (Ok(()), Some(false)) => tracing::info!(probe, "probe {probe} succeeds again"),
            _ => {}
        }
        self.was_well = Some(result.is_ok());
    }
}

impl ProbeConfig {
    async fn try_once(&self, at: Timestamp, findings: &mut Findings) -> Result<(), String> {
        let trial = async {
            match &self.kind {
                ProbeKind::Http(http) => http.run(findings).await,
                ProbeKind::Tcp(tcp) => tcp.run(findings).await,
                // Answers of one socket are told apart by their id; the port tells sockets apart.
                ProbeKind::Dns(dns) => dns.run((at.nanos() >> 10) as u16, findings).await,
            }
        };
        let result = timeout(self.timeout, trial).await;
        result.unwrap_or_else(|_| Err(format!("no answer within {:?}", self.timeout)))
    }
}

#[cfg(test)]
mod tests;
