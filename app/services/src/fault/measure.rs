use std::time::Duration;

use super::{Fault, SLOWEST};

/// What a slow request takes longer, on the average.
const SLOWER_BY: Duration = Duration::from_millis(1_150);
/// What a request takes longer for each second of a leak.
const SLOWER_EACH_SECOND: Duration = Duration::from_millis(25);
/// What a leak takes in a second, in MiB.
const LEAKED_EACH_SECOND: u64 = 2;
/// How far a clock is off.
const OFFSET_SECONDS: i64 = 20;

/// How much a fault does; what is not said is as usual. Whoever makes faults, in services that run or
/// in telemetry that is made up, makes them of this.
impl Fault {
    /// How much longer a request takes that [`super::FaultKind::Latency`] hits, on the average.
    pub fn delay(&self) -> Duration {
        self.delay_ms.map_or(SLOWER_BY, Duration::from_millis)
    }

    /// How much longer a request takes when [`super::FaultKind::SlowLeak`] has lasted for so long.
    pub fn held_up_after(&self, lasted: Duration) -> Duration {
        let each_second = self
            .delay_ms
            .map_or(SLOWER_EACH_SECOND, Duration::from_millis);
        each_second.mul_f64(lasted.as_secs_f64()).min(SLOWEST / 10)
    }

    /// How many MiB [`super::FaultKind::SlowLeak`] has taken when it has lasted for so long.
    pub(super) fn leaked_after(&self, lasted: Duration) -> usize {
        let each_second = self.leak_mib.unwrap_or(LEAKED_EACH_SECOND);
        (lasted.as_secs_f64() * each_second as f64) as usize
    }

    /// How far ahead [`super::FaultKind::ClockSkew`] puts the clock, in seconds.
    pub fn offset(&self) -> i64 {
        self.offset_seconds.unwrap_or(OFFSET_SECONDS)
    }
}
