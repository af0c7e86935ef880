use std::borrow::Cow;
use std::fmt::Write as _;

/// OpenMetrics text as Prometheus' text format 0.0.4: metadata name what the samples are called
/// (`_total`), there are no units, exemplars or creation times, and times are in milliseconds.
pub fn prometheus_text(openmetrics: &str) -> String {
    let mut out = String::with_capacity(openmetrics.len());
    let mut family = Family::default();
    for line in openmetrics.lines() {
        match line.strip_prefix("# ") {
            Some(metadata) => family = family.metadata(metadata, &mut out),
            None => family.sample(line, &mut out),
        }
    }
    family.write_help(&mut out, "");
    out
}

/// The family that is being read. Its help comes before its type, which decides its name.
#[derive(Debug, Default)]
struct Family<'a> {
    name: &'a str,
    help: Option<&'a str>,
    kind: &'a str,
}

impl<'a> Family<'a> {
    fn metadata(mut self, line: &'a str, out: &mut String) -> Self {
        let mut parts = line.splitn(3, ' ');
        let (keyword, name, text) = (
            parts.next(),
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        if !matches!(keyword, Some("HELP" | "TYPE")) {
            return self;
        }
        if name != self.name {
            self.write_help(out, "");
            self = Self {
                name,
                ..Self::default()
            };
        }
        if keyword == Some("HELP") {
            self.help = Some(text);
            return self;
        }
        self.kind = text;
        let (suffix, kind) = match text {
            "counter" => ("_total", "counter"),
            "info" => ("_info", "gauge"),
            "stateset" => ("", "gauge"),
            "unknown" => ("", "untyped"),
            // Its buckets are those of a histogram whose counts may fall.
            "gaugehistogram" => ("", "histogram"),
            other => ("", other),
        };
        self.write_help(out, suffix);
        writeln!(out, "# TYPE {name}{suffix} {kind}").expect("writing to memory");
        self
    }

    fn write_help(&mut self, out: &mut String, suffix: &str) {
        if let Some(help) = self.help.take() {
            // A quotation mark is escaped in OpenMetrics and must not be here.
            let help: Cow<'_, str> = if help.contains('\\') {
                unquoted(help).into()
            } else {
                help.into()
            };
            writeln!(out, "# HELP {}{suffix} {help}", self.name).expect("writing to memory");
        }
    }

    fn sample(&self, line: &str, out: &mut String) {
        let end = end_of_series(line);
        let (series, rest) = line.split_at(end);
        let name = series.split('{').next().unwrap_or_default();
        let is_creation = name.strip_suffix("_created") == Some(self.name)
            && matches!(
                self.kind,
                "counter" | "histogram" | "summary" | "gaugehistogram"
            );
        if line.trim().is_empty() || is_creation {
            return;
        }
        let mut parts = rest
            .split_once(" # ")
            .map_or(rest, |(sample, _)| sample)
            .split_ascii_whitespace();
        out.push_str(series);
        if let Some(value) = parts.next() {
            out.push(' ');
            out.push_str(value);
        }
        if let Some(seconds) = parts.next().and_then(|at| at.parse::<f64>().ok()) {
            write!(out, " {}", (seconds * 1000.0).round() as i64).expect("writing to memory");
        }
        out.push('\n');
    }
}

/// Where the name and the labels of a sample end. A label's value may hold anything.
fn end_of_series(line: &str) -> usize {
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, c) in line.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '}' if !is_quoted => return at + 1,
            ' ' if !is_quoted && !line[..at].contains('{') => return at,
            _ => {}
        }
    }
    line.len()
}

fn unquoted(help: &str) -> String {
    let mut text = String::with_capacity(help.len());
    let mut chars = help.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('"') => text.push('"'),
                Some(other) => text.extend(['\\', other]),
                None => text.push_str("\\\\"),
            },
            (c, false) => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_becomes_what_older_scrapers_read() {
        let text = r#"# HELP a_seconds Time of \"a\".
# TYPE a_seconds histogram
# UNIT a_seconds seconds
a_seconds_bucket{le="1.0",path="} # {"} 3 # {trace_id="4bf9"} 0.7 1700000000.5
a_seconds_count{path="} # {"} 3
a_seconds_created{path="} # {"} 1700000000.0
# HELP b Things.
# TYPE b counter
b_total 5 1700000000.123
b_created 1700000000.0
# TYPE c unknown
c{x="\"}"} NaN
# TYPE d gauge
d_created 5
# EOF
"#;
        let expected = r#"# HELP a_seconds Time of "a".
# TYPE a_seconds histogram
a_seconds_bucket{le="1.0",path="} # {"} 3
a_seconds_count{path="} # {"} 3
# HELP b_total Things.
# TYPE b_total counter
b_total 5 1700000000123
# TYPE c untyped
c{x="\"}"} NaN
# TYPE d gauge
d_created 5
"#;
        assert_eq!(prometheus_text(text), expected);
    }
}
