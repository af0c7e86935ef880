//! `watchfire load`: requests on schedule, whatever the server does.

mod engine;
mod expectation;
mod failure;
mod host;
mod machine;
mod pacemaker;
mod profile;
mod progress;
mod report;
mod run;
mod schedule;
mod script;
mod summary;
mod tally;
mod target;
mod target_file;
mod template;
mod wire;

use std::process::ExitCode;

use crate::cli::LoadArgs;

pub(crate) use self::engine::{Moments, Script};
pub(crate) use self::expectation::Expectation;
pub(crate) use self::failure::Failure;
pub(crate) use self::host::Origin;
pub(crate) use self::report::{millis, shortened, text};
pub(crate) use self::run::{RunError, Sending, runtime};
pub(crate) use self::script::header;
pub(crate) use self::summary::{Latency, Summary};
pub(crate) use self::tally::{Ended, Times};
pub(crate) use self::target::{AGENT, Target, Written};

/// Something that was expected does not hold.
const UNMET: u8 = 1;
/// It could not be done as it was asked.
const ERROR: u8 = 2;

pub(crate) fn run(args: &LoadArgs) -> ExitCode {
    let loaded = runtime().and_then(|runtime| runtime.block_on(load(args)));
    match loaded {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(UNMET),
        Err(error) => {
            tell(&causes(&error));
            ExitCode::from(ERROR)
        }
    }
}

/// Whether all that was expected holds.
async fn load(args: &LoadArgs) -> Result<bool, RunError> {
    let planned = script::plan(args).map_err(RunError::Wrong)?;
    let schedule = planned.schedule.clone();
    let title = planned.title(args);
    let names = planned.names();
    let mut sending = Sending::of(&args.sending)?;
    sending.settings.keep_alive = !args.no_keep_alive;
    sending.settings.seed = args.seed;
    sending.mark = args.mark;
    let origins = planned.origins.clone();
    let ran = sending
        .run(std::sync::Arc::new(planned), &origins, &title)
        .await?;
    let summary = Summary::of(&ran, &names, schedule.count(), args);
    let shown = if args.json {
        let json = serde_json::to_string_pretty(&summary);
        json.expect("plain data can be written") + "\n"
    } else {
        report::text(&title, &summary)
    };
    put(&shown);
    Ok(summary.holds())
}

/// Standard output that went away is no reason to fail: the run is over.
pub(crate) fn put(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |error| error.source())
        .fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}

#[expect(clippy::print_stderr, reason = "a word to whoever started it")]
pub(crate) fn tell(text: &str) {
    eprintln!("watchfire: {text}");
}
