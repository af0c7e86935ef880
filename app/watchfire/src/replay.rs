//! `watchfire replay`: requests as the log index has them, sent to another target.

mod comparison;
mod recording;
mod report;
mod script;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use watchfire_logsearch::has_pipe;
use watchfire_schemas::{Clock as _, SystemClock};

use self::comparison::Comparison;
use self::recording::Recording;
use self::report::Outcome;
use self::script::Replayed;
use crate::api::Api;
use crate::cli::ReplayArgs;
use crate::load::{RunError, Sending, Summary, causes, put, runtime, tell};

/// How far back records are taken if nothing is said.
const SINCE: Duration = Duration::from_mins(15);
/// What is answered differs from what was recorded.
const DIFFERS: u8 = 1;
/// It could not be done as it was asked.
const ERROR: u8 = 2;

pub(crate) fn run(args: &ReplayArgs) -> ExitCode {
    let replayed = runtime().and_then(|runtime| runtime.block_on(replay(args)));
    match replayed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(DIFFERS),
        Err(error) => {
            tell(&causes(&error));
            ExitCode::from(ERROR)
        }
    }
}

/// Whether it ends well.
async fn replay(args: &ReplayArgs) -> Result<bool, RunError> {
    let wrong = RunError::Wrong;
    if has_pipe(&args.query) {
        return Err(wrong(
            "a table cannot be replayed; leave out the pipe".to_owned(),
        ));
    }
    let method = |text: &String| {
        let known = text.trim().to_ascii_uppercase().parse::<Method>();
        known.map_err(|_| wrong(format!("{text:?} is no method")))
    };
    let methods: Vec<Method> = args.methods.iter().map(method).collect::<Result<_, _>>()?;
    let api = Api::new(&args.from)?;
    let now = SystemClock.now();
    let start = args
        .start
        .unwrap_or_else(|| now - args.since.unwrap_or(SINCE));
    let end = args.end.unwrap_or(now);
    let recording = Recording::read(&api, &args.query, (start, end), &methods, args.limit).await?;
    for note in recording.notes() {
        tell(&note);
    }
    if args.list {
        put(&report::list(&recording, args));
        return Ok(true);
    }
    if recording.requests.is_empty() {
        return Err(wrong(format!(
            "no record of {} tells of an answered request that can be sent",
            args.query
        )));
    }
    send(args, recording).await
}

async fn send(args: &ReplayArgs, recording: Recording) -> Result<bool, RunError> {
    let to = args.to.as_deref().unwrap_or_default();
    let replayed =
        Replayed::new(recording, to, &args.header, args.speed).map_err(RunError::Wrong)?;
    let replayed = Arc::new(replayed);
    let count = replayed.recording.requests.len();
    let title = format!("replay of {count} requests to {to} at speed {}", args.speed);
    let sending = Sending::of(&args.sending)?;
    let origins = [replayed.origin.clone()];
    let ran = sending.run(replayed.clone(), &origins, &title).await?;
    let summary = Summary::plain(&ran, &[to.to_owned()], count as u64);
    let comparison = Comparison::of(&replayed.recording.requests, &replayed.answers());
    let is_same = comparison.differences.is_empty();
    let outcome = Outcome {
        speed: args.speed.to_string(),
        left_out: &replayed.recording.left_out,
        comparison,
        summary,
    };
    put(&if args.json {
        outcome.json()
    } else {
        outcome.text(&title)
    });
    Ok(is_same || !args.fail_on_difference)
}
