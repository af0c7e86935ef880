//! The templates that every configuration knows, and those that it names.

use std::path::{Path, PathBuf};

use serde_saphyr::Location;

use super::fields::Findings;
use crate::rules::template::Library;

/// In our own words; where people have come to know a line by heart, the line is the same.
const KNOWN: &str = r#"
{{ define "__alertmanager" }}Alertmanager{{ end }}
{{ define "__alertmanagerURL" }}{{ .ExternalURL }}/#/alerts?receiver={{ urlquery .Receiver }}{{ end }}
{{ define "__subject" }}[{{ toUpper .Status }}{{ if eq .Status "firing" }}:{{ len .Alerts.Firing }}{{ end }}] {{ join " " .GroupLabels.Values }} {{ $rest := .CommonLabels.Remove .GroupLabels.Names }}{{ if $rest }}({{ join " " $rest.Values }}){{ end }}{{ end }}
{{ define "__description" }}{{ end }}
{{ define "__color" }}{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}{{ end }}

{{ define "__pairs" }}{{ range .SortedPairs }} - {{ .Name }} = {{ .Value }}
{{ end }}{{ end }}
{{ define "__text_alert_list" }}{{ range . }}Labels:
{{ template "__pairs" .Labels }}Annotations:
{{ template "__pairs" .Annotations }}Source: {{ .GeneratorURL }}
{{ end }}{{ end }}
{{ define "__text_alert_list_markdown" }}{{ range . }}
Labels:
{{ range .Labels.SortedPairs }}  - {{ .Name }} = {{ .Value }}
{{ end }}
Annotations:
{{ range .Annotations.SortedPairs }}  - {{ .Name }} = {{ .Value }}
{{ end }}
Source: {{ .GeneratorURL }}
{{ end }}{{ end }}
{{ define "__both_lists" }}{{ with .Alerts.Firing }}Alerts Firing:
{{ template "__text_alert_list" . }}{{ end }}{{ with .Alerts.Resolved }}Alerts Resolved:
{{ template "__text_alert_list" . }}{{ end }}{{ end }}
{{ define "__both_lists_markdown" }}{{ with .Alerts.Firing }}# Alerts Firing:
{{ template "__text_alert_list_markdown" . }}{{ end }}{{ with .Alerts.Resolved }}# Alerts Resolved:
{{ template "__text_alert_list_markdown" . }}{{ end }}{{ end }}
{{ define "__annotated_lists" }}{{ join " " .CommonAnnotations.Values }}
{{ template "__both_lists" . }}{{ end }}

