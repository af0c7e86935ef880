//! A service with all of its telemetry in a few lines.
//!
//! `cargo run -p watchfire-telemetry --example embed`, then ask
//! `curl localhost:7200/greet/you` and `curl localhost:7200/metrics`.
//! With `OTEL_EXPORTER_OTLP_ENDPOINT` set, all of it goes there too.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use prometheus_client::metrics::counter::Counter;
use tokio::net::TcpListener;
use watchfire_telemetry::Telemetry;

#[derive(Clone)]
struct Greeter {
    telemetry: Telemetry,
    greetings: Counter,
}

async fn greet(State(greeter): State<Greeter>, Path(name): Path<String>) -> String {
    greeter.greetings.inc();
    tracing::info!(guest.name = name, "greeted {name}");
    format!("hello, {name}\n")
}

async fn metrics(State(greeter): State<Greeter>, request: HeaderMap) -> Response {
    greeter.telemetry.metrics_response(&request)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let telemetry = Telemetry::service("greeter")
        .version(env!("CARGO_PKG_VERSION"))
        .start()?;
    telemetry.install_global();
    let greetings = Counter::default();
    telemetry.registry().register(
        "greeter_greetings",
        "Guests that were greeted",
        greetings.clone(),
    );

    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:7200".to_owned());
    let app = Router::new()
        .route("/greet/{name}", get(greet))
        .route(
            "/broken",
            get(async || -> String { panic!("nobody is at home") }),
        )
        .layer(telemetry.http_layer())
        .route("/metrics", get(metrics))
        .with_state(Greeter {
            telemetry: telemetry.clone(),
            greetings,
        });
    let listener = TcpListener::bind(&address).await?;
    tracing::info!(server.address = address, "listening on {address}");
    axum::serve(listener, app)
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    tracing::info!("stopped");
    tokio::task::spawn_blocking(move || telemetry.shutdown()).await?;
    Ok(())
}
