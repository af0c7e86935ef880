//! Figures of this machine and of this process, under the names that Prometheus' node exporter and
//! client libraries give them where they mean the same.
//!
//! Read from `/proc` by the crate procfs-core: unlike sysinfo it tells times by mode and counters as
//! the kernel counts them, which those names stand for. In a container it tells what can be read there.

mod disks;
mod figures;
mod filesystems;
mod machine;
mod network;
mod process;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use watchfire_schemas::{Clock, SeriesSamples, Timestamp};

use crate::hand_over::{Gathering, HandOver, hand_over};
use crate::{Collector, GatherMeters};
use figures::Figures;

/// How often this machine is looked at.
const EVERY: Duration = Duration::from_secs(15);

/// Looks at this machine again and again.
#[derive(Debug)]
pub struct HostReporter(Gathering<Looking>);

#[derive(Debug)]
struct Looking {
    host: String,
    out: HandOver,
    clock: Arc<dyn Clock>,
    /// What could not be read: each is told once.
    told: BTreeSet<&'static str>,
}

/// A part of the machine: what it is called, and how it is read.
type Part = (&'static str, fn(&mut Figures) -> Result<(), String>);

const PARTS: [Part; 9] = [
    ("processors", machine::processors),
    ("load", machine::load),
    ("memory", machine::memory),
    ("pressure", machine::pressure),
    ("file descriptors", machine::file_descriptors),
    ("disks", disks::disks),
    ("file systems", filesystems::filesystems),
    ("network", network::network),
    ("process", process::process),
];

impl HostReporter {
    /// Ready to start. `host` becomes the label `instance`.
    pub fn new(
        collector: Arc<Collector>,
        host: &str,
        clock: &Arc<dyn Clock>,
        meters: &GatherMeters,
    ) -> Self {
        let (out, writer) = hand_over("host", collector, meters);
        let looking = Looking {
            host: host.to_owned(),
            out,
            clock: Arc::clone(clock),
            told: BTreeSet::new(),
        };
        Self(Gathering::new(TaskTracker::new(), looking, writer))
    }

    /// Begins. A second call does nothing.
    pub fn start(&self) {
        self.0.start(|looking, tasks, stop| {
            tasks.spawn(looking.run(stop.clone()));
        });
    }

    /// Looks no more, and hands over what was seen.
    pub async fn stop(&self) {
        self.0.stop().await;
    }
}

impl Looking {
    async fn run(mut self, stop: CancellationToken) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let at = self.clock.now();
            let host = self.host.clone();
            let runtime = tokio::runtime::Handle::current().metrics();
            let work = tokio::task::spawn_blocking(move || look(&host, at, &runtime));
            // It fails only if the runtime stops.
            let Ok((series, unread)) = work.await else {
                return;
            };
            for (part, reason) in unread {
                if self.told.insert(part) {
                    tracing::info!(part, reason, "this host does not tell all of its figures");
                }
            }
            self.out.send(series, Vec::new()).await;
        }
    }
}

/// All series that can be had, and why others cannot.
fn look(
    host: &str,
    at: Timestamp,
    runtime: &tokio::runtime::RuntimeMetrics,
) -> (Vec<SeriesSamples>, Vec<(&'static str, String)>) {
    let mut figures = Figures::new(host, at);
    let mut unread = Vec::new();
    for (part, read) in PARTS {
        if let Err(reason) = read(&mut figures) {
            unread.push((part, reason));
        }
    }
    process::runtime(&mut figures, runtime);
    (figures.into_series(), unread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn this_machine_tells_of_itself() {
        let at = Timestamp::from_secs(1);
        let runtime = tokio::runtime::Handle::current().metrics();
        let (series, unread) = look("here", at, &runtime);
        let value = |name: &str| {
            let found = series.iter().find(|one| one.labels.name() == name);
            let found = found.unwrap_or_else(|| panic!("{name} is missing; not read: {unread:?}"));
            assert_eq!(found.labels.get("instance"), Some("here"));
            found.samples[0].v
        };
        assert!(value("node_memory_MemTotal_bytes") > 1e6);
        assert!(value("node_cpu_seconds_total") >= 0.0);
        assert!(value("node_load1") >= 0.0);
        assert!(value("process_resident_memory_bytes") > 1e5);
        assert!(value("process_open_fds") >= 1.0);
        assert!(value("process_threads") >= 1.0);
        assert!(value("tokio_workers") >= 1.0);
        let labels: BTreeSet<_> = series.iter().map(|one| &one.labels).collect();
        assert_eq!(labels.len(), series.len(), "each series is told once");
    }
}
