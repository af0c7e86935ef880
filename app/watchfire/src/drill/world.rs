//! The real stack in simulated time: telemetry goes through the collector's intake and log to the
//! stores, rules are evaluated at the points of their schedules, pages go through the outbox to a
//! receiver. No real time passes but what the work takes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use watchfire_alerts::{Alerts, DestinationConfig, Incident, Means, SampleSink, SinkError};
use watchfire_schemas::{
    Attributes, Batch, ChangeEvent, ChangeKind, Clock, LabelSet, ManualClock, SchemaDefinition,
    SeriesSamples, TimeRange, Timestamp,
};

use super::traffic::{EVENT, Second, Service};
use crate::config::Settings;
use crate::inbox::Inbox;
use crate::listeners::{bind, serve};
use crate::migrate;
use crate::signals::TsdbSignals;
use crate::stack::Stores;

pub(crate) const START: Timestamp = Timestamp::from_secs(1_700_000_000);
/// While history is made, telemetry comes in batches of as many seconds.
const HISTORY_BATCH: u64 = 10;
/// How long a page may take to be delivered, in real time.
const PATIENCE: Duration = Duration::from_secs(30);
/// Alertmanager's default: how long a plain page waits for more of its group.
const PLAIN_GROUP_WAIT: Duration = Duration::from_secs(30);

/// The plain rules write no series.
#[derive(Debug)]
struct NoSamples;

#[async_trait]
impl SampleSink for NoSamples {
    async fn write(&self, _: Vec<SeriesSamples>) -> Result<(), SinkError> {
        Ok(())
    }
}

