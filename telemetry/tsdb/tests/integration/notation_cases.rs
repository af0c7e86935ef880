//! Cases in the notation of Prometheus' tests: our own in `notation_cases`, and those of any folder
//! that `PROMQL_CASES` names (`cargo nextest run --run-ignored all public_cases`).

use std::fmt;
use std::path::Path;

use crate::notation::run;

#[test]
fn own_cases_hold() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/notation_cases");
    let told = run_folder(&dir);
    assert!(told.failed.is_empty(), "{told}");
    assert!(told.passed > 0);
}

#[test]
#[ignore = "takes a folder from the environment"]
fn public_cases_hold() {
    let dir = std::env::var("PROMQL_CASES").expect("PROMQL_CASES names a folder");
    let told = run_folder(Path::new(&dir));
    assert!(told.failed.is_empty(), "{told}");
}

/// How many cases passed, and what was wrong with the others.
#[derive(Debug, Default)]
struct Told {
    passed: usize,
    failed: Vec<String>,
    files: Vec<String>,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} passed, {} failed", self.passed, self.failed.len())?;
        writeln!(f, "{}\n{}", self.files.join("\n"), self.failed.join("\n"))
    }
}

fn run_folder(dir: &Path) -> Told {
    let mut paths: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "test"))
        .collect();
    paths.sort();
    let mut told = Told::default();
    for path in paths {
        let report = run(&std::fs::read_to_string(&path).unwrap());
        let name = path.file_name().unwrap_or_default().display();
        let (passed, failed) = (report.passed, report.failed.len());
        told.files
            .push(format!("{name}: {passed} passed, {failed} failed"));
        told.passed += passed;
        let of_file = report.failed.iter();
        told.failed
            .extend(of_file.map(|case| format!("{name}:{case}")));
    }
    told
}
