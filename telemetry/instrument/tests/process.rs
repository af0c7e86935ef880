//! A whole process: its lines on standard output, its panics, its end.

use std::process::Command;

use serde_json::Value;
use watchfire_schemas::Contract;
use watchfire_telemetry::Telemetry;

/// Set in the process that plays the service.
const CHILD: &str = "WATCHFIRE_TEST_CHILD";

/// What the service does, in a process of its own.
fn serve() {
    let telemetry = Telemetry::service("shop")
        .filter("info")
        .start()
        .expect("it starts");
    telemetry.install_global();
    let span = tracing::info_span!("work", user.id = "u-7");
    span.in_scope(|| tracing::info!(order.id = 7, "working on 7"));
    let worker = std::thread::Builder::new().name("shelf".to_owned());
    let worker = worker
        .spawn(|| panic!("the shelf is empty"))
        .expect("a thread");
    worker.join().expect_err("it panicked");
    for n in 0..1000 {
        tracing::info!(n, "counting");
    }
    tracing::info!("the last line");
    telemetry.shutdown();
}

#[test]
fn lines_are_under_contract_and_the_last_one_arrives() {
    if std::env::var_os(CHILD).is_some() {
        return serve();
    }
    let name = "lines_are_under_contract_and_the_last_one_arrives";
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this)
        .args([name, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(
        stderr.contains("the shelf is empty"),
        "the hook before ours was called: {stderr}"
    );

    // The test harness of the child writes lines of its own in between.
    let stdout = String::from_utf8(output.stdout).unwrap();
    let json = stdout
        .lines()
        .filter_map(|line| line.find('{').map(|at| &line[at..]));
    let records: Vec<Value> = json
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(records.len(), 1003, "{stdout}");
    let contract = Contract::log_record_v1();
    for record in &records {
        assert_eq!(contract.violations(record), [], "{record}");
    }
    assert_eq!(records[0]["user.id"], "u-7");
    assert!(
        records[0]["trace_id"].is_string(),
        "spans have ids though nobody takes them"
    );
    let panic = &records[1];
    assert_eq!(
        (&panic["severity"], &panic["exception.type"]),
        (&"ERROR".into(), &"panic".into())
    );
    assert_eq!(panic["exception.message"], "the shelf is empty");
    assert_eq!(panic["thread.name"], "shelf");
    assert!(
        panic["exception.stacktrace"]
            .as_str()
            .unwrap()
            .contains("process::serve"),
        "{panic}"
    );
    assert_eq!(records[1002]["message"], "the last line");
}
