//! `watchfire export`: an incident of a running server, written down.

use std::io::Write as _;
use std::process::ExitCode;

use crate::api::{Api, ApiError};
use crate::cli::{ExportArgs, ExportWhat};

#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("the runtime cannot be started")]
    Runtime(#[source] std::io::Error),
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("the answer of the server broke off")]
    BrokenOff(#[source] reqwest::Error),
    #[error("standard output cannot be written")]
    Output(#[source] std::io::Error),
}

/// Exit code 0 if it was written, 1 on an error.
pub(crate) fn run(args: &ExportArgs) -> ExitCode {
    match export(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => crate::cli::report(&error.into()),
    }
}

fn export(args: &ExportArgs) -> Result<(), ExportError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ExportError::Runtime)?;
    let ExportWhat::Incident { id, format } = &args.what;
    let text = runtime.block_on(async {
        let api = Api::new(&args.server)?;
        let path = format!("/api/v1/incidents/{id}/export");
        let answer = api.stream(&path, &[("format", format.as_str())]).await?;
        answer.text().await.map_err(ExportError::BrokenOff)
    })?;
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(ExportError::Output)
}
