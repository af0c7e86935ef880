//! Matchers of silences as people write them, and which alerts they fit.

use crate::routing::{Matcher, Matchers};
use crate::{AlertInstance, Alerts, SilenceMatcher};

/// Reads matchers: `service="shop", alertname=~"Disk.*"`.
pub fn silence_matchers(text: &str) -> Result<Vec<SilenceMatcher>, String> {
    let read = Matchers::parse(text)?;
    Ok(read.iter().map(plain).collect())
}

/// Matchers as they are read.
pub fn written_matchers(matchers: &[SilenceMatcher]) -> String {
    let written = matchers.iter().map(|matcher| {
        let operator = match (matcher.is_regex, matcher.is_equal) {
            (false, true) => "=",
            (false, false) => "!=",
            (true, true) => "=~",
            (true, false) => "!~",
        };
        let value = matcher.value.replace('\\', "\\\\");
        let value = value.replace('\n', "\\n").replace('"', "\\\"");
        format!("{}{operator}\"{value}\"", matcher.name)
    });
    written.collect::<Vec<_>>().join(", ")
}

fn plain(matcher: &Matcher) -> SilenceMatcher {
    SilenceMatcher {
        name: matcher.name.clone(),
        value: matcher.value.clone(),
        is_regex: matcher.op.is_regex(),
        is_equal: matcher.op.is_equal(),
    }
}

impl Alerts {
    /// The pending and firing alerts of our rules that a silence with these matchers would fit.
    pub fn alerts_matching(&self, matchers: &str) -> Result<Vec<AlertInstance>, String> {
        let matchers = Matchers::new(Matchers::parse(matchers)?);
        let mut active = self.active_alerts();
        active.retain(|alert| !matchers.is_empty() && matchers.matches(&alert.labels));
        Ok(active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_are_written_as_they_are_read() {
        for text in [
            r#"service="shop", alertname=~"Disk.*""#,
            r#"a!="b\"c\\d", e!~"f""#,
        ] {
            assert_eq!(written_matchers(&silence_matchers(text).unwrap()), text);
        }
        assert!(silence_matchers("no matcher").is_err());
    }
}
