//! The store from outside: what it keeps through a crash, what it answers, and how over HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod counters;
mod durability;
mod http;
mod limits;
mod notation;
mod notation_cases;
mod other_servers;
mod promql_cases;
mod query_options;
mod remote_write;
mod store;
