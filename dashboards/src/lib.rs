//! The console: pages, charts and the JSON API.

mod console;

pub use console::{Console, DiskUse, InboxEntry, IngestReport, StatusSource, console_router};
