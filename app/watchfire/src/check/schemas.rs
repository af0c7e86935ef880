//! `watchfire check schemas`: schema files, and sample lines held to them as the server would.

use std::path::{Path, PathBuf};

use serde_json::Value;
use watchfire_schemas::{
    Contract, SchemaSet, Subject, Violation, flatten, line_and_column, locate,
};

use crate::schema_files;

/// Everything that is wrong with the schemas, or else with the lines.
pub(super) fn findings(files: &[PathBuf], logs: &[PathBuf]) -> Vec<String> {
    match schema_files::load(files, &[]) {
        Err(findings) => findings.iter().map(ToString::to_string).collect(),
        Ok(set) => logs.iter().flat_map(|log| of_log(&set, log)).collect(),
    }
}

fn of_log(set: &SchemaSet, path: &Path) -> Vec<String> {
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return vec![format!("{}: {error}", path.display())],
    };
    let base = Contract::log_record_v1();
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    lines
        .flat_map(|(index, line)| {
            let faults = of_line(set, &base, line);
            faults.into_iter().map(move |(column, told)| {
                format!("{}:{}:{column}: {told}", path.display(), index + 1)
            })
        })
        .collect()
}

/// The faults of a line with their columns.
fn of_line(schemas: &SchemaSet, base: &Contract, line: &str) -> Vec<(usize, String)> {
    let sent: Value = match serde_json::from_str(line) {
        Ok(sent) => sent,
        Err(error) => return vec![(error.column().max(1), format!("not JSON: {error}"))],
    };
    let Value::Object(object) = &sent else {
        return vec![(1, "expected a JSON object".to_owned())];
    };
    let flat = Value::Object(flatten(object.clone()));
    let mut faults: Vec<(String, Violation)> = Vec::new();
    let mut add = |schema: &str, violations: Vec<Violation>| {
        faults.extend(violations.into_iter().map(|one| (schema.to_owned(), one)));
    };
    add(base.name(), base.violations(&flat));
    let version = ["schema.version", "event_version"];
    let subject = Subject {
        event_name: flat["event_name"].as_str(),
        service: flat["service.name"].as_str().unwrap_or_default(),
        version: version.iter().find_map(|key| flat.get(*key)),
    };
    // Here a schema that does not say what it is for is for every line.
    let for_all = schemas
        .iter()
        .filter(|schema| schema.definition.is_shared());
    for schema in schemas.applying(subject).into_iter().chain(for_all) {
        add(schema.id(), schema.violations(&sent));
    }
    let told = faults.into_iter().map(|(schema, violation)| {
        let place = locate(line, &violation.instance_path).map_or(0, |range| range.start);
        let (_, column) = line_and_column(line, place);
        (column, format!("{violation} ({schema})"))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_held_to_the_schemas_that_are_for_them() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let order = write(
            "order.json",
            r#"{"x-contract": {"event_name": "order"}, "properties": {"order": {"required": ["id"]}}}"#,
        );
        let start = r#"{"timestamp":"2026-11-22T05:57:27Z","severity":"INFO","service":{"name":"a"},"message":"m""#;
        let text = format!(
            "{start},\"event_name\":\"order\",\"order\":{{}}}}\n\n{start},\"order\":{{}}}}\n{start},\"trace_id\":5}}\n["
        );
        let log = write("lines.ndjson", &text);
        let found = findings(&[order], std::slice::from_ref(&log));
        let starts = [
            ":1:121: /order: \"id\" is a required property (order.v1)",
            ":4:103: /trace_id: 5 is not",
            ":5:1: not JSON",
        ];
        assert_eq!(found.len(), starts.len(), "{found:?}");
        for (finding, start) in found.iter().zip(starts) {
            let start = format!("{}{start}", log.display());
            assert!(finding.starts_with(&start), "{finding}");
        }
    }
}
