//! The store as its users see it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod context;
mod crash;
mod cursors;
mod fairness;
mod free_texts;
mod live;
mod many_splits;
mod merging;
mod oracle;
mod paging;
mod patterns;
mod queries;
mod retention;
mod shapes;
mod spans;
mod store;
mod tables;
