//! The `watchfire` binary: arguments, configuration, wiring, start and stop.

mod alertmanager_file;
mod api;
mod backtest;
mod check;
mod cli;
mod config;
mod contracts;
mod demo;
mod disk_share;
mod disk_use;
mod drill;
mod explain;
mod export;
mod fault_command;
mod gatherers;
mod guard;
mod inbox;
mod incident_keeper;
mod listeners;
mod load;
mod memory;
mod metrics_page;
mod migrate;
mod own_samples;
mod replay;
mod rule_files;
mod rule_samples;
mod schema_files;
mod search;
mod send;
mod server_facts;
mod services_command;
mod signals;
mod stack;
mod status;
mod test_rules;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    memory::ask_for_small_pages();
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("no other provider was installed before");
    let cli = cli::Cli::parse();
    let result = match cli.command {
        cli::Command::Demo(args) => demo::run(&args),
        cli::Command::Serve(args) => stack::run(&args),
        cli::Command::Services(args) => services_command::run(&args),
        cli::Command::Load(args) => Ok(load::run(&args)),
        cli::Command::Fault(args) => Ok(fault_command::run(&args)),
        cli::Command::Replay(args) => Ok(replay::run(&args)),
        cli::Command::Search(args) => Ok(search::run(&args)),
        cli::Command::Export(args) => Ok(export::run(&args)),
        cli::Command::Send(args) => Ok(send::run(&args)),
        cli::Command::Check(args) => Ok(check::run(&args)),
        cli::Command::Test(args) => test_rules::run(&args),
        cli::Command::Explain(args) => explain::run(&args),
        cli::Command::Drill(args) => drill::run(&args),
        cli::Command::Backtest(args) => backtest::run(&args),
    };
    match result {
        Ok(code) => code,
        Err(error) => cli::report(&error),
    }
}
