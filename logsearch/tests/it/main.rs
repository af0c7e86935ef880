//! The store as its users see it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod context;
mod crash;
mod live;
mod oracle;
mod paging;
mod patterns;
mod queries;
mod shapes;
mod store;
mod tables;
