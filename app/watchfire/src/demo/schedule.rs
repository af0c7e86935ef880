//! When which fault begins and ends.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use tokio_util::sync::CancellationToken;
use watchfire_services::{Fault, FaultKind, FaultSwitch};

/// The first fault begins this long after the services do.
const FIRST: Duration = Duration::from_secs(12);
/// Between the end of one fault and the next: time enough to recover and to look around.
const PAUSE: Duration = Duration::from_secs(150);

/// Begins and ends faults until told to stop. Those that somebody else began, it leaves alone.
pub(super) async fn run(switch: FaultSwitch, seed: u64, stop: CancellationToken) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut wait = FIRST;
    loop {
        for mut fault in round(&mut random) {
            let length = Duration::from_secs(random.random_range(60..=90));
            if rest(wait, &stop).await {
                return;
            }
            wait = PAUSE;
            let is_busy = |fault: &Fault| {
                let current = switch.current();
                current.iter().any(|on| on.fault.service == fault.service)
            };
            if is_busy(&fault) {
                continue;
            }
            tracing::info!(
                service = fault.service,
                fault = fault.kind.as_str(),
                share = fault.share,
                seconds = length.as_secs(),
                "fault begins"
            );
            fault.for_seconds = Some(length.as_secs());
            if let Err(error) = switch.begin(fault) {
                tracing::error!(%error, "a fault of the schedule cannot be begun");
                continue;
            }
            if rest(length, &stop).await {
                return switch.end_all();
            }
            tracing::info!("fault ends");
        }
    }
}

/// Each once, in an order of its own: first one that nobody can overlook, then those that many
/// requests meet, then those that one has to look for.
fn round(random: &mut StdRng) -> Vec<Fault> {
    let mut faults = [
        Fault::new("content", FaultKind::DependencyDown),
        Fault::new("content", FaultKind::BadDeploy),
        Fault::new("content", FaultKind::Errors).share(0.7),
        Fault::new("content", FaultKind::Latency).share(0.9),
        Fault::new("content", FaultKind::SlowLeak),
        Fault::new("payments", FaultKind::PoisonMessage),
        Fault::new("messages", FaultKind::SchemaBreak).share(0.3),
        Fault::new("reminders", FaultKind::ClockSkew),
        Fault::new("reminders", FaultKind::Errors).share(0.9),
        Fault::new("payments", FaultKind::BadDeploy).share(0.8),
    ];
    faults[1..4].shuffle(random);
    faults[4..].shuffle(random);
    faults.to_vec()
}

/// Waits; true if told to stop meanwhile.
async fn rest(length: Duration, stop: &CancellationToken) -> bool {
    tokio::time::timeout(length, stop.cancelled()).await.is_ok()
}
