use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::registry::Registry;
use sqlx::SqlitePool;
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use watchfire_schemas::{ChangeEvent, Clock, LabelSet, TimeRange, Timestamp};

use crate::alert_state::AlertStates;
use crate::alertmanagers::Alertmanagers;
use crate::delivery_feedback::IncidentFeedback;
use crate::evaluation::{Board, LoadedGroup, Memory, Meters, read_groups};
use crate::heartbeat::Heartbeat;
use crate::hooks::HookInbox;
use crate::incident::store;
use crate::outbox::Outbox;
use crate::reliability::{Ledger, ResponseMeters};
use crate::routing::{AlertmanagerFile, Routing, RoutingConfig, is_received};
use crate::{
    AlertInstance, Delivery, DestinationConfig, DestinationStatus, Incident, RuleStatus,
    SampleSink, Secret, Signals, alert_store, changes,
};

/// How long a task that broke down waits before it is started again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// What runs for as long as alerts do.
#[derive(Debug, Clone)]
enum Task {
    /// Evaluates one group of rules.
    Group(Arc<LoadedGroup>),
    /// Sends pages whose time to wait for more alerts is over.
    Pages,
    /// Delivers what is queued.
    Outbox,
    /// Looks after exception groups.
    ExceptionGroups,
    /// Tells external Alertmanagers.
    Alertmanagers,
    /// Tells somebody outside that we live.
    Heartbeat,
    /// Tells receivers of groups of alerts.
    Routing,
    /// Records the response times of incidents that resolved.
    Recording,
    /// Does what was asked from outside.
    Hooks,
}

