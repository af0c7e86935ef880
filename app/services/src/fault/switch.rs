use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use serde::Serialize;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::{Clock, Timestamp};

use super::{Fault, FaultError, FaultKind, Faults, admin};

/// Begins and ends faults. Several services may be broken at once, each by one fault; a new one
/// ends the one before.
#[derive(Debug, Clone)]
pub struct FaultSwitch {
    services: Arc<BTreeMap<&'static str, Arc<Faults>>>,
    /// What is on, with its times; held while a fault begins or ends, so that both are one after
    /// the other.
    in_force: Arc<Mutex<BTreeMap<String, InForce>>>,
    /// Told when there is another end to wait for.
    changed: Arc<Notify>,
    deploys: mpsc::UnboundedSender<Deploy>,
    clock: Arc<dyn Clock>,
}

/// A fault that is on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultInForce {
    /// What was begun.
    #[serde(flatten)]
    pub fault: Fault,
    /// When.
    pub begun_at: Timestamp,
    /// When it ends by itself, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}

#[derive(Debug)]
struct InForce {
    told: FaultInForce,
    until: Option<Instant>,
}

/// What the switch asks of whoever runs the services.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Deploy {
    /// Bring out a change that fails for this share of its inputs.
    Bad { service: &'static str, share: f64 },
    /// Go back to what was before.
    RollBack { service: &'static str },
}

impl FaultSwitch {
    pub(crate) fn new(
        services: BTreeMap<&'static str, Arc<Faults>>,
        deploys: mpsc::UnboundedSender<Deploy>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            services: Arc::new(services),
            in_force: Arc::default(),
            changed: Arc::default(),
            deploys,
            clock,
        }
    }

    /// Begins a fault; the one that its service had before ends.
    pub fn begin(&self, fault: Fault) -> Result<(), FaultError> {
        let (service, faults) = self.known(&fault.service)?;
        fault.check(faults.stands_alone)?;
        let mut in_force = self.in_force();
        self.end_one(&mut in_force, service);
        let lasts = fault.for_seconds.map(Duration::from_secs);
        let begun_at = self.clock.now();
        let told = FaultInForce {
            fault: fault.clone(),
            begun_at,
            ends_at: lasts.map(|lasts| begun_at + lasts),
        };
        let until = lasts.map(|lasts| Instant::now() + lasts);
        in_force.insert(fault.service.clone(), InForce { told, until });
        if fault.kind == FaultKind::BadDeploy {
            let share = fault.share;
            self.deploy(Deploy::Bad { service, share });
        }
        faults.set(Some(fault));
        self.changed.notify_one();
        Ok(())
    }

    /// Ends the fault of a service, if it has one.
    pub fn end(&self, service: &str) -> Result<(), FaultError> {
        let (service, _) = self.known(service)?;
        self.end_one(&mut self.in_force(), service);
        Ok(())
    }

    /// Ends all faults.
    pub fn end_all(&self) {
        self.end_where(|_| true);
    }

    /// The faults that are on, by service.
    pub fn current(&self) -> Vec<FaultInForce> {
        let in_force = self.in_force();
        in_force.values().map(|one| one.told.clone()).collect()
    }

    /// The services that can be broken, each with the kinds that can hit it.
    pub fn services(&self) -> BTreeMap<&'static str, Vec<FaultKind>> {
        let kinds = |service: &str, faults: &Faults| {
            let all = FaultKind::ALL.into_iter();
            all.filter(|kind| kind.missing_in(service, faults.stands_alone).is_none())
                .collect()
        };
        let services = self.services.iter();
        services
            .map(|(service, faults)| (*service, kinds(service, faults)))
            .collect()
    }

    /// `/admin/faults`, for who listens on loopback; nothing for others.
    pub(crate) fn routes(&self, listens: SocketAddr) -> Router {
        if listens.ip().is_loopback() {
            admin::router(self.clone())
        } else {
            Router::new()
        }
    }

    /// Ends each fault whose time is over, until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        loop {
            let next = self.in_force().values().filter_map(|one| one.until).min();
            let due = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.changed.notified() => {}
                () = due => {
                    let now = Instant::now();
                    self.end_where(|one| one.until.is_some_and(|until| until <= now));
                }
            }
        }
    }

    fn end_where(&self, ends: impl Fn(&InForce) -> bool) {
        let mut in_force = self.in_force();
        for service in self.services.keys() {
            if in_force.get(*service).is_some_and(&ends) {
                self.end_one(&mut in_force, service);
            }
        }
    }

    fn end_one(&self, in_force: &mut BTreeMap<String, InForce>, service: &'static str) {
        in_force.remove(service);
        let ended = self.services[service].set(None);
        if ended.is_some_and(|fault| fault.kind == FaultKind::BadDeploy) {
            self.deploy(Deploy::RollBack { service });
        }
    }

    fn known(&self, asked: &str) -> Result<(&'static str, &Arc<Faults>), FaultError> {
        let found = self.services.get_key_value(asked);
        let found = found.map(|(service, faults)| (*service, faults));
        found.ok_or_else(|| {
            let names: Vec<&str> = self.services.keys().copied().collect();
            FaultError::UnknownService {
                asked: asked.to_owned(),
                known: names.join(", "),
            }
        })
    }

    fn in_force(&self) -> MutexGuard<'_, BTreeMap<String, InForce>> {
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deploy(&self, deploy: Deploy) {
        if self.deploys.send(deploy).is_err() {
            tracing::warn!("services are stopping, no deploy is made");
        }
    }
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::SystemClock;

    use super::*;

    fn switch() -> (FaultSwitch, mpsc::UnboundedReceiver<Deploy>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let services = ["content", "payments"].map(|service| (service, Arc::new(Faults::none(1))));
        let clock = Arc::new(SystemClock);
        (FaultSwitch::new(services.into(), sender, clock), receiver)
    }

    fn kinds(switch: &FaultSwitch) -> Vec<(String, FaultKind)> {
        let current = switch.current().into_iter();
        current
            .map(|one| (one.fault.service, one.fault.kind))
            .collect()
    }

    #[test]
    fn each_service_has_one_fault_and_a_bad_deploy_is_rolled_back() {
        let (switch, mut deploys) = switch();
        let begin = |service, kind| switch.begin(Fault::new(service, kind).share(0.5));
        begin("content", FaultKind::BadDeploy).unwrap();
        begin("payments", FaultKind::PoisonMessage).unwrap();
        begin("content", FaultKind::Errors).unwrap();
        let errors = ("content".to_owned(), FaultKind::Errors);
        let poison = ("payments".to_owned(), FaultKind::PoisonMessage);
        assert_eq!(kinds(&switch), [errors, poison.clone()]);
        switch.end("content").unwrap();
        switch.end("content").unwrap();
        assert_eq!(kinds(&switch), [poison]);
        switch.end_all();
        assert_eq!(kinds(&switch), []);
        let (service, share) = ("content", 0.5);
        assert_eq!(deploys.try_recv(), Ok(Deploy::Bad { service, share }));
        assert_eq!(deploys.try_recv(), Ok(Deploy::RollBack { service }));
        assert!(deploys.try_recv().is_err());
    }

    #[test]
    fn a_service_that_is_not_here_is_named_with_those_that_are() {
        let (switch, _deploys) = switch();
        let error = switch.end("orders").unwrap_err();
        let expected = "service orders is not running here: content, payments";
        assert_eq!(error.to_string(), expected);
        let error = switch.begin(Fault::new("orders", FaultKind::Errors));
        assert_eq!(error.unwrap_err().to_string(), expected);
    }

    #[tokio::test]
    async fn a_fault_with_a_time_ends_by_itself() {
        let (switch, mut deploys) = switch();
        let stop = CancellationToken::new();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(switch.clone().run(stop.clone()));
        let mut short = Fault::new("content", FaultKind::BadDeploy);
        short.for_seconds = Some(1);
        switch.begin(short).unwrap();
        switch
            .begin(Fault::new("payments", FaultKind::Errors))
            .unwrap();
        deploys.recv().await.unwrap();
        assert_eq!(kinds(&switch).len(), 2);
        let service = "content";
        assert_eq!(deploys.recv().await, Some(Deploy::RollBack { service }));
        let left = ("payments".to_owned(), FaultKind::Errors);
        assert_eq!(kinds(&switch), [left]);
        stop.cancel();
        tasks.join_all().await;
    }
}
