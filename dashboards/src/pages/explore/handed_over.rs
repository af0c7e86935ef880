//! What a query becomes elsewhere: a call of the API, an alerting rule.

use std::fmt::Write;

use super::lines::Lines;
use super::state::{ExploreUrl, Face};
use super::syntax::tokens;
use crate::figures;

/// The call of the API that gives the same, for a shell. `host` is where the reader found us.
pub(super) fn curl(url: &ExploreUrl, host: &str) -> String {
    let range = url.asked.range;
    let calls = url.rows.iter().filter(|row| row.is_asked()).map(|row| {
        let mut call = String::from("curl -sG ");
        let is_now = url.face == Face::Table;
        let route = if is_now { "query" } else { "query_range" };
        write!(
            call,
            "{} \\\n  --data-urlencode {}",
            quoted(&format!("http://{host}/prometheus/api/v1/{route}")),
            quoted(&format!("query={}", row.expr))
        )
        .expect("writing to memory does not fail");
        if is_now {
            write!(call, " \\\n  -d time={}", range.end)
        } else {
            write!(
                call,
                " \\\n  -d start={} -d end={} -d step={}",
                range.start,
                range.end,
                url.step().as_secs_f64()
            )
        }
        .expect("writing to memory does not fail");
        call
    });
    calls.collect::<Vec<_>>().join("\n\n")
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A rule file with the first query, to be filled in. An expression that compares already is taken
/// as it is; otherwise the threshold is just above what was seen.
pub(super) fn rule(url: &ExploreUrl, lines: &Lines) -> Option<String> {
    let row = url.rows.iter().find(|row| row.is_asked())?;
    let compares = tokens(&row.expr)
        .iter()
        .any(|token| ["==", "!=", ">", "<", ">=", "<="].contains(&token.text));
    let of_row = lines.lines.iter().filter(|line| line.letter == row.letter);
    let most = of_row
        .filter_map(|line| line.lane.figures())
        .map(|figures| figures.max)
        .reduce(f64::max);
    let expr = if compares {
        row.expr.clone()
    } else {
        let threshold = most.map_or(0.0, |most| figures::rounded(most * 1.2));
        format!("({}) > {threshold}", row.expr)
    };
    let mut rule = String::from(
        "groups:\n  - name: explored\n    rules:\n      - alert: NameOfWhatIsWrong\n        expr: |-\n",
    );
    for line in expr.lines() {
        writeln!(rule, "          {line}").expect("writing to memory does not fail");
    }
    rule.push_str(
        "        for: 2m\n        labels:\n          severity: error\n        annotations:\n          \
         summary: \"{{ $labels.service }}: {{ $value }}\"\n",
    );
    Some(rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;
    use watchfire_schemas::Timestamp;

    fn url(query: &str) -> ExploreUrl {
        ExploreUrl::from_params(&Params::parse(query), Timestamp::from_secs(1_795_327_200)).unwrap()
    }

    #[test]
    fn a_call_is_one_word_each() {
        let call = curl(&url("a=up%7Ba%3D'b'%7D&last=1h"), "h:7117");
        assert!(call.starts_with("curl -sG 'http://h:7117/prometheus/api/v1/query_range' \\\n"));
        assert!(call.contains("'query=up{a='\\''b'\\''}'"), "{call}");
        assert!(call.ends_with("-d step=15"), "{call}");
        assert!(curl(&url("a=up&view=table"), "h").contains("/query' "));
        assert_eq!(curl(&url("a=up&off=a"), "h"), "");
    }

    #[test]
    fn a_rule_is_one_that_we_read() {
        for query in ["a=up", "a=up%20%3C%201", "a=sum(%0A%20%20up)"] {
            let text = rule(&url(query), &Lines::default()).unwrap();
            let findings = watchfire_alerts::check_rules("explored", &text);
            assert!(findings.is_empty(), "{text}{findings:?}");
        }
        assert!(
            rule(&url("a=up%20%3C%201"), &Lines::default())
                .unwrap()
                .contains("          up < 1\n")
        );
        assert!(rule(&url(""), &Lines::default()).is_none());
    }
}
