//! Schemas that are files: in the configuration, and in the repositories of the teams that emit.
//!
//! A file is a JSON Schema that says under `x-contract` which records it is for, or the very
//! object that is posted to the API. Name and version may be left to the file's name:
//! `order.v2.schema.json`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use watchfire_schemas::{
    FormatRule, RegisterError, SchemaDefinition, SchemaPolicy, SchemaSet, SchemaVersion, Timestamp,
    line_and_column, locate,
};

/// Under this key a schema says what it is for.
const NOTE: &str = "x-contract";

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SchemaFinding {
    pub(crate) path: PathBuf,
    /// Line and column, from 1.
    pub(crate) place: Option<(usize, usize)>,
    pub(crate) reason: String,
}

impl fmt::Display for SchemaFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "{}:{line}:{column}: ", self.path.display())?,
            None => write!(f, "{}: ", self.path.display())?,
        }
        f.write_str(&self.reason)
    }
}

/// What a contract says of itself beside its schema. All of it may be left out.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContractNote {
    pub(crate) name: Option<String>,
    pub(crate) version: Option<SchemaVersion>,
    pub(crate) event_name: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) policy: Option<SchemaPolicy>,
    pub(crate) at: Option<String>,
    pub(crate) formats: Option<FormatRule>,
    pub(crate) uri: Option<String>,
}

/// One `[[schema]]` of the configuration: a file, and what is said of it there wins over what it
/// says itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SchemaEntry {
    file: PathBuf,
    name: Option<String>,
    version: Option<SchemaVersion>,
    event_name: Option<String>,
    service: Option<String>,
    policy: Option<SchemaPolicy>,
    at: Option<String>,
    formats: Option<FormatRule>,
    uri: Option<String>,
}

impl SchemaEntry {
    fn parts(self) -> (PathBuf, ContractNote) {
        let note = ContractNote {
            name: self.name,
            version: self.version,
            event_name: self.event_name,
            service: self.service,
            policy: self.policy,
            at: self.at,
            formats: self.formats,
            uri: self.uri,
        };
        (self.file, note)
    }
}

/// A file that was read.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    text: String,
    /// Where in the file the schema stands: the whole of it, or `/schema`.
    root: &'static str,
}

/// All schemas, compiled, or all that is wrong with them.
pub(crate) fn load(
    paths: &[PathBuf],
    entries: &[SchemaEntry],
) -> Result<SchemaSet, Vec<SchemaFinding>> {
    let mut findings = Vec::new();
    let mut sources: BTreeMap<String, Source> = BTreeMap::new();
    let mut definitions = Vec::new();
    let files = listed(paths, &mut findings);
    let files = files
        .into_iter()
        .map(|path| (path, ContractNote::default()));
    let entries = entries.iter().cloned().map(SchemaEntry::parts);
    for (path, note) in files.chain(entries) {
        match read(&path, note) {
            Ok((definition, source)) => {
                sources.entry(definition.id()).or_insert(source);
                definitions.push(definition);
            }
            Err(finding) => findings.push(finding),
        }
    }
    match SchemaSet::of(definitions) {
        Ok(set) if findings.is_empty() => Ok(set),
        Ok(_) => Err(findings),
        Err(faults) => {
            findings.extend(faults.iter().map(|fault| placed(fault, &sources)));
            Err(findings)
        }
    }
}

/// The files that are named, and those ending in `.json` in the folders that are.
fn listed(paths: &[PathBuf], findings: &mut Vec<SchemaFinding>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        match std::fs::read_dir(path) {
            Ok(entries) => {
                let inside = entries.filter_map(Result::ok).map(|entry| entry.path());
                let mut inside: Vec<PathBuf> = inside
                    .filter(|path| {
                        path.extension()
                            .is_some_and(|extension| extension == "json")
                    })
                    .collect();
                inside.sort();
                files.extend(inside);
            }
            Err(error) => findings.push(unplaced(path, error.to_string())),
        }
    }
    files
}

fn read(path: &Path, said: ContractNote) -> Result<(SchemaDefinition, Source), SchemaFinding> {
    let text = std::fs::read_to_string(path).map_err(|error| unplaced(path, error.to_string()))?;
    let at = |pointer: &str, reason: String| {
        let place = locate(&text, pointer).map(|range| line_and_column(&text, range.start));
        SchemaFinding {
            path: path.to_owned(),
            place: place.or(Some((1, 1))),
            reason,
        }
    };
    let value: Value = serde_json::from_str(&text).map_err(|error| SchemaFinding {
        path: path.to_owned(),
        place: Some((error.line(), error.column())),
        reason: error.to_string(),
    })?;
    let is_posted =
        value.get("schema").is_some() && value.get("name").is_some_and(Value::is_string);
    let (mut definition, root) = if is_posted {
        let posted = serde_json::from_value(value).map_err(|error| at("", error.to_string()))?;
        (posted, "/schema")
    } else {
        let pointer = format!("/{NOTE}");
        let note = value.get(NOTE).cloned().map(serde_json::from_value);
        let note = note.transpose();
        let note: Option<ContractNote> = note.map_err(|error| at(&pointer, error.to_string()))?;
        (definition(path, note.unwrap_or_default(), value), "")
    };
    apply(&mut definition, said);
    if definition.version.is_empty() {
        definition.version = SchemaVersion::new("1");
    }
    definition
        .check()
        .map_err(|error| at(&format!("/{NOTE}/{}", error.field), error.to_string()))?;
    let source = Source {
        path: path.to_owned(),
        text,
        root,
    };
    Ok((definition, source))
}

