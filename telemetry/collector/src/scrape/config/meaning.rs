//! From what was written to what is meant. Everything that is wrong is told at once, save what
//! breaks the YAML or is no key: that hides what comes after it.

mod relabelling;
mod request;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_saphyr::{Location, Spanned};
use watchfire_schemas::LabelSet;

use super::known;
use super::text::{FileDiscoveryText, FileText, GlobalText, GroupText, JobText, Labels, Text};
use super::{
    FileDiscovery, LabelLimits, ReadingConfig, ScrapeConfig, ScrapeFinding, ScrapeJob, StaticGroup,
};
use crate::scrape::quantity::{parse_duration, parse_size};

const INTERVAL: Duration = Duration::from_mins(1);
const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn read(file: &str, text: &str) -> Result<ScrapeConfig, Vec<ScrapeFinding>> {
    let mut reader = Reader {
        file,
        dir: Path::new(file).parent().unwrap_or(Path::new("")),
        findings: Vec::new(),
    };
    let document: Option<FileText> = match serde_saphyr::from_str(text) {
        Ok(document) => document,
        Err(error) => {
            let location = error.location();
            reader.add(
                location.as_ref(),
                syntax(&error.without_snippet().to_string()),
            );
            return Err(reader.findings);
        }
    };
    let Some(document) = document else {
        return Ok(ScrapeConfig::default());
    };
    let global = document.global.unwrap_or_default();
    let external_labels = reader.labels(&global.external_labels);
    let mut names = BTreeSet::new();
    let mut jobs = Vec::new();
    for job in &document.scrape_configs {
        if job.job_name.value.is_empty() {
            reader.at(&job.job_name, "a job needs a name");
        } else if !names.insert(job.job_name.value.as_str()) {
            let reason = format!("the job {:?} comes twice", job.job_name.value);
            reader.at(&job.job_name, reason);
        }
        jobs.push(reader.job(job, &global));
    }
    if reader.findings.is_empty() {
        Ok(ScrapeConfig {
            external_labels: LabelSet::new(external_labels),
            jobs,
        })
    } else {
        Err(reader.findings)
    }
}

/// What the YAML reader says, with a word on keys that are not ours.
fn syntax(told: &str) -> String {
    let first = told.lines().next().unwrap_or_default();
    let Some((_, rest)) = first.split_once("unknown field `") else {
        return first.to_owned();
    };
    let (key, rest) = rest.split_once('`').unwrap_or((rest, ""));
    known::unknown(key, rest.trim_start_matches([',', ' ']))
}

pub(super) struct Reader<'f> {
    file: &'f str,
    dir: &'f Path,
    findings: Vec<ScrapeFinding>,
}

