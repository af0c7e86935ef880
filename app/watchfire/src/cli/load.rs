use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::config::parse_duration;
use crate::load::Expectation;

#[derive(Debug, Clone, Args)]
pub(crate) struct LoadArgs {
    /// What to ask; several are asked equally often. Path and query, headers and body may hold
    /// {{uuid}}, {{seq}}, {{int 1 100}}, {{pick a,b,c}} and {{pick @FILE}} (a line of the file)
    #[arg(value_name = "URL", required_unless_present = "targets")]
    pub(crate) urls: Vec<String>,
    /// A file of [[target]]s in TOML, each with url, and if wanted name, weight, method, headers,
    /// body or body_file, expect
    #[arg(long, value_name = "FILE")]
    pub(crate) targets: Option<PathBuf>,
    /// How requests are spread over time
    #[arg(long, value_enum, default_value_t = Profile::Steady)]
    pub(crate) profile: Profile,
    /// Requests per second; after an hourly peak, the rate that its tail begins with
    #[arg(long, value_name = "RATE", default_value_t = 100.0, value_parser = parse_rate)]
    pub(crate) rate: f64,
    /// How long requests are sent [default: 30s; of a soak 1h]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) duration: Option<Duration>,
    /// Over this time the rate rises from nothing; of steady and soak
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) ramp: Option<Duration>,
    /// Requests at one moment, of hourly-peak [default: 20000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) at_once: Option<u64>,
    /// Begin on the next mark of the clock, such as 1m or 1h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) mark: Option<Duration>,
    /// The rate of a spike [default: ten times --rate]
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) spike_rate: Option<f64>,
    /// How long a spike is; it begins after a third of the time [default: a tenth of --duration]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) spike_for: Option<Duration>,
    /// Arrivals at random, as of people who know nothing of each other, instead of evenly spaced
    #[arg(long)]
    pub(crate) poisson: bool,
    /// The method
    #[arg(long, value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// A header as name: value; may be given several times
    #[arg(long, value_name = "HEADER")]
    pub(crate) header: Vec<String>,
    /// The body
    #[arg(long, value_name = "TEXT", conflicts_with = "body_file")]
    pub(crate) body: Option<String>,
    /// A file with the body
    #[arg(long, value_name = "FILE")]
    pub(crate) body_file: Option<PathBuf>,
    /// Which statuses are right, such as 2xx,304 [default: 2xx,3xx]
    #[arg(long, value_name = "STATUSES")]
    pub(crate) expect: Option<Expectation>,
    #[command(flatten)]
    pub(crate) sending: SendingArgs,
    /// Use each connection for one request only
    #[arg(long)]
    pub(crate) no_keep_alive: bool,
    /// Makes what is random repeatable
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Exit with 1 if a larger share of the requests went wrong, such as 0.1%
    #[arg(long, value_name = "PERCENT", value_parser = parse_share)]
    pub(crate) max_error_share: Option<f64>,
    /// Exit with 1 if one request in a hundred took longer, counted from when it was due
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) max_p99: Option<Duration>,
    /// Print the outcome as one document of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// How requests go out, be they made up or recorded.
#[derive(Debug, Clone, Args)]
pub(crate) struct SendingArgs {
    /// The most connections that are open at once; what is due meanwhile waits, and its time counts
    /// [default: 1000, or what the limit of open files leaves]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) connections: Option<u32>,
    /// Threads that send [default: half as many as there are cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) threads: Option<u32>,
    /// How long an answer may take from the sending
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub(crate) timeout: Duration,
    /// Begin a trace with each request (traceparent), to find it in the console
    #[arg(long)]
    pub(crate) trace: bool,
    /// A PEM file of authorities that may vouch for an HTTPS server, in place of this system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// One rate
    Steady,
    /// Many requests at one moment, then a tail whose rate falls to nothing
    HourlyPeak,
    /// A rate with a spike in it
    Spike,
    /// One rate for long, to see what changes with time
    Soak,
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate: Option<f64> = text.parse().ok();
    rate.filter(|rate| (0.0..=10_000_000.0).contains(rate))
        .ok_or_else(|| format!("{text:?} is no rate; write requests per second, for example 100"))
}

/// `0.1%` or `0.001`, from 0 to 1.
fn parse_share(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse().map(|percent: f64| percent / 100.0),
        None => text.parse(),
    };
    let share = share.ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("{text:?} is no share; write for example 0.1%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_rates_are_read_as_written() {
        let share = |text| parse_share(text).ok();
        assert_eq!(
            (share("0.1%"), share("1"), share("0")),
            (Some(0.001), Some(1.0), Some(0.0))
        );
        assert_eq!(
            (share("2"), share("-1%"), share("few"), share("NaN")),
            (None, None, None, None)
        );
        assert_eq!(
            (parse_rate("0.5").ok(), parse_rate("NaN").ok()),
            (Some(0.5), None)
        );
        assert!(parse_rate("-1").is_err() && parse_rate("inf").is_err());
    }
}
