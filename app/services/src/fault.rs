use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// What a fault does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// A share of one route's requests fails with an exception.
    Errors,
    /// One route becomes slow.
    Latency,
    /// The content service's database cannot be reached.
    DependencyDown,
    /// A new version that throws on one kind of input; ends by a roll-back. Both are change events.
    BadDeploy,
}

/// A fault that can be begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// What it does.
    pub kind: FaultKind,
    /// The share of requests it hits, 0 to 1.
    pub share: f64,
}

/// Begins and ends faults. One is on at a time; a new one ends the one before.
#[derive(Debug, Clone)]
pub struct FaultSwitch {
    faults: Arc<Faults>,
    deploys: mpsc::UnboundedSender<Deploy>,
}

/// What the switch asks of whoever runs the content service.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Deploy {
    /// Bring out a version that fails for this share of its inputs.
    Bad { share: f64 },
    /// Go back to the version before.
    RollBack,
}

/// The faults as the services' own code meets them.
#[derive(Debug)]
pub(crate) struct Faults {
    /// Written by the switch, read on every request.
    current: RwLock<Option<Fault>>,
    /// Decides which requests are hit.
    dice: Mutex<StdRng>,
}

impl FaultSwitch {
    pub(crate) fn new(faults: Arc<Faults>, deploys: mpsc::UnboundedSender<Deploy>) -> Self {
        Self { faults, deploys }
    }

    /// Begins a fault. A share outside 0 to 1 is brought to the nearer end.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a fault that begins is the switch's"
    )]
    pub fn begin(&self, fault: Fault) {
        let share = if fault.share.is_nan() {
            0.0
        } else {
            fault.share.clamp(0.0, 1.0)
        };
        self.end();
        if fault.kind == FaultKind::BadDeploy {
            self.deploy(Deploy::Bad { share });
        }
        self.faults.set(Some(Fault {
            kind: fault.kind,
            share,
        }));
    }

    /// Ends the fault that is on, if one is.
    pub fn end(&self) {
        let ended = self.faults.set(None);
        if ended.is_some_and(|fault| fault.kind == FaultKind::BadDeploy) {
            self.deploy(Deploy::RollBack);
        }
    }

    /// The fault that is on.
    pub fn current(&self) -> Option<Fault> {
        self.faults.current()
    }

    fn deploy(&self, deploy: Deploy) {
        if self.deploys.send(deploy).is_err() {
            tracing::warn!("services are stopping, no deploy is made");
        }
    }
}

impl Faults {
    /// What a slow statement takes longer.
    const SLOWER_BY: std::ops::Range<Duration> =
        Duration::from_millis(800)..Duration::from_millis(1500);

    pub(crate) fn none(seed: u64) -> Self {
        Self {
            current: RwLock::new(None),
            dice: Mutex::new(StdRng::seed_from_u64(seed)),
        }
    }

    /// Whether this request is hit by a fault of `kind`.
    pub(crate) fn hits(&self, kind: FaultKind) -> bool {
        let Some(fault) = self.current().filter(|fault| fault.kind == kind) else {
            return false;
        };
        self.dice().random_bool(fault.share)
    }

    /// How much longer this request takes.
    pub(crate) fn slows_by(&self) -> Option<Duration> {
        self.hits(FaultKind::Latency)
            .then(|| self.dice().random_range(Self::SLOWER_BY))
    }

    fn current(&self) -> Option<Fault> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, fault: Option<Fault>) -> Option<Fault> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, fault)
    }

    fn dice(&self) -> std::sync::MutexGuard<'_, StdRng> {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switch() -> (FaultSwitch, mpsc::UnboundedReceiver<Deploy>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (
            FaultSwitch::new(Arc::new(Faults::none(1)), sender),
            receiver,
        )
    }

    #[test]
    fn one_fault_is_on_at_a_time_and_a_bad_deploy_is_rolled_back() {
        let (switch, mut deploys) = switch();
        switch.begin(Fault {
            kind: FaultKind::BadDeploy,
            share: 0.5,
        });
        switch.begin(Fault {
            kind: FaultKind::Errors,
            share: 7.0,
        });
        assert_eq!(
            switch.current(),
            Some(Fault {
                kind: FaultKind::Errors,
                share: 1.0
            })
        );
        switch.end();
        switch.end();
        assert_eq!(switch.current(), None);
        assert_eq!(deploys.try_recv(), Ok(Deploy::Bad { share: 0.5 }));
        assert_eq!(deploys.try_recv(), Ok(Deploy::RollBack));
        assert!(deploys.try_recv().is_err());
    }

    #[test]
    fn a_fault_hits_its_share_of_requests_and_no_other_kind() {
        let (switch, _deploys) = switch();
        switch.begin(Fault {
            kind: FaultKind::Errors,
            share: 0.3,
        });
        let hits = (0..10_000)
            .filter(|_| switch.faults.hits(FaultKind::Errors))
            .count();
        assert!((2_800..3_200).contains(&hits), "{hits}");
        assert!(!switch.faults.hits(FaultKind::DependencyDown));
        assert!(switch.faults.slows_by().is_none());
        switch.begin(Fault {
            kind: FaultKind::Latency,
            share: 1.0,
        });
        let slower = switch.faults.slows_by().expect("every request is hit");
        assert!(Faults::SLOWER_BY.contains(&slower));
    }
}
