use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use watchfire_schemas::Timestamp;

use super::SendingArgs;
use crate::config::parse_duration;

#[derive(Debug, Clone, Args)]
pub(crate) struct ReplayArgs {
    /// Where the recorded requests are sent: an address, with a path to put before theirs if wanted
    #[arg(long, value_name = "URL", required_unless_present = "list")]
    pub(crate) to: Option<String>,
    /// The server whose log index holds the records
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:7117",
        env = "WATCHFIRE_SERVER"
    )]
    pub(crate) from: String,
    /// Which records, in the query language; of these, those that tell of an answered request. A
    /// request that passes several services has a record of each: name the service that you replace
    #[arg(long, value_name = "QUERY", default_value = "service:gateway")]
    pub(crate) query: String,
    /// How far back records are taken, such as 15m or 6h [default: 15m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with_all = ["start", "end"])]
    pub(crate) since: Option<Duration>,
    /// Where to begin: an RFC 3339 time
    #[arg(long, value_name = "TIME")]
    pub(crate) start: Option<Timestamp>,
    /// Where to end: an RFC 3339 time [default: now]
    #[arg(long, value_name = "TIME", requires = "start")]
    pub(crate) end: Option<Timestamp>,
    /// How fast: 1 as recorded, 10x ten times as fast, max all at once over --connections
    #[arg(long, value_name = "FACTOR", default_value = "1")]
    pub(crate) speed: Speed,
    /// Which methods are sent. Records hold no bodies: what needs one is sent without
    #[arg(
        long,
        value_name = "METHODS",
        default_value = "GET,HEAD",
        value_delimiter = ','
    )]
    pub(crate) methods: Vec<String>,
    /// The most records; if there are more, the newest
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: u64,
    /// Print what would be sent, oldest first, and send nothing
    #[arg(long)]
    pub(crate) list: bool,
    /// A header to send with each, as name: value; records hold none. May be given several times
    #[arg(long, value_name = "HEADER")]
    pub(crate) header: Vec<String>,
    #[command(flatten)]
    pub(crate) sending: SendingArgs,
    /// Exit with 1 if a request is not answered as it was recorded
    #[arg(long)]
    pub(crate) fail_on_difference: bool,
    /// Print the outcome as one document of JSON; with --list, a line for each request
    #[arg(long)]
    pub(crate) json: bool,
}

/// How much faster than recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Speed {
    Times(f64),
    Max,
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let factor: Option<f64> = text.strip_suffix('x').unwrap_or(text).parse().ok();
        factor
            .filter(|factor| (0.001..=100_000.0).contains(factor))
            .map(Self::Times)
            .ok_or_else(|| format!("{text:?} is no speed; write for example 1, 10x or max"))
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(factor) => write!(f, "{factor}x"),
            Self::Max => f.write_str("max"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_read_as_written() {
        let speed = |text: &str| text.parse::<Speed>().ok();
        assert_eq!(speed("1"), Some(Speed::Times(1.0)));
        assert_eq!(
            (speed("10x"), speed("0.5")),
            (Some(Speed::Times(10.0)), Some(Speed::Times(0.5)))
        );
        assert_eq!(speed("max"), Some(Speed::Max));
        for wrong in ["", "0", "x", "-1", "fast", "NaN", "inf"] {
            assert_eq!(speed(wrong), None, "{wrong}");
        }
        assert_eq!(Speed::Times(10.0).to_string(), "10x");
    }
}