impl Reader<'_> {
    fn add(&mut self, location: Option<&Location>, reason: impl Into<String>) {
        self.findings.push(ScrapeFinding {
            file: self.file.to_owned(),
            line: location.map_or(1, |at| at.line() as usize),
            column: location.map_or(1, |at| at.column() as usize),
            reason: reason.into(),
        });
    }

    pub(super) fn at<T>(&mut self, place: &Spanned<T>, reason: impl Into<String>) {
        self.add(Some(&place.referenced), reason);
    }

    /// Takes note of what is wrong and gives something to go on with.
    pub(super) fn noted<T: Default, P>(
        &mut self,
        place: &Spanned<P>,
        read: Result<T, String>,
    ) -> T {
        read.unwrap_or_else(|reason| {
            self.at(place, reason);
            T::default()
        })
    }

    /// A file that is named without a folder is looked for beside this one.
    pub(super) fn beside(&self, path: &str) -> PathBuf {
        self.dir.join(path)
    }

    fn job(&mut self, text: &JobText, global: &GlobalText) -> ScrapeJob {
        let (interval, timeout) = self.times(text, global);
        let scheme = match &text.scheme {
            None => "http",
            Some(scheme) if matches!(scheme.value.as_str(), "http" | "https") => &scheme.value,
            Some(scheme) => {
                self.at(
                    scheme,
                    format!("{:?} is neither http nor https", scheme.value),
                );
                "http"
            }
        };
        ScrapeJob {
            name: text.job_name.value.clone(),
            interval,
            timeout,
            scheme: scheme.to_owned(),
            metrics_path: text
                .metrics_path
                .clone()
                .unwrap_or_else(|| "/metrics".to_owned()),
            params: text.params.clone(),
            groups: text
                .static_configs
                .iter()
                .map(|group| self.group(group))
                .collect(),
            files: text
                .file_sd_configs
                .iter()
                .map(|files| self.files(files))
                .collect(),
            relabel: self.relabelling(&text.relabel_configs),
            keep_dropped: text
                .keep_dropped_targets
                .or(global.keep_dropped_targets)
                .unwrap_or(0),
            target_limit: text.target_limit.or(global.target_limit).unwrap_or(0),
            request: self.request(text, global),
            reading: self.reading(text, global),
        }
    }

    fn times(&mut self, text: &JobText, global: &GlobalText) -> (Duration, Duration) {
        let told = text
            .scrape_interval
            .as_ref()
            .or(global.scrape_interval.as_ref());
        let interval = self.duration(told, INTERVAL);
        let given = text
            .scrape_timeout
            .as_ref()
            .or(global.scrape_timeout.as_ref());
        let timeout = self.duration(given, TIMEOUT.min(interval));
        if timeout <= interval {
            return (interval, timeout);
        }
        if let Some(own) = &text.scrape_timeout {
            self.at(
                own,
                "a scrape may not take longer than the time to the next one",
            );
        }
        // The timeout of `global` is for jobs that give it time.
        (interval, interval)
    }

    /// Never zero.
    fn duration(&mut self, text: Option<&Spanned<String>>, default: Duration) -> Duration {
        let Some(text) = text else { return default };
        let read = parse_duration(&text.value);
        let duration = self.noted(text, read);
        if !duration.is_zero() {
            return duration;
        }
        if parse_duration(&text.value).is_ok() {
            self.at(text, "must be longer than nothing");
        }
        default
    }

    pub(super) fn size(&mut self, text: &Text) -> Option<usize> {
        let text = text.as_ref()?;
        let read = parse_size(&text.value);
        Some(self.noted(text, read))
    }

    fn group(&mut self, text: &GroupText) -> StaticGroup {
        for target in &text.targets {
            if target.value.contains('/') {
                let reason = format!(
                    "{:?} is no host and port; the path goes to metrics_path, the scheme to scheme",
                    target.value
                );
                self.at(target, reason);
            }
        }
        StaticGroup {
            targets: text
                .targets
                .iter()
                .map(|target| target.value.clone())
                .collect(),
            labels: self.labels(&text.labels),
        }
    }

    fn labels(&mut self, labels: &Labels) -> Vec<(String, String)> {
        let pair = |(name, value): (&String, &Spanned<String>)| {
            if name.is_empty() {
                self.at(value, "a label needs a name");
            }
            (name.clone(), value.value.clone())
        };
        labels.iter().map(pair).collect()
    }

    fn files(&mut self, text: &FileDiscoveryText) -> FileDiscovery {
        for file in &text.files {
            let path = Path::new(&file.value);
            let ending = path.extension().and_then(|ending| ending.to_str());
            let ending = ending.unwrap_or_default().to_ascii_lowercase();
            if !matches!(ending.as_str(), "json" | "yml" | "yaml") {
                self.at(
                    file,
                    format!("{:?} ends with none of .json, .yml, .yaml", file.value),
                );
            }
            let dir = path.parent().unwrap_or(Path::new("")).to_string_lossy();
            if dir.contains('*') {
                self.at(file, "only the last part of a path may hold *");
            }
        }
        // Only checked: files are looked at more often than anybody asks for.
        self.duration(text.refresh_interval.as_ref(), INTERVAL);
        let files = text.files.iter();
        FileDiscovery {
            patterns: files.map(|file| self.beside(&file.value)).collect(),
        }
    }

    fn reading(&mut self, text: &JobText, global: &GlobalText) -> ReadingConfig {
        let limit = |own: Option<usize>, of_all: Option<usize>| own.or(of_all).unwrap_or(0);
        ReadingConfig {
            honor_labels: text.honor_labels.unwrap_or(false),
            honor_timestamps: text.honor_timestamps.unwrap_or(true),
            track_timestamps: text.track_timestamps_staleness.unwrap_or(false),
            relabel: self.relabelling(&text.metric_relabel_configs),
            sample_limit: limit(text.sample_limit, global.sample_limit),
            labels: LabelLimits {
                count: limit(text.label_limit, global.label_limit),
                name_length: limit(text.label_name_length_limit, global.label_name_length_limit),
                value_length: limit(
                    text.label_value_length_limit,
                    global.label_value_length_limit,
                ),
            },
        }
    }
}
