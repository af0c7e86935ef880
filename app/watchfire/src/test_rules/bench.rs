use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use prometheus_client::registry::Registry;
use watchfire_alerts::{SampleSink, Signals, SinkError, TestBench};
use watchfire_schemas::{BatchSeq, ManualClock, SeriesSamples};
use watchfire_tsdb::Tsdb;

use crate::signals::TsdbSignals;

/// Stores of series for tests of rules.
#[derive(Debug)]
pub(super) struct TsdbBench;

/// A store that takes samples as they come.
#[derive(Debug)]
struct TestStore {
    tsdb: Arc<Tsdb>,
    last: AtomicU64,
    _dir: TestDir,
}

/// A folder that goes when it is no longer needed.
#[derive(Debug)]
struct TestDir(PathBuf);

#[async_trait]
impl TestBench for TsdbBench {
    async fn telemetry(
        &self,
        clock: Arc<ManualClock>,
    ) -> Result<(Arc<dyn Signals>, Arc<dyn SampleSink>), SinkError> {
        let failed = |error: &dyn std::error::Error| SinkError(error.to_string());
        let dir = TestDir::new().map_err(|error| failed(&error))?;
        // Tests begin at the epoch, and what they know is as old as it likes.
        let config = watchfire_tsdb::Config {
            retention: Duration::from_hours(100 * 365 * 24),
            ..Default::default()
        };
        let opened = Tsdb::open(&dir.0, config, clock, &mut Registry::default());
        let tsdb = opened.map_err(|error| failed(&error))?;
        let store = TestStore {
            tsdb: Arc::clone(&tsdb),
            last: AtomicU64::new(0),
            _dir: dir,
        };
        Ok((Arc::new(TsdbSignals(tsdb)), Arc::new(store)))
    }
}

#[async_trait]
impl SampleSink for TestStore {
    async fn write(&self, series: Vec<SeriesSamples>) -> Result<(), SinkError> {
        let batch = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let before = self.tsdb.stats().refused_samples;
        self.tsdb.append(BatchSeq(batch), &series);
        match self.tsdb.stats().refused_samples - before {
            0 => Ok(()),
            refused => Err(SinkError(format!(
                "{refused} samples have the time of another or no name"
            ))),
        }
    }
}

impl TestDir {
    fn new() -> std::io::Result<Self> {
        let name = format!("watchfire-test-{:016x}", rand::random::<u64>());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir(&dir)?;
        Ok(Self(dir))
    }
}

impl Drop for TestDir {
    fn drop(&mut self) {
        // What stays behind is a few empty folders, in a place for such things.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
