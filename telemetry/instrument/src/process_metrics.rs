use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use watchfire_schemas::Clock;

/// Ticks of `/proc/self/stat` in a second. Linux tells every program 100, whatever its kernel uses.
const TICKS_PER_SECOND: f64 = 100.0;

/// Registers what Prometheus' clients tell of their process: start time, memory, CPU, open files, threads.
/// Off Linux it tells nothing.
pub fn register_process_metrics(registry: &mut Registry, clock: Arc<dyn Clock>) {
    registry.register_collector(Box::new(ProcessMetrics { clock }));
}

#[derive(Debug)]
struct ProcessMetrics {
    clock: Arc<dyn Clock>,
}

/// One look at `/proc`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Usage {
    cpu_seconds: f64,
    resident_bytes: u64,
    virtual_bytes: u64,
    threads: u64,
    started_after_boot: f64,
}

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok();
        let Some(usage) = stat.as_deref().and_then(parse_stat) else {
            return Ok(());
        };
        let mut put = |name: &str, help: &str, unit: Option<&Unit>, metric: &dyn EncodeMetric| {
            let metric_encoder =
                encoder.encode_descriptor(name, help, unit, metric.metric_type())?;
            metric.encode(metric_encoder)
        };
        put(
            "process_cpu",
            "Processor time that the process has used.",
            Some(&Unit::Seconds),
            &ConstCounter::new(usage.cpu_seconds),
        )?;
        put(
            "process_resident_memory",
            "Memory of the process that is in RAM.",
            Some(&Unit::Bytes),
            &ConstGauge::new(usage.resident_bytes as i64),
        )?;
        put(
            "process_virtual_memory",
            "Memory that the process has mapped.",
            Some(&Unit::Bytes),
            &ConstGauge::new(usage.virtual_bytes as i64),
        )?;
        put(
            "process_threads",
            "Threads of the process.",
            None,
            &ConstGauge::new(usage.threads as i64),
        )?;
        if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
            put(
                "process_open_fds",
                "Open file descriptors.",
                None,
                &ConstGauge::new(files.count() as i64),
            )?;
        }
        if let Some(up) = seconds_since_boot() {
            let started = self.clock.now().as_secs_f64() - up + usage.started_after_boot;
            put(
                "process_start_time",
                "When the process started, since the epoch.",
                Some(&Unit::Seconds),
                &ConstGauge::new((started * 100.0).round() / 100.0),
            )?;
        }
        Ok(())
    }
}

/// The fields of `/proc/self/stat`, counted after the name, which may hold anything.
fn parse_stat(stat: &str) -> Option<Usage> {
    const PAGE: u64 = 4096;
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Usage {
        cpu_seconds: (number(11)? + number(12)?) as f64 / TICKS_PER_SECOND,
        started_after_boot: number(19)? as f64 / TICKS_PER_SECOND,
        threads: number(17)?,
        virtual_bytes: number(20)?,
        resident_bytes: number(21)? * PAGE,
    })
}

fn seconds_since_boot() -> Option<f64> {
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    uptime.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_confuse() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 900 0 0 0 150 50 0 0 20 0 3 0 1000 8192000 300 18446744073709551615";
        let expected = Usage {
            cpu_seconds: 2.0,
            resident_bytes: 300 * 4096,
            virtual_bytes: 8_192_000,
            threads: 3,
            started_after_boot: 10.0,
        };
        assert_eq!(parse_stat(stat), Some(expected));
        assert_eq!(parse_stat("7 (a) S 1"), None);
    }
}
