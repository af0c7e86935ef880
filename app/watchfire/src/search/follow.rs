use std::collections::HashSet;
use std::io::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::page::Pages;
use super::{Printer, SearchError};
use crate::api::Api;
use crate::cli::SearchArgs;
use crate::search::events::Events;

/// Data of a `records` event.
#[derive(Debug, Deserialize)]
struct Come {
    records: Vec<Box<RawValue>>,
    /// Records that came faster than they are told.
    skipped: u64,
}

#[derive(Deserialize)]
struct Identified<'a> {
    #[serde(borrow)]
    id: &'a str,
}

/// Prints what there is, oldest first, and then what comes, until it is interrupted.
pub(super) async fn follow(
    api: &Api,
    args: &SearchArgs,
    mut pages: Pages<'_>,
    printer: &mut Printer,
) -> Result<u64, SearchError> {
    // The stream is opened first, so that nothing falls between the page and the stream.
    let mut stream = api
        .stream("/api/v1/logs/tail", &[("q", &args.query)])
        .await?;
    let mut seen = HashSet::new();
    let page = pages.next(args.limit.max(1)).await?;
    if let Some(page) = &page {
        printer.notes(page);
        for record in page.records.iter().rev() {
            seen.extend(id(record).map(str::to_owned));
            printer.record(record)?;
        }
        printer.out.flush()?;
    }
    let mut events = Events::default();
    loop {
        let chunk = stream.chunk().await;
        let chunk =
            chunk.map_err(|error| SearchError::Stream(format!("the stream broke: {error}")))?;
        let Some(chunk) = chunk else {
            return Err(SearchError::Stream(format!(
                "{} ended the stream",
                api.server()
            )));
        };
        for event in events.push(&chunk).map_err(SearchError::Stream)? {
            if event.name == "records" {
                print(&event.data, &mut seen, printer)?;
            }
        }
        printer.out.flush()?;
    }
}

fn print(data: &str, seen: &mut HashSet<String>, printer: &mut Printer) -> Result<(), SearchError> {
    let come: Come = serde_json::from_str(data)
        .map_err(|error| SearchError::Stream(format!("the stream makes no sense: {error}")))?;
    for record in &come.records {
        // Only the first records of the stream can be those of the page.
        if !id(record).is_some_and(|id| seen.remove(id)) {
            printer.record(record)?;
        }
    }
    if come.skipped > 0 {
        printer.note(&format!(
            "{} records are left out here: more came than can be shown",
            come.skipped
        ));
    }
    Ok(())
}

fn id(record: &RawValue) -> Option<&str> {
    let identified: Identified<'_> = serde_json::from_str(record.get()).ok()?;
    Some(identified.id)
}
