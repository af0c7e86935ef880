//! `watchfire explain fingerprint FILE`.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};
use watchfire_collector::{Fingerprint, client_fingerprint, fingerprint, message_hash};
use watchfire_logsearch::PatternMiner;
use watchfire_schemas::{Attributes, Exception, flatten};

/// Tells the group of each line's exception. As in the store of groups, one whose own code, calls or
/// emitter's word were seen under another name is of that group.
pub(super) fn run(path: &Path) -> anyhow::Result<()> {
    let mut known = Known::default();
    super::each_line(path, |number, line| known.explain(number, line))
}

#[derive(Default)]
struct Known {
    /// The group by each hash that joins.
    groups: HashMap<String, String>,
    patterns: PatternMiner,
}

impl Known {
    /// A line without an exception has no group and no answer.
    fn explain(&mut self, number: usize, line: &str) -> anyhow::Result<Option<String>> {
        let object: Attributes = serde_json::from_str(line).context("expected a JSON object")?;
        // Nested or flat, as at intake.
        let object = flatten(object);
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        let service = text("service.name").to_owned();
        let message = text("message").to_owned();
        let client = client_fingerprint(&object);
        let exception: Exception =
            serde_json::from_value(Value::Object(object)).context("exception.* must be strings")?;
        if exception == Exception::default() {
            return Ok(None);
        }
        let mut print = fingerprint(&service, &exception, client.as_deref());
        let told = || message_hash(&service, &exception);
        print.hashes.message.get_or_insert_with(told);
        if !message.is_empty() {
            print.hashes.pattern = Some(self.patterns.assign(&message).to_string());
        }
        let (group, joined_by) = self.group_of(&print);
        let frames: Vec<Value> = print
            .frames
            .iter()
            .map(|frame| {
                json!({"module": frame.module, "function": frame.function, "in_app": frame.in_app, "counted": print.counts(frame)})
            })
            .collect();
        let mut answer = json!({
            "line": number,
            "group": group,
            "grouped_by": print.grouped_by,
            "algorithm": "watchfire:v1",
            "type": print.root_type,
            "chain": print.chain,
            "culprit": print.culprit,
            "hashes": print.hashes,
            "frames": frames,
        });
        if let Some(kind) = joined_by {
            answer["joined_by"] = kind.into();
        }
        Ok(Some(answer.to_string()))
    }

    /// The group, and by which hash it was found where that is not the one that names it.
    fn group_of(&mut self, print: &Fingerprint) -> (String, Option<&'static str>) {
        let key = |kind: &str, hash: &str| format!("{kind}:{hash}");
        let mut hashes = print.hashes.joining();
        let found = hashes.find_map(|(kind, hash)| {
            let group = self.groups.get(&key(kind, hash))?;
            Some((group.clone(), (*group != print.group).then_some(kind)))
        });
        let (group, joined_by) = found.unwrap_or_else(|| (print.group.clone(), None));
        for (kind, hash) in print.hashes.joining() {
            let known = self.groups.entry(key(kind, hash));
            known.or_insert_with(|| group.clone());
        }
        (group, joined_by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(known: &mut Known, stack: &str) -> Value {
        let line = json!({"service": {"name": "shop"}, "message": "order 17 failed", "exception": {"type": "E", "stacktrace": stack}});
        let answer = known.explain(1, &line.to_string()).unwrap().unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    #[test]
    fn another_view_of_what_is_a_library_joins() {
        let stack = "Traceback (most recent call last):\n  File \"/app/a.py\", line 1, in f\n  File \"/app/b.py\", line 1, in h\nE\n";
        let mut known = Known::default();
        let first = group(&mut known, stack);
        assert_eq!(first["grouped_by"], "app_frames");
        assert_eq!(first["frames"][0]["counted"], true);
        for hash in ["app", "system", "message", "pattern"] {
            assert!(first["hashes"][hash].is_string(), "{hash}");
        }
        let moved = group(&mut known, &stack.replace("/app/b", "/x/site-packages/b"));
        assert_eq!(
            (&moved["group"], &moved["joined_by"]),
            (&first["group"], &json!("system"))
        );
        let other = group(&mut known, &stack.replace("in f", "in g"));
        assert_ne!(other["group"], first["group"]);
        assert_eq!(known.explain(1, r#"{"message":"m"}"#).unwrap(), None);
    }
}
