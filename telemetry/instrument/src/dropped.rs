use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Log records.
    Logs,
    /// Spans.
    Spans,
    /// Samples of the registry.
    Metrics,
    /// Log lines for stdout or stderr.
    Lines,
}

/// Why something was dropped. The set is closed: it is a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// More waits already than the queue holds.
    QueueFull,
    /// The collector in this process did not take it in time.
    CollectorFull,
    /// The collector in this process is gone.
    CollectorClosed,
    /// The receiver did not take it, after retries.
    ExportFailed,
    /// It came after the pipeline had stopped.
    Stopped,
    /// The output cannot be written to.
    WriteFailed,
    /// The registry's text could not be read back.
    Unreadable,
}

impl Signal {
    const ALL: [Self; 4] = [Self::Logs, Self::Spans, Self::Metrics, Self::Lines];

    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Spans => "spans",
            Self::Metrics => "metrics",
            Self::Lines => "lines",
        }
    }
}

impl DropReason {
    const ALL: [Self; 7] = [
        Self::QueueFull,
        Self::CollectorFull,
        Self::CollectorClosed,
        Self::ExportFailed,
        Self::Stopped,
        Self::WriteFailed,
        Self::Unreadable,
    ];

    /// Whether this can befall that signal.
    const fn applies_to(self, signal: Signal) -> bool {
        match self {
            Self::QueueFull | Self::Stopped => !matches!(signal, Signal::Metrics),
            Self::CollectorFull | Self::CollectorClosed | Self::ExportFailed => {
                !matches!(signal, Signal::Lines)
            }
            Self::WriteFailed => matches!(signal, Signal::Lines),
            Self::Unreadable => matches!(signal, Signal::Metrics),
        }
    }

    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::CollectorFull => "collector_full",
            Self::CollectorClosed => "collector_closed",
            Self::ExportFailed => "export_failed",
            Self::Stopped => "stopped",
            Self::WriteFailed => "write_failed",
            Self::Unreadable => "unreadable",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    signal: &'static str,
    reason: &'static str,
}

/// Counts drops. Every pair that can be stands at zero from the start, so that `increase()` sees
/// the first drop.
#[derive(Debug, Clone)]
pub(crate) struct Dropped {
    counters: [[Counter; DropReason::ALL.len()]; Signal::ALL.len()],
}

impl Dropped {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let family = Family::<Labels, Counter>::default();
        registry.register(
            "watchfire_telemetry_dropped",
            "Telemetry that was dropped rather than delayed, by signal and reason",
            family.clone(),
        );
        let counter = |signal: Signal, reason: DropReason| {
            if !reason.applies_to(signal) {
                return Counter::default();
            }
            family.get_or_create_owned(&Labels {
                signal: signal.as_str(),
                reason: reason.as_str(),
            })
        };
        Self {
            counters: Signal::ALL
                .map(|signal| DropReason::ALL.map(|reason| counter(signal, reason))),
        }
    }

    pub(crate) fn count(&self, signal: Signal, reason: DropReason, records: usize) {
        self.counters[signal as usize][reason as usize].inc_by(records as u64);
    }
}
