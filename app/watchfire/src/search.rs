//! `watchfire search`: the logs of a running server, from a terminal.

mod blame;
mod events;
mod follow;
mod page;
mod paint;
mod record_text;
mod table;

use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;

use chrono::{FixedOffset, Local, Offset as _, Utc};
use serde_json::value::RawValue;
use watchfire_logsearch::has_pipe;
use watchfire_schemas::{Clock as _, SystemClock, Timestamp};

use crate::api::{Api, ApiError};
use crate::cli::SearchArgs;
use page::Page;
pub(crate) use page::Pages;
use paint::Paint;
use record_text::RecordText;

/// How far back a search looks if nothing is said.
const SINCE: std::time::Duration = std::time::Duration::from_hours(1);

/// Nothing was found, as grep says it.
const NONE: u8 = 1;
const ERROR: u8 = 2;

/// Why a search ends early.
#[derive(Debug, thiserror::Error)]
enum SearchError {
    #[error("the runtime cannot be started")]
    Runtime(#[source] io::Error),
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("the answer cannot be written")]
    Output(#[from] io::Error),
    #[error("a table cannot be followed; leave out the pipe or --follow")]
    FollowedTable,
    #[error("{0}")]
    Stream(String),
}

pub(crate) fn run(args: &SearchArgs) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let searched = runtime
        .map_err(SearchError::Runtime)
        .and_then(|runtime| runtime.block_on(search(args)));
    match searched {
        Ok(0) => ExitCode::from(NONE),
        Ok(_) => ExitCode::SUCCESS,
        // Whoever read us has seen enough.
        Err(SearchError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            blame::tell(&args.query, &error);
            ExitCode::from(ERROR)
        }
    }
}

/// How many records or rows were printed.
async fn search(args: &SearchArgs) -> Result<u64, SearchError> {
    if args.follow && has_pipe(&args.query) {
        return Err(SearchError::FollowedTable);
    }
    let api = Api::new(&args.server)?;
    let now = SystemClock.now();
    let start = args
        .start
        .unwrap_or_else(|| now - args.since.unwrap_or(SINCE));
    let pages = Pages::new(&api, &args.query, start, args.end);
    let mut printer = Printer::new(args);
    if args.follow {
        return follow::follow(&api, args, pages, &mut printer).await;
    }
    let count = print_pages(pages, args, &mut printer).await?;
    printer.out.flush()?;
    Ok(count)
}

async fn print_pages(
    mut pages: Pages<'_>,
    args: &SearchArgs,
    printer: &mut Printer,
) -> Result<u64, SearchError> {
    let wanted = if args.limit == 0 {
        u64::MAX
    } else {
        args.limit
    };
    let mut count = 0;
    while let Some(page) = pages.next(wanted - count).await? {
        if let Some(table) = &page.table {
            table::write(&mut printer.out, table, args.json)?;
            printer.notes(&page);
            return Ok(table.rows.len() as u64);
        }
        for record in &page.records {
            printer.record(record)?;
        }
        count += page.records.len() as u64;
        printer.out.flush()?;
        if count >= wanted || page.next.is_none() {
            printer.notes(&page);
            if !args.json && io::stderr().is_terminal() {
                printer.note(&summary(count, &page));
            }
            break;
        }
    }
    Ok(count)
}

fn summary(count: u64, page: &Page) -> String {
    let least = if page.total_is_exact { "" } else { "at least " };
    format!("{count} of {least}{} records", page.total)
}

/// Writes records the way that was asked for.
struct Printer {
    out: io::BufWriter<io::Stdout>,
    json: bool,
    text: RecordText,
}

impl Printer {
    fn new(args: &SearchArgs) -> Self {
        let zone = if args.utc { None } else { Some(offset as _) };
        Self {
            out: io::BufWriter::new(io::stdout()),
            json: args.json,
            text: RecordText {
                paint: Paint::for_stdout(args.no_color),
                offset: zone,
            },
        }
    }

    fn record(&mut self, record: &RawValue) -> io::Result<()> {
        if self.json {
            return writeln!(self.out, "{}", record.get());
        }
        self.text.write(&mut self.out, record.get())
    }

    /// What a reader must know to read the answer rightly.
    fn notes(&self, page: &Page) {
        for hint in &page.hints {
            self.note(hint);
        }
        if page.partial {
            self.note("the deadline cut the answer short: more records may match");
        }
    }

    #[expect(
        clippy::print_stderr,
        clippy::unused_self,
        reason = "a word beside the answer; on the printer, so that all words come from one place"
    )]
    fn note(&self, text: &str) {
        eprintln!("watchfire: {text}");
    }
}

/// How far the local time was from UTC then.
fn offset(at: Timestamp) -> FixedOffset {
    let at = chrono::DateTime::<Utc>::from_timestamp_nanos(at.nanos());
    at.with_timezone(&Local).offset().fix()
}
