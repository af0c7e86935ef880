//! The console: pages, charts and the JSON API.
//!
//! A page is made in three steps that do not mix: *ask* (the only code that waits for a store)
//! brings plain data, *view* (a pure function) turns it into what is shown, and a template writes
//! it. Tests and the gallery start at the second step.

mod api;
mod ask;
mod assets;
mod chain;
mod charts;
mod console;
mod contracts;
mod export;
mod facts;
mod figures;
mod headers;
mod jaeger;
mod pages;
mod params;
mod promql_words;
mod query_text;
mod range;
mod saved_searches;
mod shell;
mod url;

#[cfg(test)]
mod gallery;

pub use console::{
    Console, DiskLimit, DiskUse, InboxEntry, IngestReport, ReadStack, StatusSource, console_router,
};
pub use contracts::{ContractRefusal, ContractSource, RefusedSample, Rejected, SchemaEntry};
pub use facts::keep_incident_facts;
pub use saved_searches::SavedSearches;
