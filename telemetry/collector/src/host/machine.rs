use procfs_core::{
    CpuPressure, ExplicitSystemInfo, FromRead as _, FromReadSI as _, IoPressure, KernelStats,
    LoadAverage, Meminfo, MemoryPressure, PressureRecord, SystemInfo,
};

use super::figures::Figures;

/// Ticks in a second. Linux tells every program 100, whatever its kernel uses.
pub(super) const TICKS_PER_SECOND: u64 = 100;

pub(super) fn seconds(ticks: u64) -> f64 {
    ticks as f64 / TICKS_PER_SECOND as f64
}

/// What the reader of `/proc/stat` asks for; it uses the ticks alone.
const SYSTEM: ExplicitSystemInfo = ExplicitSystemInfo {
    boot_time_secs: 0,
    ticks_per_second: TICKS_PER_SECOND,
    page_size: 4096,
    is_little_endian: cfg!(target_endian = "little"),
};

/// Where the kernel counts since it started, and when that was.
pub(super) fn kernel_stats() -> Result<KernelStats, String> {
    const PATH: &str = "/proc/stat";
    let system: &SystemInfo = &SYSTEM;
    let file = std::fs::File::open(PATH).map_err(|error| format!("{PATH}: {error}"))?;
    KernelStats::from_read(file, system).map_err(|error| error.to_string())
}

pub(super) fn processors(figures: &mut Figures) -> Result<(), String> {
    let stats = kernel_stats()?;
    for (cpu, times) in stats.cpu_time.iter().enumerate() {
        let cpu = cpu.to_string();
        let modes = [
            ("user", Some(times.user)),
            ("nice", Some(times.nice)),
            ("system", Some(times.system)),
            ("idle", Some(times.idle)),
            ("iowait", times.iowait),
            ("irq", times.irq),
            ("softirq", times.softirq),
            ("steal", times.steal),
        ];
        for (mode, ticks) in modes {
            if let Some(ticks) = ticks {
                let labels = [("cpu", cpu.as_str()), ("mode", mode)];
                figures.counter("node_cpu_seconds_total", &labels, seconds(ticks));
            }
        }
    }
    figures.counter("node_context_switches_total", &[], stats.ctxt as f64);
    figures.counter("node_forks_total", &[], stats.processes as f64);
    figures.gauge("node_boot_time_seconds", &[], stats.btime as f64);
    figures.gauge_if("node_procs_running", stats.procs_running.map(u64::from));
    figures.gauge_if("node_procs_blocked", stats.procs_blocked.map(u64::from));
    Ok(())
}

pub(super) fn load(figures: &mut Figures) -> Result<(), String> {
    let load = LoadAverage::from_file("/proc/loadavg").map_err(|error| error.to_string())?;
    let told = [
        ("node_load1", load.one),
        ("node_load5", load.five),
        ("node_load15", load.fifteen),
    ];
    for (name, value) in told {
        // Two digits are told; more of them would be an artefact of the type.
        figures.gauge(name, &[], (f64::from(value) * 100.0).round() / 100.0);
    }
    Ok(())
}

pub(super) fn memory(figures: &mut Figures) -> Result<(), String> {
    let memory = Meminfo::from_file("/proc/meminfo").map_err(|error| error.to_string())?;
    let told = [
        ("MemTotal", Some(memory.mem_total)),
        ("MemFree", Some(memory.mem_free)),
        ("MemAvailable", memory.mem_available),
        ("Buffers", Some(memory.buffers)),
        ("Cached", Some(memory.cached)),
        ("Active", Some(memory.active)),
        ("Inactive", Some(memory.inactive)),
        ("Dirty", Some(memory.dirty)),
        ("Writeback", Some(memory.writeback)),
        ("Shmem", memory.shmem),
        ("Slab", Some(memory.slab)),
        ("SwapTotal", Some(memory.swap_total)),
        ("SwapFree", Some(memory.swap_free)),
        ("SwapCached", Some(memory.swap_cached)),
    ];
    for (name, bytes) in told {
        figures.gauge_if(&format!("node_memory_{name}_bytes"), bytes);
    }
    Ok(())
}

/// How long tasks waited for what the machine lacked: the best sign of saturation that it gives.
pub(super) fn pressure(figures: &mut Figures) -> Result<(), String> {
    let wrong = |error: procfs_core::ProcError| error.to_string();
    let cpu = CpuPressure::from_file("/proc/pressure/cpu").map_err(wrong)?;
    let memory = MemoryPressure::from_file("/proc/pressure/memory").map_err(wrong)?;
    let io = IoPressure::from_file("/proc/pressure/io").map_err(wrong)?;
    let waited = |record: &PressureRecord| record.total as f64 / 1e6;
    let told = [
        ("node_pressure_cpu_waiting_seconds_total", &cpu.some),
        ("node_pressure_memory_waiting_seconds_total", &memory.some),
        ("node_pressure_memory_stalled_seconds_total", &memory.full),
        ("node_pressure_io_waiting_seconds_total", &io.some),
        ("node_pressure_io_stalled_seconds_total", &io.full),
    ];
    for (name, record) in told {
        figures.counter(name, &[], waited(record));
    }
    Ok(())
}

pub(super) fn file_descriptors(figures: &mut Figures) -> Result<(), String> {
    const PATH: &str = "/proc/sys/fs/file-nr";
    let text = std::fs::read_to_string(PATH).map_err(|error| format!("{PATH}: {error}"))?;
    let mut numbers = text.split_ascii_whitespace().map(str::parse::<f64>);
    let (Some(Ok(allocated)), Some(Ok(_)), Some(Ok(maximum))) =
        (numbers.next(), numbers.next(), numbers.next())
    else {
        return Err(format!("{PATH} reads {text:?}"));
    };
    figures.gauge("node_filefd_allocated", &[], allocated);
    figures.gauge("node_filefd_maximum", &[], maximum);
    Ok(())
}