#[derive(Debug, Clone)]
pub struct Config {
    /// Rule files as (name, YAML text). The default pack is [`Alerts::default_rules`].
    pub rules: Vec<(String, String)>,
    pub destinations: Vec<DestinationConfig>,
    /// Where groups of alerts are routed; none if only incidents are told of.
    pub alertmanager: Option<AlertmanagerFile>,
    /// How often rules are evaluated where their group does not say.
    pub evaluation_interval: Duration,
    /// How long an incident gathers alerts before it pages.
    pub group_wait: Duration,
    /// How long all signals must be quiet before an incident counts as recovered.
    pub quiet: Duration,
    /// How long after recovery an incident resolves by itself.
    pub resolve_after: Duration,
    /// The console's address, for links.
    pub external_url: String,
    /// What templates find as `$externalLabels`.
    pub external_labels: LabelSet,
    /// External Alertmanagers that are told of all alerts, as a Prometheus does.
    pub alertmanagers: Vec<Secret>,
    /// Told every minute while rules are evaluated.
    pub heartbeat: Option<Secret>,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{file}:{line}:{column}: {reason}")]
    Rules {
        file: String,
        line: usize,
        column: usize,
        reason: String,
    },
    #[error("the database could not be read")]
    Store(#[source] StoreError),
    #[error("destination {name}: {reason}")]
    Destination { name: String, reason: String },
}

#[derive(Debug, thiserror::Error)]
#[error("the database did not answer as expected")]
pub struct StoreError(#[from] pub sqlx::Error);

#[derive(Debug, thiserror::Error)]
pub enum ActError {
    #[error("there is no {what} {id}")]
    NotFound { what: &'static str, id: String },
    /// It does not go together with how things stand.
    #[error("{0}")]
    Refused(String),
    /// What was said cannot be meant.
    #[error("{member}: {reason}")]
    Invalid {
        member: &'static str,
        reason: String,
    },
    #[error("the database could not be written")]
    Store(#[source] StoreError),
}

/// The facade of the crate.
#[derive(Debug)]
pub struct Alerts {
    pub(crate) pool: SqlitePool,
    pub(crate) config: Config,
    pub(crate) signals: Arc<dyn Signals>,
    /// Where what rules compute goes.
    pub(crate) samples: Arc<dyn SampleSink>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) alertmanagers: Alertmanagers,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) opened_at: Timestamp,
    pub(crate) routing: Routing,
    pub(crate) hook_inbox: HookInbox,
    /// Those in use, replaced as a whole. Never held across an await.
    groups: RwLock<Arc<[Arc<LoadedGroup>]>>,
    /// Told when they are replaced.
    regrouped: Notify,
    /// Held by who replaces them.
    pub(crate) reloading: tokio::sync::Mutex<()>,
    pub(crate) meters: Meters,
    /// All incidents, as response times need them.
    pub(crate) ledger: Ledger,
    pub(crate) responses: ResponseMeters,
    /// Held by whoever changes incidents: evaluations, follow-ups and humans, one at a time. Only
    /// deliveries write beside it, and only what nobody else does.
    pub(crate) step: tokio::sync::Mutex<()>,
    /// How alerts stand, as last committed. Never held across an await.
    board: Mutex<Board>,
}

impl Alerts {
    /// The tables of this crate, in order: (version, name, SQL). The binary runs them.
    pub const MIGRATIONS: &'static [(i64, &'static str, &'static str)] =
        crate::migrations::MIGRATIONS;

    /// The rules that ship with Watchfire.
    pub fn default_rules() -> (String, String) {
        let text = include_str!("../rules/default.rules.yml");
        ("default.rules.yml".to_owned(), text.to_owned())
    }

    /// Restores all state from the database. Nothing runs until [`Self::run`].
    pub async fn open(
        pool: SqlitePool,
        config: Config,
        (signals, samples): (Arc<dyn Signals>, Arc<dyn SampleSink>),
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, OpenError> {
        let read = read_groups(&config.rules).map_err(first_finding)?;
        let states = alert_store::load(&pool).await.map_err(store_error)?;
        let rules = || read.iter().flat_map(|(_, group)| &group.rules);
        let known = |key: &str| is_received(key) || rules().any(|rule| rule.key() == key);
        let (states, gone): (BTreeMap<_, AlertStates>, BTreeMap<_, AlertStates>) =
            states.into_iter().partition(|(key, _)| known(key));
        for key in gone.keys() {
            alert_store::forget(&pool, key).await.map_err(store_error)?;
        }
        let groups = read.into_iter().map(|(file, group)| {
            let memory = Memory::restored(&group, &states);
            LoadedGroup::new(file, group, memory)
        });
        let groups: Vec<Arc<LoadedGroup>> = groups.collect();
        let routes = match &config.alertmanager {
            Some(file) => RoutingConfig::read(file).map_err(first_finding)?,
            None => RoutingConfig::without_file(),
        };
        let routes = Arc::new(routes);
        let outbox = Outbox::open(
            pool.clone(),
            (config.destinations.clone(), &routes.receivers),
            Arc::new(IncidentFeedback),
            clock.clone(),
            registry,
        )
        .await?;
        let alertmanagers = Alertmanagers::open(&config.alertmanagers, registry)?;
        let heartbeat = Heartbeat::open(config.heartbeat.as_ref(), registry)?;
        let routing = Routing::open(&pool, Arc::clone(&routes), clock.clone(), registry);
        let routing = routing.await.map_err(store_error)?;
        let alerts = Self {
            pool,
            config,
            signals,
            samples,
            opened_at: clock.now(),
            clock,
            outbox,
            alertmanagers,
            heartbeat,
            routing,
            hook_inbox: HookInbox::default(),
            groups: RwLock::default(),
            regrouped: Notify::new(),
            reloading: tokio::sync::Mutex::new(()),
            meters: Meters::register(registry),
            ledger: Ledger::default(),
            responses: ResponseMeters::register(registry),
            step: tokio::sync::Mutex::new(()),
            board: Mutex::new(Board::restored(states)),
        };
        alerts.put_in_use(groups);
        alerts.regroup(routes).await.map_err(OpenError::Store)?;
        Ok(Arc::new(alerts))
    }

    /// Evaluates rules, keeps incidents and delivers notifications until cancelled; then finishes
    /// what is in flight. A task that panics is started again: one rule must not silence the rest.
    pub async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let mut tasks = JoinSet::new();
        let mut running: HashMap<tokio::task::Id, Task> = HashMap::new();
        let mut due: Vec<Task> = vec![
            Task::Pages,
            Task::Routing,
            Task::Outbox,
            Task::Hooks,
            Task::ExceptionGroups,
            Task::Alertmanagers,
            Task::Heartbeat,
            Task::Recording,
        ];
        due.extend(self.groups().iter().cloned().map(Task::Group));
        loop {
            for task in due.drain(..) {
                let started = tasks.spawn(self.clone().run_task(task.clone(), cancel.clone()));
                running.insert(started.id(), task);
            }
            let ended = tokio::select! {
                ended = tasks.join_next_with_id() => ended,
                () = self.regrouped.notified(), if !cancel.is_cancelled() => {
                    due = self.groups_without_task(running.values());
                    continue;
                }
            };
            let Some(ended) = ended else {
                return;
            };
            let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
            let task = running.remove(&id);
            if let Err(error) = ended {
                tracing::error!(%error, ?task, "a task of alerts broke down; it is started again");
                if !cancel.is_cancelled() {
                    tokio::time::sleep(RESTART_PAUSE).await;
                    due.extend(task);
                }
            }
        }
    }

    fn groups_without_task<'t>(&self, running: impl Iterator<Item = &'t Task>) -> Vec<Task> {
        let running: Vec<*const LoadedGroup> = running
            .filter_map(|task| match task {
                Task::Group(group) => Some(Arc::as_ptr(group)),
                Task::Pages
                | Task::Routing
                | Task::Outbox
                | Task::Hooks
                | Task::ExceptionGroups
                | Task::Alertmanagers
                | Task::Heartbeat
                | Task::Recording => None,
            })
            .collect();
        let groups = self.groups();
        let new = groups
            .iter()
            .filter(|group| !running.contains(&Arc::as_ptr(group)));
        new.cloned().map(Task::Group).collect()
    }

    async fn run_task(self: Arc<Self>, task: Task, cancel: CancellationToken) {
        match task {
            Task::Group(group) => self.run_group(&group, cancel).await,
            Task::Pages => self.run_pages(cancel).await,
            Task::Routing => self.run_routing(cancel).await,
            Task::Outbox => self.outbox.clone().run(cancel).await,
            Task::ExceptionGroups => self.run_group_upkeep(cancel).await,
            Task::Alertmanagers => self.alertmanagers.run(cancel).await,
            Task::Heartbeat => self.run_heartbeat(cancel).await,
            Task::Recording => self.run_recording(cancel).await,
            Task::Hooks => self.run_hooks(cancel).await,
        }
    }

    /// Keeps a change and gives it an id; destinations that ask for changes are told.
    pub async fn record_change(&self, change: ChangeEvent) -> Result<ChangeEvent, StoreError> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let change = changes::record(&mut tx, change).await?;
        let told = self
            .outbox
            .enqueue_change(&mut tx, &change, &self.config.external_url);
        told.await?;
        tx.commit().await?;
        self.outbox.wake();
        Ok(change)
    }

