use super::Ran;

/// What became of tests as `JUnit` files tell it.
pub(super) fn report(all: &[Ran]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for ran in all {
        let failures = ran.outcomes.iter().filter(|one| !one.failures.is_empty());
        let suite = format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\">\n",
            escaped(&ran.file),
            ran.outcomes.len().max(ran.broken.len().min(1)),
            failures.count(),
            ran.broken.len().min(1)
        );
        text.push_str(&suite);
        if !ran.broken.is_empty() {
            let reasons = escaped(&ran.broken.join("\n"));
            let case = format!(
                "    <testcase name=\"{}\">\n      <error>{reasons}</error>\n    </testcase>\n",
                escaped(&ran.file)
            );
            text.push_str(&case);
        }
        for (at, outcome) in ran.outcomes.iter().enumerate() {
            let name = if outcome.name.is_empty() {
                format!("test {}", at + 1)
            } else {
                outcome.name.clone()
            };
            let case = match outcome.failures.as_slice() {
                [] => format!("    <testcase name=\"{}\"/>\n", escaped(&name)),
                failures => format!(
                    "    <testcase name=\"{}\">\n      <failure>{}</failure>\n    </testcase>\n",
                    escaped(&name),
                    escaped(&failures.join("\n"))
                ),
            };
            text.push_str(&case);
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

/// Without what XML reserves or forbids.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use watchfire_alerts::RuleTestOutcome;

    use super::*;

    #[test]
    fn outcomes_are_told() {
        let outcome = |name: &str, failures: &[&str]| RuleTestOutcome {
            name: name.to_owned(),
            failures: failures.iter().map(|f| (*f).to_owned()).collect(),
        };
        let all = [Ran {
            file: "a.yml".to_owned(),
            broken: Vec::new(),
            outcomes: vec![outcome("<b>", &[]), outcome("", &["exp: \"1\""])],
        }];
        let report = report(&all);
        assert!(
            report.contains("<testsuite name=\"a.yml\" tests=\"2\" failures=\"1\" errors=\"0\">")
        );
        assert!(report.contains("<testcase name=\"&lt;b&gt;\"/>"));
        assert!(
            report.contains(
                "<testcase name=\"test 2\">\n      <failure>exp: &quot;1&quot;</failure>"
            )
        );
    }
}
