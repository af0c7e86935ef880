use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use tokio::runtime::Handle;

/// Registers what the tokio runtime tells of itself: workers and how long they were busy, tasks that
/// live, tasks that wait for a worker. Called outside of a runtime it registers nothing.
pub fn register_runtime_metrics(registry: &mut Registry) {
    if let Ok(runtime) = Handle::try_current() {
        registry.register_collector(Box::new(RuntimeMetrics { runtime }));
    }
}

#[derive(Debug)]
struct RuntimeMetrics {
    runtime: Handle,
}

impl Collector for RuntimeMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let metrics = self.runtime.metrics();
        let workers = metrics.num_workers();
        let busy = (0..workers).map(|worker| metrics.worker_total_busy_duration(worker));
        let busy: std::time::Duration = busy.sum();
        let mut put = |name: &str, help: &str, unit: Option<&Unit>, metric: &dyn EncodeMetric| {
            let metric_encoder =
                encoder.encode_descriptor(name, help, unit, metric.metric_type())?;
            metric.encode(metric_encoder)
        };
        put(
            "tokio_workers",
            "Threads of the runtime that run tasks.",
            None,
            &ConstGauge::new(workers as i64),
        )?;
        put(
            "tokio_worker_busy",
            "Time that workers have spent running tasks, all together.",
            Some(&Unit::Seconds),
            &ConstCounter::new(busy.as_secs_f64()),
        )?;
        put(
            "tokio_alive_tasks",
            "Tasks that have begun and not ended.",
            None,
            &ConstGauge::new(metrics.num_alive_tasks() as i64),
        )?;
        put(
            "tokio_global_queue_depth",
            "Tasks that wait for any worker.",
            None,
            &ConstGauge::new(metrics.global_queue_depth() as i64),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> String {
        let mut registry = Registry::default();
        register_runtime_metrics(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_runtime_tells_of_its_workers() {
        let text = told();
        assert!(text.contains("tokio_workers 2\n"), "{text}");
        assert!(text.contains("tokio_worker_busy_seconds_total "), "{text}");
    }

    #[test]
    fn outside_of_a_runtime_there_is_nothing_to_tell() {
        assert_eq!(told(), "# EOF\n");
    }
}
