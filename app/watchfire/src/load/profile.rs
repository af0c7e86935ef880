use std::time::Duration;

use super::schedule::{Schedule, Stretch};
use crate::cli::{LoadArgs, Profile};

const USUAL: Duration = Duration::from_secs(30);
const SOAK: Duration = Duration::from_hours(1);
/// Requests at once if nothing is said.
pub(super) const AT_ONCE: u64 = 20_000;

/// The schedule that the arguments ask for; a fault names the option.
pub(super) fn schedule(args: &LoadArgs) -> Result<Schedule, String> {
    let soaks = args.profile == Profile::Soak;
    let length = args.duration.unwrap_or(if soaks { SOAK } else { USUAL });
    let stretches = match args.profile {
        Profile::Steady | Profile::Soak => steady(args, length)?,
        Profile::HourlyPeak => hourly_peak(args, length),
        Profile::Spike => spike(args, length)?,
    };
    only(
        args.ramp.is_some(),
        "--ramp",
        soaks || args.profile == Profile::Steady,
    )?;
    only(
        args.at_once.is_some(),
        "--at-once",
        args.profile == Profile::HourlyPeak,
    )?;
    let spikes = args.profile == Profile::Spike;
    only(args.spike_rate.is_some(), "--spike-rate", spikes)?;
    only(args.spike_for.is_some(), "--spike-for", spikes)?;
    let schedule = Schedule {
        stretches,
        length,
        poisson: args.poisson.then_some(args.seed),
    };
    if schedule.count() == 0 {
        return Err("no request is due: --rate and --duration make none".to_owned());
    }
    Ok(schedule)
}

/// An option that a profile does not know would do nothing.
fn only(is_given: bool, option: &str, is_known: bool) -> Result<(), String> {
    if is_given && !is_known {
        return Err(format!("{option} says nothing to this --profile"));
    }
    Ok(())
}

fn steady(args: &LoadArgs, length: Duration) -> Result<Vec<Stretch>, String> {
    let ramp = args.ramp.unwrap_or(Duration::ZERO);
    if ramp > length {
        return Err("--ramp is longer than --duration".to_owned());
    }
    let mut stretches = Vec::new();
    if !ramp.is_zero() {
        stretches.push(rate(Duration::ZERO, ramp, 0.0, args.rate));
    }
    stretches.push(rate(ramp, length, args.rate, args.rate));
    Ok(stretches)
}

fn hourly_peak(args: &LoadArgs, length: Duration) -> Vec<Stretch> {
    let burst = Stretch::Burst {
        at: Duration::ZERO,
        count: args.at_once.unwrap_or(AT_ONCE),
    };
    vec![burst, rate(Duration::ZERO, length, args.rate, 0.0)]
}

fn spike(args: &LoadArgs, length: Duration) -> Result<Vec<Stretch>, String> {
    let begin = length / 3;
    let end = begin + args.spike_for.unwrap_or(length / 10);
    if end > length {
        return Err("--spike-for ends after --duration".to_owned());
    }
    let high = args.spike_rate.unwrap_or(args.rate * 10.0);
    Ok(vec![
        rate(Duration::ZERO, begin, args.rate, args.rate),
        rate(begin, end, high, high),
        rate(end, length, args.rate, args.rate),
    ])
}

fn rate(from: Duration, until: Duration, first: f64, last: f64) -> Stretch {
    Stretch::Rate {
        from,
        until,
        first,
        last,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn read(line: &str) -> Result<Schedule, String> {
        let words = format!("watchfire load http://a {line}");
        match Cli::parse_from(words.split_whitespace()).command {
            Command::Load(args) => schedule(&args),
            other => panic!("{other:?}"),
        }
    }

    fn check(line: &str, count: u64, seconds: u64) {
        let schedule = read(line).unwrap();
        assert_eq!(schedule.count(), count, "{line}");
        assert_eq!(schedule.arrivals().count() as u64, count, "{line}");
        assert_eq!(schedule.length, Duration::from_secs(seconds), "{line}");
        let last = schedule.arrivals().last();
        assert!(last.is_some_and(|last| last <= schedule.length), "{line}");
    }

    #[test]
    fn profiles_make_as_many_requests_as_they_say() {
        check("", 3_000, 30);
        check("--rate 20000 --duration 10s", 200_000, 10);
        check("--rate 100 --duration 10s --ramp 4s", 800, 10);
        check("--profile hourly-peak --rate 1000", 35_000, 30);
        check("--profile hourly-peak --at-once 500 --rate 0", 500, 30);
        check(
            "--profile spike --rate 10 --duration 30s",
            300 - 30 + 300,
            30,
        );
        check(
            "--profile spike --rate 10 --spike-rate 20 --spike-for 1s",
            310,
            30,
        );
        check("--profile soak --rate 10", 36_000, 3_600);
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let fault = |line| read(line).unwrap_err();
        assert!(fault("--ramp 1m").contains("--ramp is longer"));
        assert!(fault("--at-once 5").contains("--at-once says nothing"));
        assert!(fault("--profile spike --ramp 1s").contains("--ramp says nothing"));
        assert!(fault("--profile spike --spike-for 29s").contains("--spike-for ends"));
        assert!(fault("--profile soak --spike-rate 5").contains("--spike-rate says"));
        assert!(fault("--rate 0").contains("no request is due"));
        assert!(fault("--duration 0s").contains("no request is due"));
    }
}
