use procfs_core::FromRead as _;
use procfs_core::process::{LimitValue, Limits, Stat, Status};
use tokio::runtime::RuntimeMetrics;

use super::figures::Figures;
use super::machine::{kernel_stats, seconds};

/// What is told of this process and its runtime is of this job.
const JOB: &str = "watchfire";

/// What Prometheus' client libraries tell of their process.
pub(super) fn process(figures: &mut Figures) -> Result<(), String> {
    figures.of_job(JOB);
    let wrong = |error: procfs_core::ProcError| error.to_string();
    let stat = Stat::from_file("/proc/self/stat").map_err(wrong)?;
    let used = seconds(stat.utime + stat.stime);
    figures.counter("process_cpu_seconds_total", &[], used);
    let started = kernel_stats()?.btime as f64 + seconds(stat.starttime);
    figures.gauge("process_start_time_seconds", &[], started);
    let status = Status::from_file("/proc/self/status").map_err(wrong)?;
    let bytes = |kilobytes: Option<u64>| kilobytes.map(|kilobytes| kilobytes * 1024);
    figures.gauge_if("process_resident_memory_bytes", bytes(status.vmrss));
    figures.gauge_if("process_virtual_memory_bytes", bytes(status.vmsize));
    figures.gauge("process_threads", &[], status.threads as f64);
    let open = std::fs::read_dir("/proc/self/fd").map_err(|error| error.to_string())?;
    // Without the one that reads them.
    figures.gauge(
        "process_open_fds",
        &[],
        open.count().saturating_sub(1) as f64,
    );
    let limits = Limits::from_file("/proc/self/limits").map_err(wrong)?;
    if let LimitValue::Value(most) = limits.max_open_files.soft_limit {
        figures.gauge("process_max_fds", &[], most as f64);
    }
    Ok(())
}

/// What tokio tells of itself without unstable features.
pub(super) fn runtime(figures: &mut Figures, runtime: &RuntimeMetrics) {
    figures.of_job(JOB);
    for worker in 0..runtime.num_workers() {
        let number = worker.to_string();
        let label = [("worker", number.as_str())];
        let busy = runtime.worker_total_busy_duration(worker).as_secs_f64();
        figures.counter("tokio_worker_busy_seconds_total", &label, busy);
        let parks = runtime.worker_park_count(worker) as f64;
        figures.counter("tokio_worker_parks_total", &label, parks);
    }
    figures.gauge("tokio_workers", &[], runtime.num_workers() as f64);
    figures.gauge("tokio_alive_tasks", &[], runtime.num_alive_tasks() as f64);
    figures.gauge(
        "tokio_global_queue_depth",
        &[],
        runtime.global_queue_depth() as f64,
    );
}
