//! The binary, driven from outside as a user would.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where by panicking"
)]
#![expect(
    clippy::print_stdout,
    reason = "what the server said explains a failure"
)]

mod bad_input;
mod command_line;
mod contracts;
mod durability;
mod gathering;
mod guard;
mod incident;
mod ingest;
mod rule_tests;
mod search_command;
mod send_command;
mod server;
