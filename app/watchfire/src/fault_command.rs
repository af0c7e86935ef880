//! `watchfire fault`: the switchboard of running services, from a terminal.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{Api, ApiError};
use crate::cli::{FaultArgs, FaultBeginArgs, FaultWhat};

const PATH: &str = "/admin/faults";

#[derive(Debug, thiserror::Error)]
enum FaultError {
    #[error("the runtime cannot be started")]
    Runtime(#[source] std::io::Error),
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("standard output cannot be written")]
    Output(#[source] std::io::Error),
}

/// What the switchboard answers to everything.
#[derive(Debug, Deserialize)]
struct Board {
    faults: Vec<InForce>,
    /// What can be broken, by which kinds.
    services: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct InForce {
    service: String,
    kind: String,
    share: f64,
    begun_at: String,
    ends_at: Option<String>,
}

/// Exit code 0 if it was done, 1 on an error.
pub(crate) fn run(args: &FaultArgs) -> ExitCode {
    match ask(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => crate::cli::report(&error.into()),
    }
}

fn ask(args: &FaultArgs) -> Result<(), FaultError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(FaultError::Runtime)?;
    let board: Board = runtime.block_on(async {
        let api = Api::new(&args.gateway)?;
        match &args.what {
            FaultWhat::List => api.get(PATH, &[]).await,
            FaultWhat::Begin(begin) => api.put(PATH, &body(begin)).await,
            FaultWhat::End { service: None } => api.delete(PATH, &[]).await,
            FaultWhat::End {
                service: Some(service),
            } => api.delete(PATH, &[("service", service)]).await,
        }
    })?;
    let mut told = faults(&board);
    if matches!(args.what, FaultWhat::List) {
        told.push('\n');
        told.push_str(&kinds(&board));
    }
    std::io::stdout()
        .write_all(told.as_bytes())
        .map_err(FaultError::Output)
}

fn body(begin: &FaultBeginArgs) -> Value {
    let mut body = json!({ "service": begin.service, "kind": begin.kind, "share": begin.share });
    let seconds = |lasts: Duration| json!(lasts.as_secs());
    let millis = |delay: Duration| json!(delay.as_millis() as u64);
    for (key, value) in [
        ("for_seconds", begin.lasts.map(seconds)),
        ("delay_ms", begin.delay.map(millis)),
        ("leak_mib", begin.leak.map(Value::from)),
        ("offset_seconds", begin.offset.map(Value::from)),
    ] {
        if let Some(value) = value {
            body[key] = value;
        }
    }
    body
}

/// A line for each fault that is on.
fn faults(board: &Board) -> String {
    if board.faults.is_empty() {
        return "no fault is on\n".to_owned();
    }
    let line = |fault: &InForce| {
        let end = match &fault.ends_at {
            Some(end) => format!("until {end}"),
            None => "until it is ended".to_owned(),
        };
        let (service, kind, share) = (&fault.service, &fault.kind, fault.share * 100.0);
        let since = &fault.begun_at;
        format!("{service:<12} {kind:<16} {share:>4.0} %  since {since}  {end}\n")
    };
    board.faults.iter().map(line).collect()
}

/// A line for each service that can be broken.
fn kinds(board: &Board) -> String {
    let line = |(service, kinds): (&String, &Vec<String>)| {
        format!("{service:<12} can have {}\n", kinds.join(", "))
    };
    board.services.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_and_what_can_be_is_told_in_lines() {
        let board = |text: &str| serde_json::from_str::<Board>(text).unwrap();
        let quiet = board(r#"{"faults":[],"services":{"content":["errors","latency"]}}"#);
        assert_eq!(faults(&quiet), "no fault is on\n");
        assert_eq!(kinds(&quiet), "content      can have errors, latency\n");
        let broken = board(
            r#"{"faults":[{"service":"payments","kind":"errors","share":0.25,"begun_at":"A","ends_at":"B"}],"services":{}}"#,
        );
        assert_eq!(
            faults(&broken),
            "payments     errors             25 %  since A  until B\n"
        );
    }
}