fn definition(path: &Path, note: ContractNote, schema: Value) -> SchemaDefinition {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = file.strip_suffix(".json").unwrap_or(&file);
    let stem = stem.strip_suffix(".schema").unwrap_or(stem);
    let versioned = stem
        .rsplit_once(".v")
        .filter(|(_, version)| version.starts_with(|first: char| first.is_ascii_digit()));
    let (name, version) = versioned.unwrap_or((stem, ""));
    let mut definition = SchemaDefinition {
        name: name.to_owned(),
        version: SchemaVersion::new(version),
        event_name: None,
        service: None,
        policy: SchemaPolicy::default(),
        at: None,
        formats: None,
        uri: None,
        active: true,
        registered_at: Timestamp::default(),
        schema,
    };
    apply(&mut definition, note);
    definition
}

fn apply(definition: &mut SchemaDefinition, note: ContractNote) {
    if let Some(name) = note.name {
        definition.name = name;
    }
    if let Some(version) = note.version {
        definition.version = version;
    }
    if let Some(policy) = note.policy {
        definition.policy = policy;
    }
    definition.event_name = note.event_name.or(definition.event_name.take());
    definition.service = note.service.or(definition.service.take());
    definition.at = note.at.or(definition.at.take());
    definition.formats = note.formats.or(definition.formats);
    definition.uri = note.uri.or(definition.uri.take());
}

fn placed(fault: &RegisterError, sources: &BTreeMap<String, Source>) -> SchemaFinding {
    let reason = fault.to_string();
    let RegisterError::Schema { id, source } = fault else {
        return SchemaFinding {
            path: PathBuf::from("schemas"),
            place: None,
            reason,
        };
    };
    let Some(file) = sources.get(id) else {
        return unplaced(Path::new(id), reason);
    };
    let pointer = format!("{}{}", file.root, source.path());
    let start = locate(&file.text, &pointer).map_or(0, |range| range.start);
    SchemaFinding {
        path: file.path.clone(),
        place: Some(line_and_column(&file.text, start)),
        reason: source.to_string(),
    }
}

fn unplaced(path: &Path, reason: String) -> SchemaFinding {
    SchemaFinding {
        path: path.to_owned(),
        place: None,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(files: &[(&str, &str)]) -> Result<Vec<SchemaDefinition>, Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let strip = |finding: &SchemaFinding| {
            let folder = format!("{}/", dir.path().display());
            finding.to_string().replace(&folder, "")
        };
        load(&[dir.path().to_owned()], &[])
            .map(|set| set.definitions().collect())
            .map_err(|findings| findings.iter().map(strip).collect())
    }

    #[test]
    fn a_file_says_what_it_is_for() {
        let noted =
            r#"{"x-contract": {"event_name": "order", "policy": "warn"}, "type": "object"}"#;
        let posted = r#"{"name": "shop", "version": 3, "service": "shop", "schema": true}"#;
        let all = loaded(&[
            ("order.v2.schema.json", noted),
            ("b.json", posted),
            ("c.txt", ""),
        ]);
        let all = all.unwrap();
        let ids: Vec<String> = all.iter().map(SchemaDefinition::id).collect();
        assert_eq!(ids, ["order.v2", "shop.v3"]);
        assert_eq!(all[0].event_name.as_deref(), Some("order"));
        assert_eq!(all[0].policy, SchemaPolicy::Warn);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let check = |text: &str, expected: &str| {
            let findings = loaded(&[("a.json", text)]).unwrap_err();
            assert!(findings[0].starts_with(expected), "{findings:?}");
        };
        check("{\n  \"type\": ]", "a.json:2:11: ");
        check("{\n  \"type\": 5}", "a.json:2:11: ");
        check(
            "{\n\"x-contract\": {\"events\": 1}}",
            "a.json:2:15: unknown field",
        );
        check(
            "{\"name\": \"a\", \"service\": \"s\",\n \"schema\": {\"properties\": {\"a\": {\"pattern\": \"(\"}}}}",
            "a.json:2:45: ",
        );
        check("{\"$ref\": \"https://x.example/y\"}", "a.json:1:1: ");
        let twice = loaded(&[("a.json", "{}"), ("a.schema.json", "{}")]).unwrap_err();
        assert!(twice[0].contains("a.v1 comes twice"), "{twice:?}");
    }
}
