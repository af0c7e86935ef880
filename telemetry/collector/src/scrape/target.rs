use std::collections::BTreeMap;
use std::time::Duration;

use watchfire_schemas::LabelSet;

use super::config::{ScrapeJob, StaticGroup};
use super::quantity::{duration_text, parse_duration};
use super::relabel::{Labels, relabel};

const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const METRICS_PATH: &str = "__metrics_path__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const PARAM: &str = "__param_";
const META: &str = "__meta_";

/// Something to scrape.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    /// What its series carry.
    pub(crate) labels: LabelSet,
    /// Before relabelling.
    pub(crate) discovered: LabelSet,
    pub(crate) url: String,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
}

/// The targets of a job after relabelling.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    /// Each once.
    pub(crate) kept: BTreeMap<TargetKey, Target>,
    /// What relabelling dropped.
    pub(crate) dropped: Vec<LabelSet>,
    /// What is no target, in words.
    pub(crate) faults: Vec<String>,
}

/// Where a target is and what its series carry: what makes it one and the same.
pub(crate) type TargetKey = (String, LabelSet);

impl Target {
    pub(crate) fn key(&self) -> TargetKey {
        (self.url.clone(), self.labels.clone())
    }
}

impl Targets {
    pub(crate) fn of<'g>(job: &ScrapeJob, groups: impl Iterator<Item = &'g StaticGroup>) -> Self {
        let mut targets = Self::default();
        for group in groups {
            for address in &group.targets {
                targets.add(job, group, address);
            }
        }
        targets
    }

    fn add(&mut self, job: &ScrapeJob, group: &StaticGroup, address: &str) {
        let mut labels = discovered(job, group, address);
        let before = labels.to_set();
        if !relabel(&mut labels, &job.relabel) {
            self.dropped.push(before);
            return;
        }
        match target(job, labels, before) {
            Ok(target) => drop(self.kept.insert(target.key(), target)),
            Err(reason) => self.faults.push(format!("{address}: {reason}")),
        }
    }
}

/// What is configured and discovered of a target, and what Prometheus adds to it.
fn discovered(job: &ScrapeJob, group: &StaticGroup, address: &str) -> Labels {
    let pairs = group.labels.iter();
    let mut labels: Labels = pairs
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    labels.set(ADDRESS, address);
    labels.set_default("job", &job.name);
    labels.set_default(INTERVAL, &duration_text(job.interval));
    labels.set_default(TIMEOUT, &duration_text(job.timeout));
    labels.set_default(METRICS_PATH, &job.metrics_path);
    labels.set_default(SCHEME, &job.scheme);
    for (name, values) in &job.params {
        if let Some(first) = values.first() {
            labels.set(format!("{PARAM}{name}"), first);
        }
    }
    labels
}

/// What relabelled labels mean.
fn target(job: &ScrapeJob, mut labels: Labels, discovered: LabelSet) -> Result<Target, String> {
    let address = labels.get(ADDRESS).to_owned();
    if address.is_empty() {
        return Err("relabelling left no __address__".to_owned());
    }
    if address.contains('/') {
        return Err(format!("{address:?} is no host and port"));
    }
    let scheme = labels.get(SCHEME);
    if !matches!(scheme, "http" | "https") {
        return Err(format!("{scheme:?} is neither http nor https"));
    }
    let interval = time(&labels, INTERVAL)?;
    let timeout = time(&labels, TIMEOUT)?;
    if timeout > interval {
        return Err(format!("{TIMEOUT} is longer than {INTERVAL}"));
    }
    let url = url(job, &labels, &address);
    labels.retain(|name| !name.starts_with(META));
    labels.set_default("instance", &address);
    labels.retain(|name| !name.starts_with("__"));
    Ok(Target {
        labels: labels.to_set(),
        discovered,
        url,
        interval,
        timeout,
    })
}

fn time(labels: &Labels, name: &str) -> Result<Duration, String> {
    let duration =
        parse_duration(labels.get(name)).map_err(|reason| format!("{name}: {reason}"))?;
    if duration.is_zero() {
        return Err(format!("{name} is nothing"));
    }
    Ok(duration)
}

