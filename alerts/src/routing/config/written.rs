//! The configuration in its own form, without what receivers hold.

use std::fmt::Write as _;

use super::AlertmanagerConfig;
use crate::routing::interval::{Span, TimeInterval};
use crate::routing::matcher::Matchers;
use crate::routing::route::{GroupBy, Route};
use crate::rules::written_duration;

impl AlertmanagerConfig {
    /// As a file that means the same; of receivers it holds the names alone.
    pub(crate) fn written(&self) -> String {
        let mut out = String::new();
        put(&mut out, 0, "global:");
        let timeout = written_duration(self.resolve_timeout);
        put(&mut out, 1, &format!("resolve_timeout: {timeout}"));
        put(&mut out, 0, "route:");
        route(&mut out, 1, &self.route, None);
        if !self.inhibit_rules.is_empty() {
            put(&mut out, 0, "inhibit_rules:");
        }
        for rule in &self.inhibit_rules {
            let source = list(matchers(&rule.source));
            put(&mut out, 0, &format!("- source_matchers: {source}"));
            let target = list(matchers(&rule.target));
            put(&mut out, 1, &format!("target_matchers: {target}"));
            let equal = list(rule.equal.iter().cloned());
            put(&mut out, 1, &format!("equal: {equal}"));
        }
        put(&mut out, 0, "receivers:");
        for name in &self.receivers {
            put(&mut out, 0, &format!("- name: {}", text(name)));
        }
        if !self.intervals.is_empty() {
            put(&mut out, 0, "time_intervals:");
        }
        for (name, intervals) in &self.intervals {
            put(&mut out, 0, &format!("- name: {}", text(name)));
            let intervals: Vec<String> = intervals.iter().map(interval).collect();
            put(
                &mut out,
                1,
                &format!("time_intervals: [{}]", intervals.join(", ")),
            );
        }
        out
    }
}

fn put(out: &mut String, depth: usize, line: &str) {
    writeln!(out, "{:indent$}{line}", "", indent = depth * 2).expect("a string takes everything");
}

/// What a node does not inherit; of the root, all.
fn route(out: &mut String, depth: usize, node: &Route, above: Option<&Route>) {
    let mut line = |key: &str, value: String| put(out, depth, &format!("{key}: {value}"));
    line("receiver", text(&node.receiver));
    if above.is_none_or(|above| above.group_by != node.group_by) {
        let names: Vec<String> = match &node.group_by {
            GroupBy::Everything => vec!["...".to_owned()],
            GroupBy::Labels(names) => names.iter().cloned().collect(),
        };
        line("group_by", list(names));
    }
    if !node.matchers.is_empty() {
        line("matchers", list(matchers(&node.matchers)));
    }
    for (key, names) in [
        ("mute_time_intervals", &node.mute_intervals),
        ("active_time_intervals", &node.active_intervals),
    ] {
        if !names.is_empty() {
            line(key, list(names.iter().cloned()));
        }
    }
    line("continue", node.continues.to_string());
    for (key, of) in [
        ("group_wait", (|r: &Route| r.group_wait) as fn(&Route) -> _),
        ("group_interval", |r| r.group_interval),
        ("repeat_interval", |r| r.repeat_interval),
    ] {
        if above.is_none_or(|above| of(above) != of(node)) {
            line(key, written_duration(of(node)));
        }
    }
    if !node.children.is_empty() {
        put(out, depth, "routes:");
    }
    for child in &node.children {
        put(out, depth, "-");
        route(out, depth + 1, child, Some(node));
    }
}

fn matchers(matchers: &Matchers) -> impl Iterator<Item = String> {
    matchers.iter().map(ToString::to_string)
}

fn interval(interval: &TimeInterval) -> String {
    let mut fields = Vec::new();
    if let Some(times) = &interval.times {
        let clock = |minute: i32| format!("{:02}:{:02}", minute / 60, minute % 60);
        let times = times.iter().map(|(start, end)| {
            format!(
                "{{start_time: '{}', end_time: '{}'}}",
                clock(*start),
                clock(*end)
            )
        });
        let times: Vec<String> = times.collect();
        fields.push(format!("times: [{}]", times.join(", ")));
    }
    let weekday = |day: i32| crate::routing::interval::WEEKDAYS[day as usize].to_owned();
    let number = |number: i32| number.to_string();
    for (key, spans, member) in [
        (
            "weekdays",
            &interval.weekdays,
            &weekday as &dyn Fn(i32) -> String,
        ),
        ("days_of_month", &interval.days_of_month, &number),
        ("months", &interval.months, &number),
        ("years", &interval.years, &number),
    ] {
        if let Some(spans) = spans {
            let spans = spans.iter();
            let written =
                spans.map(|Span { first, last }| format!("{}:{}", member(*first), member(*last)));
            fields.push(format!("{key}: {}", list(written)));
        }
    }
    let zone = interval.location.as_ref();
    if let Some(name) = zone.and_then(|zone| zone.iana_name()) {
        fields.push(format!("location: {}", text(name)));
    }
    format!("{{{}}}", fields.join(", "))
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| text(&item)).collect();
    format!("[{}]", items.join(", "))
}

/// In double quotes, as JSON and so YAML has it.
fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