    /// Newest first.
    pub async fn changes(
        &self,
        range: TimeRange,
        service: Option<&str>,
    ) -> Result<Vec<ChangeEvent>, StoreError> {
        Ok(changes::within(&self.pool, range, service).await?)
    }

    /// Newest first. Incidents that overlap the range; `open_only` leaves out what is resolved.
    pub async fn incidents(
        &self,
        range: TimeRange,
        open_only: bool,
        limit: usize,
    ) -> Result<Vec<Incident>, StoreError> {
        let records = store::overlapping(&self.pool, range, open_only, limit).await?;
        Ok(self.shown(records).await?)
    }

    pub async fn incident(&self, id: &str) -> Result<Option<Incident>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let Some(record) = store::by_id(&mut connection, id).await? else {
            return Ok(None);
        };
        drop(connection);
        let timeline = store::timeline(&self.pool, id).await?;
        Ok(Some(record.shown(timeline)))
    }

    pub async fn deliveries(
        &self,
        incident: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.outbox.deliveries(incident, limit).await
    }

    pub async fn destinations(&self) -> Result<Vec<DestinationStatus>, StoreError> {
        self.outbox.destinations().await
    }

    pub fn rules(&self) -> Vec<RuleStatus> {
        let groups = self.groups();
        let board = self.board();
        let all = groups
            .iter()
            .flat_map(|group| group.rules.rules.iter().map(move |rule| (group, rule)));
        all.map(|(group, rule)| board.status(group, rule)).collect()
    }

    /// Pending and firing.
    pub fn active_alerts(&self) -> Vec<AlertInstance> {
        self.board().active()
    }

    /// The groups in use.
    pub(crate) fn groups(&self) -> Arc<[Arc<LoadedGroup>]> {
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&groups)
    }

    pub(crate) fn put_in_use(&self, groups: Vec<Arc<LoadedGroup>>) {
        for group in &groups {
            let interval = self.interval_of(group).as_secs_f64();
            self.meters
                .of(group)
                .begin(group.rules.rules.len(), interval);
        }
        let mut known = self.groups.write().unwrap_or_else(PoisonError::into_inner);
        *known = groups.into();
        drop(known);
        self.regrouped.notify_one();
    }

    pub(crate) fn board(&self) -> MutexGuard<'_, Board> {
        // A panic elsewhere cannot leave the board half-written: it is only ever replaced whole.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn store_error(error: sqlx::Error) -> OpenError {
    OpenError::Store(StoreError(error))
}

fn first_finding(findings: Vec<crate::RuleFinding>) -> OpenError {
    let first = findings.into_iter().next();
    let finding = first.expect("a file that is refused has a finding");
    OpenError::Rules {
        file: finding.file,
        line: finding.line,
        column: finding.column,
        reason: finding.reason,
    }
}
