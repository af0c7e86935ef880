//! The house: which crate may know which, and who may name an engine. Both are read from the
//! manifests, so that a new edge or a fence climbed is a failing test before it is a habit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::Table;

/// A library and the crates that may depend on it.
const FENCES: [(&str, &[&str]); 5] = [
    ("tantivy", &["watchfire-logsearch"]),
    ("jsonschema", &["watchfire-schemas"]),
    ("askama", &["watchfire-dashboards", "watchfire-services"]),
    ("promql-parser", &["watchfire-alerts", "watchfire-tsdb"]),
    (
        "sqlx",
        &[
            "watchfire",
            "watchfire-alerts",
            "watchfire-dashboards",
            "watchfire-services",
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn table(path: &Path) -> Table {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Each package and what it depends on, outside of its tests.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let workspace = table(&root().join("Cargo.toml"));
    let members = workspace["workspace"]["members"]
        .as_array()
        .expect("members are a list");
    let manifest = |member: &toml::Value| {
        let manifest = table(
            &root()
                .join(member.as_str().expect("a member is a path"))
                .join("Cargo.toml"),
        );
        let name = manifest["package"]["name"]
            .as_str()
            .expect("a package has a name")
            .to_owned();
        let names = manifest["dependencies"]
            .as_table()
            .expect("dependencies are a table")
            .keys()
            .cloned()
            .collect();
        (name, names)
    };
    members.iter().map(manifest).collect()
}

#[test]
fn the_crate_graph_is_the_one_that_was_drawn() {
    let all = dependencies();
    let edges = all.iter().map(|(package, dependencies)| {
        let ours: Vec<&str> = dependencies
            .iter()
            .filter(|name| all.contains_key(*name))
            .map(String::as_str)
            .collect();
        format!("{package} -> {}\n", ours.join(" "))
    });
    let graph: String = edges.collect();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/crate_graph.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &graph).unwrap();
    }
    assert_eq!(
        graph,
        std::fs::read_to_string(&golden).unwrap(),
        "UPDATE_GOLDEN=1 writes it anew"
    );
}

#[test]
fn engines_stay_behind_their_fences() {
    let all = dependencies();
    for (library, allowed) in FENCES {
        for (package, dependencies) in &all {
            let inside = allowed.contains(&package.as_str());
            assert!(
                inside || !dependencies.contains(library),
                "{package} may not depend on {library}"
            );
        }
        assert!(
            all.values().any(|names| names.contains(library)),
            "nobody uses {library}: drop the fence"
        );
    }
}

#[test]
fn what_a_service_embeds_stays_light() {
    let embedded = &dependencies()["watchfire-telemetry"];
    for heavy in [
        "tantivy",
        "sqlx",
        "askama",
        "jsonschema",
        "promql-parser",
        "watchfire-collector",
        "watchfire-logsearch",
    ] {
        assert!(
            !embedded.contains(heavy),
            "a service that emits telemetry should not build {heavy}"
        );
    }
}
