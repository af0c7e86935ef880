//! The `watchfire` binary: arguments, configuration, wiring, start and stop.

mod api;
mod check;
mod cli;
mod config;
mod contracts;
mod demo;
mod disk_share;
mod disk_use;
mod explain;
mod guard;
mod inbox;
mod listeners;
mod metrics_page;
mod migrate;
mod schema_files;
mod search;
mod send;
mod services_command;
mod signals;
mod stack;
mod status;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

/// A record is made on one thread, searched by a second and freed by a third: libc's allocator
/// takes more time for that, and keeps more memory.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("no other provider was installed before");
    let cli = cli::Cli::parse();
    let result = match cli.command {
        cli::Command::Demo(args) => demo::run(&args),
        cli::Command::Serve(args) => stack::run(&args),
        cli::Command::Services(args) => services_command::run(&args),
        cli::Command::Search(args) => Ok(search::run(&args)),
        cli::Command::Send(args) => Ok(send::run(&args)),
        cli::Command::Check(args) => Ok(check::run(&args)),
        cli::Command::Explain(args) => explain::run(&args),
    };
    match result {
        Ok(code) => code,
        Err(error) => cli::report(&error),
    }
}
