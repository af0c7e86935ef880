//! Everything in one process: the stack, the application services, traffic, and a fault every few
//! minutes, so that a newcomer sees a real incident within the first minute.

mod history;
mod schedule;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use watchfire_alerts::{Alerts, DestinationConfig, Means};
use watchfire_collector::Collector;
use watchfire_schemas::{Batch, ChangeEvent, Clock, SystemClock};
use watchfire_services::{DEMO, Export, Launch, Running, Secrets, ServiceName};

use crate::cli::DemoArgs;
use crate::config::{Defaults, Settings};
use crate::inbox::Inbox;
use crate::listeners::{bind, drained, serve};
use crate::stack::{Stack, StopSignal, own_logs, runtime};

/// Requests per second of the demo's traffic: enough for a baseline, little enough to read.
const TRAFFIC: f64 = 8.0;
/// How many batches may wait between the services and the collector.
const HANDOFF: usize = 1024;
/// PagerDuty's keys are 32 characters; this one opens nothing.
const DEMO_ROUTING_KEY: &str = "demo0demo0demo0demo0demo0demo0de";

pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let settings = Settings::from_args(&args.serve, Defaults::DEMO)?;
    let logs = own_logs()?;
    let result = runtime()?.block_on(demo(args, settings));
    logs.shutdown();
    result
}

async fn demo(args: &DemoArgs, mut settings: Settings) -> anyhow::Result<ExitCode> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let inbox = Inbox::new(Arc::clone(&clock));
    let receiver = bind("listen", ([127, 0, 0, 1], 0).into()).await?;
    settings
        .destinations
        .extend(built_in_destinations(receiver.local_addr()?));
    serve(&tasks, &stop, receiver, inbox.router());

    let data_dir = settings.data_dir.join("services");
    let print_addresses = settings.print_addresses;
    let stack = Stack::start(settings, Arc::clone(&clock), Some(inbox)).await?;
    if !print_addresses {
        greet(&stack, args.no_schedule);
    }
    history::write(&stack, clock.now(), TRAFFIC, args.seed).await?;

    let (batches, inflow) = mpsc::channel(HANDOFF);
    tasks.spawn(hand_over(Arc::clone(&stack.stores.collector), inflow));
    let (changes, change_inflow) = mpsc::channel(16);
    tasks.spawn(keep_changes(
        Arc::clone(&stack.stores.alerts),
        change_inflow,
    ));
    let services = Running::launch(Launch {
        services: ServiceName::ALL.to_vec(),
        data_dir,
        postgres: None,
        listen: BTreeMap::new(),
        upstreams: BTreeMap::new(),
        cache: None,
        environment: Some(DEMO.to_owned()),
        secrets: Secrets::GivenOrDrawn,
        gateway: args.gateway.unwrap_or(([127, 0, 0, 1], 7118).into()),
        export: Export::InProcess(batches),
        traffic: TRAFFIC,
        seed: args.seed,
        clock: Arc::clone(&clock),
        changes: Some(changes),
    })
    .await?;
    // Only now, so that no rule sees the history while it is being written.
    stack.watch();
    let signal = StopSignal::listen()?;
    stack.announce(services.addresses());
    if !args.no_schedule {
        tasks.spawn(schedule::run(services.faults(), args.seed, stop.clone()));
    }

    signal.come().await;
    stop.cancel();
    services.stop().await;
    if !drained(&tasks).await {
        tracing::warn!("the services' last telemetry did not arrive in time");
    }
    stack.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// The first thing that a newcomer sees.
fn greet(stack: &Stack, no_schedule: bool) {
    let faults = if no_schedule {
        "begin a fault in another terminal: watchfire fault begin --service content --kind errors"
    } else {
        "the first fault begins in about fifteen seconds; its incident opens by itself"
    };
    #[expect(clippy::print_stdout, reason = "the demo speaks to a person")]
    {
        println!("\n  Watchfire demo\n");
        println!("  console   http://{}/", stack.console);
        println!("  {faults}");
        println!("  stop with Ctrl-C\n");
    }
}

fn built_in_destinations(receiver: std::net::SocketAddr) -> Vec<DestinationConfig> {
    let url = |kind| format!("http://{receiver}/demo/receiver/{kind}");
    [
        (
            "demo-pagerduty",
            Means::PagerDuty {
                routing_key: DEMO_ROUTING_KEY.into(),
                url: url("pagerduty"),
                changes: false,
            },
        ),
        (
            "demo-slack",
            Means::SlackWebhook {
                url: url("slack").into(),
            },
        ),
        (
            "demo-webhook",
            Means::Webhook {
                url: url("webhook").into(),
                secrets: Vec::new(),
            },
        ),
    ]
    .map(|(name, means)| DestinationConfig::new(name, means))
    .to_vec()
}

/// Carries the services' batches to the collector until the last of them has ended.
async fn hand_over(collector: Arc<Collector>, mut inflow: mpsc::Receiver<Batch>) {
    while let Some(batch) = inflow.recv().await {
        accept(&collector, batch).await;
    }
}

/// Hands a batch to the collector, again and again while it is overloaded.
async fn accept(collector: &Collector, batch: Batch) {
    loop {
        let Err(refusal) = collector.accept("in_process", batch.clone()).await else {
            return;
        };
        // None means that no later time is better.
        let Some(wait) = refusal.retry_after() else {
            return;
        };
        tokio::time::sleep(wait.max(Duration::from_millis(50))).await;
    }
}

async fn keep_changes(alerts: Arc<Alerts>, mut inflow: mpsc::Receiver<ChangeEvent>) {
    while let Some(change) = inflow.recv().await {
        if let Err(error) = alerts.record_change(change).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a change event could not be kept"
            );
        }
    }
}
