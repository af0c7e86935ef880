use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use rand::Rng as _;
use rand::rngs::StdRng;

use super::engine::{Moments, Script};
use super::host::Origin;
use super::profile;
use super::schedule::Schedule;
use super::tally::Ended;
use super::target::{AGENT, Target, Written};
use super::target_file;
use crate::cli::{LoadArgs, Profile};
use crate::load::report::time;
use crate::send::grouped;

/// Requests of some kinds, each as often as its weight says.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) schedule: Schedule,
    pub(super) origins: Vec<Origin>,
    targets: Vec<Target>,
    /// Of each target, its place among the origins.
    hosts: Vec<usize>,
    /// The weights, summed up.
    weights: Vec<f64>,
}

/// What the arguments ask for; a fault names the option or the target.
pub(super) fn plan(args: &LoadArgs) -> Result<Planned, String> {
    let schedule = profile::schedule(args)?;
    let body = match (&args.body, &args.body_file) {
        (_, Some(file)) => target_file::read_body(file)?,
        (body, None) => body.clone().unwrap_or_default(),
    };
    let others = Written {
        method: args.method.clone(),
        headers: args
            .header
            .iter()
            .map(|text| header(text))
            .collect::<Result<_, _>>()?,
        body,
        expect: args.expect.clone(),
        ..Written::default()
    };
    let here = Path::new(".");
    let given = args.urls.iter().map(|url| Written {
        url: url.clone(),
        ..others.clone()
    });
    let mut targets: Vec<Target> = given
        .map(|written| Target::read(&written, here, AGENT))
        .collect::<Result<_, _>>()?;
    if let Some(file) = &args.targets {
        let folder = file.parent().unwrap_or(here);
        for written in target_file::read(file, &others)? {
            let target = Target::read(&written, folder, AGENT);
            targets.push(target.map_err(|error| format!("{}: {error}", file.display()))?);
        }
    }
    Ok(Planned::new(schedule, targets))
}

/// Name and value of a header.
pub(crate) fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("a --header is written as name: value")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Planned {
    fn new(schedule: Schedule, targets: Vec<Target>) -> Self {
        let mut origins: Vec<Origin> = Vec::new();
        let mut hosts = Vec::new();
        let mut weights = Vec::new();
        let mut sum = 0.0;
        for target in &targets {
            let known = origins.iter().position(|origin| *origin == target.origin);
            hosts.push(known.unwrap_or_else(|| {
                origins.push(target.origin.clone());
                origins.len() - 1
            }));
            sum += target.weight;
            weights.push(sum);
        }
        Self {
            schedule,
            origins,
            targets,
            hosts,
            weights,
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.targets
            .iter()
            .map(|target| target.name.clone())
            .collect()
    }

    /// What is about to be done, in a line.
    pub(super) fn title(&self, args: &LoadArgs) -> String {
        let whom = match self.targets.as_slice() {
            [target] => target.name.clone(),
            targets => format!("{} targets", targets.len()),
        };
        let (length, rate) = (time(self.schedule.length), args.rate);
        let count = grouped(self.schedule.count());
        let what = match args.profile {
            Profile::Steady => format!("steady, {rate} requests/s for {length}"),
            Profile::Soak => format!("soak, {rate} requests/s for {length}"),
            Profile::Spike => format!("spike on {rate} requests/s for {length}"),
            Profile::HourlyPeak => {
                let at_once = args.at_once.unwrap_or(profile::AT_ONCE);
                format!(
                    "hourly peak, {} at once and a tail of {length}",
                    grouped(at_once)
                )
            }
        };
        format!("{what}: {count} requests to {whom}")
    }
}

impl Script for Planned {
    fn moments(&self) -> Moments {
        Box::new(self.schedule.arrivals())
    }

    fn length(&self) -> Duration {
        self.schedule.length
    }

    fn targets(&self) -> usize {
        self.targets.len()
    }

    fn target(&self, _number: u64, dice: &mut StdRng) -> usize {
        if self.targets.len() == 1 {
            return 0;
        }
        let drawn = dice.random::<f64>() * self.weights[self.weights.len() - 1];
        let place = self.weights.partition_point(|sum| *sum <= drawn);
        place.min(self.targets.len() - 1)
    }

    fn host(&self, target: usize) -> usize {
        self.hosts[target]
    }

    fn request(&self, number: u64, target: usize, dice: &mut StdRng) -> Request<Full<Bytes>> {
        self.targets[target].request(number, dice)
    }

    fn is_expected(&self, _number: u64, target: usize, status: StatusCode) -> bool {
        self.targets[target].expectation.holds(status)
    }

    fn ended(&self, _: &Ended) {}
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use rand::SeedableRng as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn read(words: &[&str]) -> Result<Planned, String> {
        let words = ["watchfire", "load"].iter().chain(words);
        match Cli::parse_from(words).command {
            Command::Load(args) => plan(&args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn targets_are_asked_as_often_as_their_weights_say() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("targets.toml");
        let text =
            "[[target]]\nurl = \"http://a/1\"\nweight = 3\n[[target]]\nurl = \"http://b/2\"\n";
        std::fs::write(&file, text).unwrap();
        let planned = read(&["--targets", file.to_str().unwrap()]).unwrap();
        assert_eq!((planned.origins.len(), planned.host(1)), (2, 1));
        let mut dice = StdRng::seed_from_u64(1);
        let first = (0..4_000)
            .filter(|number| planned.target(*number, &mut dice) == 0)
            .count();
        assert!(
            first.abs_diff(3_000) < 140,
            "five standard deviations: {first}"
        );
        let both = read(&["http://a/x", "--targets", file.to_str().unwrap()]).unwrap();
        assert_eq!((both.targets(), both.origins.len()), (3, 2));
    }

    #[test]
    fn faults_name_what_is_wrong() {
        let fault = |words: &[&str]| read(words).unwrap_err();
        assert!(fault(&["ftp://a"]).contains("ftp://a"));
        assert!(fault(&["http://a", "--header", "x"]).contains("name: value"));
        assert!(fault(&["http://a", "--body-file", "/nowhere"]).contains("/nowhere"));
        assert!(fault(&["--targets", "/nowhere.toml"]).contains("/nowhere.toml"));
        assert!(fault(&["http://a", "--method", "GE T"]).contains("GE T"));
    }
}