fn url(job: &ScrapeJob, labels: &Labels, address: &str) -> String {
    let mut params = job.params.clone();
    for (name, value) in labels.iter() {
        let Some(param) = name.strip_prefix(PARAM) else {
            continue;
        };
        match params.entry(param.to_owned()).or_default().first_mut() {
            Some(first) => value.clone_into(first),
            None => drop(params.insert(param.to_owned(), vec![value.to_owned()])),
        }
    }
    let pairs = params.iter().flat_map(|(name, values)| {
        values
            .iter()
            .map(move |value| format!("{}={}", in_query(name), in_query(value)))
    });
    let query: Vec<String> = pairs.collect();
    let path = labels.get(METRICS_PATH);
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut url = format!("{}://{address}{slash}{}", labels.get(SCHEME), in_path(path));
    if !query.is_empty() {
        url.push('?');
        url.push_str(&query.join("&"));
    }
    url
}

fn in_query(text: &str) -> String {
    encoded(text, b"-_.~").replace("%20", "+")
}

fn in_path(text: &str) -> String {
    encoded(text, b"-_.~$&+,/:;=@%")
}

fn encoded(text: &str, plain: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
    out
}

fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16)
        .unwrap_or('0')
        .to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use crate::ScrapeConfig;

    use super::*;

    /// The targets of the first job: `url labels`, `dropped discovered`, or what is wrong.
    fn targets(text: &str) -> Vec<String> {
        let config = ScrapeConfig::parse("a.yml", text).unwrap();
        let job = &config.jobs[0];
        let targets = Targets::of(job, job.groups.iter());
        let kept = targets
            .kept
            .into_values()
            .map(|target| format!("{} {}", target.url, target.labels));
        let dropped = targets
            .dropped
            .iter()
            .map(|labels| format!("dropped {}", labels.get(ADDRESS).unwrap()));
        kept.chain(dropped).chain(targets.faults).collect()
    }

    fn job(more: &str) -> String {
        format!("scrape_configs:\n- job_name: j\n{more}")
    }

    #[test]
    fn a_target_is_named_by_its_address() {
        let text = job(
            "  static_configs:\n  - targets: [b:2, 'a:1', 'a:1']\n    labels: {env: x, __hidden: y}\n",
        );
        assert_eq!(
            targets(&text),
            [
                r#"http://a:1/metrics {env="x", instance="a:1", job="j"}"#,
                r#"http://b:2/metrics {env="x", instance="b:2", job="j"}"#
            ]
        );
    }

    #[test]
    fn relabelling_decides_where_and_how() {
        let text = job(
            "  metrics_path: /probe\n  params: {module: [http, tcp], 'a b': ['c&d']}\n  static_configs:\n  - targets: [x.example]\n  relabel_configs:\n\
             \x20 - {source_labels: [__address__], target_label: __param_target}\n\
             \x20 - {source_labels: [__param_target], target_label: instance}\n\
             \x20 - {target_label: __address__, replacement: 'blackbox:9115'}\n\
             \x20 - {target_label: __scheme__, replacement: https}\n\
             \x20 - {target_label: __scrape_interval__, replacement: 5s}\n\
             \x20 - {target_label: __scrape_timeout__, replacement: 4s}\n",
        );
        assert_eq!(
            targets(&text),
            [
                r#"https://blackbox:9115/probe?a+b=c%26d&module=http&module=tcp&target=x.example {instance="x.example", job="j"}"#
            ]
        );
    }

    #[test]
    fn what_is_no_target_is_told() {
        let text = job(
            "  static_configs:\n  - targets: [a, b, c, d]\n  relabel_configs:\n\
             \x20 - {source_labels: [__address__], regex: a, action: drop}\n\
             \x20 - {source_labels: [__address__], regex: b, target_label: __address__, replacement: x/y}\n\
             \x20 - {source_labels: [__address__], regex: c, target_label: __scheme__, replacement: ftp}\n\
             \x20 - {source_labels: [__address__], regex: d, target_label: __scrape_timeout__, replacement: 1d}\n",
        );
        assert_eq!(
            targets(&text),
            [
                "dropped a",
                "b: \"x/y\" is no host and port",
                "c: \"ftp\" is neither http nor https",
                "d: __scrape_timeout__ is longer than __scrape_interval__"
            ]
        );
    }
}
