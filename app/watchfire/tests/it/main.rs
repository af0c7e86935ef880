//! The binary, driven from outside as a user would.

mod bad_input;
mod command_line;
mod durability;
mod guard;
mod incident;
mod ingest;
mod server;
