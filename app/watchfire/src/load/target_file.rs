use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::target::Written;

/// A file of targets, in TOML: `[[target]]` each.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetFile {
    target: Vec<FileTarget>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileTarget {
    name: Option<String>,
    url: String,
    method: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    body_file: Option<PathBuf>,
    expect: Option<String>,
    weight: Option<f64>,
}

/// The targets of a file. What one does not say is as in `others`: headers of both are sent.
pub(super) fn read(file: &Path, others: &Written) -> Result<Vec<Written>, String> {
    let wrong = |told: String| format!("{}: {told}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let targets: TargetFile = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if targets.target.is_empty() {
        return Err(wrong("has no [[target]]".to_owned()));
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    targets
        .target
        .into_iter()
        .map(|target| target.written(folder, others).map_err(wrong))
        .collect()
}

impl FileTarget {
    fn written(self, folder: &Path, others: &Written) -> Result<Written, String> {
        let body = match (self.body, self.body_file) {
            (Some(_), Some(_)) => return Err(format!("{} has both body and body_file", self.url)),
            (Some(body), None) => body,
            (None, Some(file)) => read_body(&folder.join(file))?,
            (None, None) => others.body.clone(),
        };
        let expect = self.expect.map(|text| text.parse()).transpose()?;
        Ok(Written {
            name: self.name,
            url: self.url,
            method: self.method.or_else(|| others.method.clone()),
            headers: others.headers.iter().cloned().chain(self.headers).collect(),
            body,
            expect: expect.or_else(|| others.expect.clone()),
            weight: self.weight,
        })
    }
}

pub(super) fn read_body(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<Written>, String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("order.json"), "{}").unwrap();
        let file = dir.path().join("targets.toml");
        std::fs::write(&file, text).unwrap();
        let others = Written {
            headers: vec![("x-api-key".to_owned(), "k".to_owned())],
            ..Written::default()
        };
        read(&file, &others)
    }

    #[test]
    fn targets_are_read() {
        let text = r#"
            [[target]]
            url = "http://a/"
            weight = 3

            [[target]]
            name = "order"
            url = "http://a/orders"
            method = "POST"
            headers = { accept = "a/b" }
            body_file = "order.json"
            expect = "201"
        "#;
        let targets = read_text(text).unwrap();
        assert_eq!(
            (targets[0].weight, targets[0].method.as_deref()),
            (Some(3.0), None)
        );
        assert_eq!(
            (targets[1].body.as_str(), targets[1].headers.len()),
            ("{}", 2)
        );
        assert_eq!(targets[1].expect, "201".parse().ok());
    }

    #[test]
    fn faults_are_told_with_their_place() {
        let check = |text: &str, part: &str| {
            let told = read_text(text).unwrap_err();
            assert!(
                told.contains("targets.toml") && told.contains(part),
                "{told}"
            );
        };
        check("", "target");
        check("target = []", "no [[target]]");
        check("[[target]]\nmethod = \"GET\"", "url");
        check("[[target]]\nurl = \"http://a\"\nwieght = 2", "wieght");
        check(
            "[[target]]\nurl = \"http://a\"\nexpect = \"ok\"",
            "no status",
        );
        check(
            "[[target]]\nurl = \"http://a\"\nbody_file = \"nowhere\"",
            "nowhere",
        );
        check(
            "[[target]]\nurl = \"http://a\"\nbody_file = \"x\"\nbody = \"y\"",
            "both",
        );
    }
}
