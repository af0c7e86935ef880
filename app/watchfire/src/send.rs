//! `watchfire send`: log lines and changes, from a terminal or a pipeline to a running server.

mod batches;
mod delivery;
mod deploy;
mod logs;
mod progress;
mod service;
mod source;

use std::io;
use std::process::ExitCode;

use crate::api::ApiError;
use crate::cli::{SendArgs, SendWhat};

pub(crate) use self::progress::grouped;

/// Something was sent that the server does not take as it is.
const FAULTS: u8 = 1;
const ERROR: u8 = 2;

/// Why sending ends early.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error("the runtime cannot be started")]
    Runtime(#[source] io::Error),
    #[error("{name} cannot be read")]
    Source {
        name: String,
        #[source]
        source: io::Error,
    },
    #[error("{0}")]
    Wrong(String),
    #[error(transparent)]
    Api(#[from] ApiError),
}

pub(crate) fn run(args: &SendArgs) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let sent = runtime.map_err(SendError::Runtime).and_then(|runtime| {
        let sent = match &args.what {
            SendWhat::Logs(logs) => runtime.block_on(logs::send(&args.server, logs)),
            SendWhat::Deploy(change) => runtime.block_on(deploy::send(&args.server, change)),
        };
        // A thread that waits for standard input is not waited for.
        runtime.shutdown_background();
        sent
    });
    match sent {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAULTS),
        Err(error) => {
            tell(&causes(&error));
            ExitCode::from(ERROR)
        }
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |error| error.source())
        .fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}

#[expect(clippy::print_stderr, reason = "a word to whoever sends")]
fn tell(text: &str) {
    eprintln!("watchfire: {text}");
}