{{ define "slack.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "slack.default.username" }}{{ template "__alertmanager" . }}{{ end }}
{{ define "slack.default.fallback" }}{{ template "slack.default.title" . }} | {{ template "slack.default.titlelink" . }}{{ end }}
{{ define "slack.default.callbackid" }}{{ end }}
{{ define "slack.default.pretext" }}{{ end }}
{{ define "slack.default.titlelink" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{ define "slack.default.iconemoji" }}{{ end }}
{{ define "slack.default.iconurl" }}{{ end }}
{{ define "slack.default.text" }}{{ end }}
{{ define "slack.default.footer" }}{{ end }}
{{ define "slack.default.color" }}{{ template "__color" . }}{{ end }}
{{ define "pagerduty.default.description" }}{{ template "__subject" . }}{{ end }}
{{ define "pagerduty.default.client" }}{{ template "__alertmanager" . }}{{ end }}
{{ define "pagerduty.default.clientURL" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{ define "pagerduty.default.instances" }}{{ template "__text_alert_list" . }}{{ end }}
{{ define "opsgenie.default.message" }}{{ template "__subject" . }}{{ end }}
{{ define "opsgenie.default.description" }}{{ template "__annotated_lists" . }}{{ end }}
{{ define "opsgenie.default.source" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{ define "victorops.default.state_message" }}{{ template "__annotated_lists" . }}{{ end }}
{{ define "victorops.default.entity_display_name" }}{{ template "__subject" . }}{{ end }}
{{ define "victorops.default.monitoring_tool" }}{{ template "__alertmanager" . }}{{ end }}
{{ define "pushover.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "pushover.default.message" }}{{ template "__annotated_lists" . }}{{ end }}
{{ define "pushover.default.url" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{ define "telegram.default.message" }}{{ template "__both_lists" . }}{{ end }}
{{ define "discord.default.content" }}{{ end }}
{{ define "discord.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "discord.default.message" }}{{ template "__both_lists" . }}{{ end }}
{{ define "webex.default.message" }}{{ template "__annotated_lists" . }}{{ end }}
{{ define "msteams.default.summary" }}{{ template "__subject" . }}{{ end }}
{{ define "msteams.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "msteams.default.text" }}{{ template "__both_lists_markdown" . }}{{ end }}
{{ define "msteamsv2.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "msteamsv2.default.text" }}{{ template "__both_lists_markdown" . }}{{ end }}
{{ define "sns.default.subject" }}{{ template "__subject" . }}{{ end }}
{{ define "sns.default.message" }}{{ template "__annotated_lists" . }}{{ end }}
{{ define "email.default.subject" }}{{ template "__subject" . }}{{ end }}
{{ define "__html_alerts" }}{{ range . }}<table style="border-collapse:collapse;margin:0 0 16px">
{{ range .Labels.SortedPairs }}<tr><th style="text-align:left;padding:1px 12px 1px 0">{{ .Name }}</th><td>{{ .Value }}</td></tr>
{{ end }}{{ range .Annotations.SortedPairs }}<tr><th style="text-align:left;padding:1px 12px 1px 0;font-weight:normal">{{ .Name }}</th><td>{{ .Value }}</td></tr>
{{ end }}</table>
{{ if match "^https?://" .GeneratorURL }}<p><a href="{{ .GeneratorURL }}">Source</a></p>
{{ end }}{{ end }}{{ end }}
{{ define "email.default.html" }}<!doctype html>
<html><head><title>{{ template "__subject" . }}</title></head>
<body style="font-family:sans-serif;font-size:15px;color:#1a1a1a">
<h1 style="font-size:20px">{{ len .Alerts }} alert{{ if gt (len .Alerts) 1 }}s{{ end }} for {{ range .GroupLabels.SortedPairs }}{{ .Name }}={{ .Value }} {{ end }}</h1>
{{ with .Alerts.Firing }}<h2 style="font-size:16px">{{ len . }} firing</h2>
{{ template "__html_alerts" . }}{{ end }}
{{ with .Alerts.Resolved }}<h2 style="font-size:16px">{{ len . }} resolved</h2>
{{ template "__html_alerts" . }}{{ end }}
<p><a href="{{ template "__alertmanagerURL" . }}">View in {{ template "__alertmanager" . }}</a></p>
</body></html>{{ end }}
"#;

/// What is known, and then what the files define, which wins.
pub(super) fn library(
    files: &[(String, Location)],
    base: &Path,
    findings: &mut Findings<'_>,
) -> Library {
    let mut library = Library::default();
    library
        .add(KNOWN)
        .expect("our own templates are well formed");
    for (pattern, at) in files {
        for path in matching(&base.join(pattern)) {
            let read = std::fs::read_to_string(&path).map_err(|error| error.kind().to_string());
            let read = read.and_then(|text| library.add(&text).map_err(|it| it.to_string()));
            if let Err(reason) = read {
                findings.note(*at, format!("{}: {reason}", path.display()));
            }
        }
    }
    library
}

/// The files of a name that may hold `*` and `?` in its last part, in the order of their names.
fn matching(pattern: &Path) -> Vec<PathBuf> {
    let name = pattern.file_name().unwrap_or_default().to_string_lossy();
    let folder = pattern.parent().unwrap_or(Path::new("."));
    if !name.contains(['*', '?']) {
        return vec![pattern.to_owned()];
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| fits(&entry.file_name().to_string_lossy(), &name))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

fn fits(name: &str, pattern: &str) -> bool {
    let mut chars = pattern.chars();
    match chars.next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = chars.as_str();
            let mut starts = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            starts.any(|at| fits(&name[at..], rest))
        }
        Some(first) => {
            let mut own = name.chars();
            let one = own.next();
            (first == '?' && one.is_some() || one == Some(first))
                && fits(own.as_str(), chars.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receivers::sample;
    use crate::receivers::teller::Teller;
    use crate::rules::template::Template;

    fn check(template: &str, expected: &str) {
        let mut findings = Findings::new("am.yml", Path::new("."));
        let library = library(&[], Path::new("."), &mut findings);
        let notice = sample();
        let teller = Teller::new(&library, &notice);
        let text = format!("{{{{ template {template:?} . }}}}");
        let filled = teller.text(&Template::parse_message(&text).expect("it is well formed"));
        assert_eq!(filled, expected);
    }

    /// What Alertmanager 0.28 made of the same.
    #[test]
    fn the_lines_that_people_know_are_the_same() {
        check("__subject", "[FIRING:1] Down (api)");
        check("slack.default.title", "[FIRING:1] Down (api)");
        check("pagerduty.default.description", "[FIRING:1] Down (api)");
        check("email.default.subject", "[FIRING:1] Down (api)");
        let link = "http://am.example/#/alerts?receiver=team";
        check("__alertmanagerURL", link);
        check(
            "slack.default.fallback",
            &format!("[FIRING:1] Down (api) | {link}"),
        );
        check("slack.default.color", "danger");
        check("slack.default.text", "");
    }

    #[test]
    fn names_fit_patterns() {
        assert!(fits("a.tmpl", "*.tmpl") && fits("a.tmpl", "?.tmpl") && fits("", "*"));
        assert!(!fits("a.tmp", "*.tmpl") && !fits("ab.tmpl", "?.tmpl"));
    }
}
