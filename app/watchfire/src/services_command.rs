//! The application services by themselves.

use std::process::ExitCode;
use std::sync::Arc;

use watchfire_schemas::SystemClock;
use watchfire_services::{Export, Launch, Running};

use crate::cli::ServicesArgs;
use crate::listeners::print_addresses;
use crate::stack::{StopSignal, runtime};

pub(crate) fn run(args: &ServicesArgs) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        let services = Running::launch(Launch {
            data_dir: args.data_dir.clone(),
            gateway: args.gateway,
            export: Export::Environment,
            traffic: args.traffic,
            seed: args.seed,
            clock: Arc::new(SystemClock),
            changes: None,
        })
        .await?;
        let stop = StopSignal::listen()?;
        if args.print_addresses {
            print_addresses(&[("gateway", services.gateway_address())]);
        }
        stop.come().await;
        services.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}