pub(crate) struct World {
    stores: Stores,
    /// The plain rules, over the same telemetry.
    plain: Arc<Alerts>,
    clock: Arc<ManualClock>,
    pub(crate) services: Vec<Service>,
    second: u64,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl World {
    /// Everything is kept in `dir`.
    pub(crate) async fn open(
        mut settings: Settings,
        dir: &Path,
        services: Vec<Service>,
    ) -> anyhow::Result<Self> {
        let clock = Arc::new(ManualClock::at(START));
        let shared: Arc<dyn Clock> = clock.clone();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let receiver = bind("listen", ([127, 0, 0, 1], 0).into()).await?;
        let address = receiver.local_addr()?;
        serve(
            &tasks,
            &stop,
            receiver,
            Inbox::new(Arc::clone(&shared)).router(),
        );
        let url = format!("http://{address}/demo/receiver/webhook").into();
        let secrets = Vec::new();
        let destination = DestinationConfig::new("drill", Means::Webhook { url, secrets });
        settings.data_dir = dir.join("data");
        settings.destinations = vec![destination.clone()];
        settings.schemas = vec![contract()?];
        let stores = Stores::open(&settings, address, &shared, &tasks).await?;
        let plain = plain(&stores, dir, destination, &shared).await?;
        for side in [&stores.alerts, &plain] {
            tasks.spawn(Arc::clone(side).run_deliveries(stop.clone()));
        }
        Ok(Self {
            stores,
            plain,
            clock,
            services,
            second: 0,
            tasks,
            stop,
        })
    }

    /// Lets telemetry come until `second` without asking a rule.
    pub(crate) async fn warm_up(&mut self, second: u64) -> anyhow::Result<()> {
        while self.second < second {
            let mut came = Second::default();
            for _ in 0..HISTORY_BATCH.min(second - self.second) {
                self.pass(&mut came);
            }
            self.take(came).await?;
        }
        Ok(())
    }

    /// Lets telemetry come, as many seconds at once, and both sides judge it, until `second`.
    pub(crate) async fn run(&mut self, second: u64, at_once: u64) -> anyhow::Result<()> {
        while self.second < second {
            let before = self.clock.now();
            let mut came = Second::default();
            for _ in 0..at_once.min(second - self.second) {
                self.pass(&mut came);
            }
            self.take(came).await?;
            for side in [&self.stores.alerts, &self.plain] {
                side.advance(before).await?;
                delivered(side).await?;
            }
        }
        let rules = self
            .stores
            .alerts
            .rules()
            .into_iter()
            .chain(self.plain.rules());
        for rule in rules {
            if let Some(reason) = rule.last_error {
                bail!("the rule {} could not be evaluated: {reason}", rule.name);
            }
        }
        Ok(())
    }

    fn pass(&mut self, into: &mut Second) {
        let at = START + Duration::from_secs(self.second);
        for service in &mut self.services {
            let mut came = service.pass(self.second, at);
            into.spans.append(&mut came.spans);
            into.logs.append(&mut came.logs);
        }
        self.second += 1;
        self.clock.set(at + Duration::from_secs(1));
    }

    async fn take(&self, came: Second) -> anyhow::Result<()> {
        let collector = &self.stores.collector;
        if !came.spans.is_empty() {
            collector.accept("drill", Batch::Spans(came.spans)).await?;
        }
        if !came.logs.is_empty() {
            collector.accept("drill", Batch::Logs(came.logs)).await?;
        }
        for service in &self.services {
            let Some(broken) = service.broken.as_ref().filter(|_| service.case.deploys()) else {
                continue;
            };
            let version = match self.second {
                second if second == broken.start => "2",
                second if second == broken.end => "1",
                _ => continue,
            };
            self.stores
                .alerts
                .record_change(deploy(&service.name, version, self.clock.now()))
                .await?;
        }
        Ok(())
    }

    /// What Watchfire's rules made of it, earliest first.
    pub(crate) async fn incidents(&self) -> anyhow::Result<Vec<Incident>> {
        all_of(&self.stores.alerts).await
    }

    /// What the plain rules made of it, earliest first.
    pub(crate) async fn plain_incidents(&self) -> anyhow::Result<Vec<Incident>> {
        all_of(&self.plain).await
    }

    pub(crate) async fn close(self) {
        self.stop.cancel();
        self.stores.stop_intake().await.close().await;
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn all_of(side: &Alerts) -> anyhow::Result<Vec<Incident>> {
    let mut incidents = side.incidents(TimeRange::ALL, false, 10_000).await?;
    incidents.reverse();
    Ok(incidents)
}

/// Waits until what was queued is delivered: time must not pass before.
async fn delivered(side: &Alerts) -> anyhow::Result<()> {
    let begun = Instant::now();
    while side.undelivered().await? > 0 {
        if begun.elapsed() > PATIENCE {
            bail!("a page was not delivered within {} s", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

async fn plain(
    stores: &Stores,
    dir: &Path,
    destination: DestinationConfig,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Arc<Alerts>> {
    let dir = dir.join("plain");
    std::fs::create_dir_all(&dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    let pool = migrate::open(&dir).await?;
    let config = watchfire_alerts::Config {
        rules: vec![(
            "plain.rules.yml".to_owned(),
            include_str!("plain.rules.yml").to_owned(),
        )],
        destinations: vec![destination],
        alertmanager: None,
        alertmanagers: Vec::new(),
        heartbeat: None,
        evaluation_interval: Duration::from_mins(5),
        group_wait: PLAIN_GROUP_WAIT,
        quiet: Duration::from_mins(5),
        resolve_after: Duration::ZERO,
        external_url: String::new(),
        external_labels: LabelSet::default(),
    };
    let signals = Arc::new(TsdbSignals(Arc::clone(&stores.tsdb)));
    let mut registry = Registry::default();
    let opened = Alerts::open(
        pool,
        config,
        (signals, Arc::new(NoSamples)),
        Arc::clone(clock),
        &mut registry,
    );
    Ok(opened.await?)
}

fn contract() -> anyhow::Result<SchemaDefinition> {
    let definition = json!({
        "name": EVENT,
        "version": "1",
        "event_name": EVENT,
        "schema": {
            "type": "object",
            "properties": {"order.total": {"type": "number"}, "order": {"properties": {"total": {"type": "number"}}}},
        },
    });
    Ok(serde_json::from_value(definition)?)
}

fn deploy(service: &str, version: &str, at: Timestamp) -> ChangeEvent {
    ChangeEvent {
        id: String::new(),
        at,
        kind: ChangeKind::Deploy,
        service: service.to_owned(),
        summary: format!("version {version}"),
        version: Some(version.to_owned()),
        author: None,
        link: None,
        attributes: Attributes::new(),
    }
}
