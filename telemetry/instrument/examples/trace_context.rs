//! A service that makes the calls it is asked for, each within the caller's trace: what the test
//! suite of W3C Trace Context wants to see.
//!
//! `cargo run -p watchfire-telemetry --example trace_context -- 127.0.0.1:7201` prints its address;
//! then `python test.py http://127.0.0.1:7201/test` in the suite's folder, or
//! `.ci/checks/trace_context.py` with the example's binary.

use std::io::Write as _;

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use tokio::net::TcpListener;
use watchfire_telemetry::Telemetry;

#[derive(Clone)]
struct Caller {
    telemetry: Telemetry,
    client: reqwest::Client,
}

/// A list of calls to make, `{"url": …, "arguments": …}` each; the arguments are the call's body.
async fn test(State(caller): State<Caller>, Json(calls): Json<Vec<Value>>) -> (StatusCode, String) {
    for (index, call) in calls.iter().enumerate() {
        let Some(url) = call["url"].as_str() else {
            let problem = format!(
                "call {index}: expected a text under url, found {}",
                call["url"]
            );
            return (StatusCode::BAD_REQUEST, problem);
        };
        let body = call["arguments"].to_string();
        let sent = caller.telemetry.client_call(&Method::POST, url).send(
            |context| {
                let request = caller.client.post(url).headers(context);
                let request = request.header(header::CONTENT_TYPE, "application/json");
                request.body(body).send()
            },
            reqwest::Response::status,
        );
        if let Err(error) = sent.await {
            return (StatusCode::BAD_GATEWAY, format!("call {index}: {error}"));
        }
    }
    (StatusCode::OK, "[]".to_owned())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let telemetry = Telemetry::service("trace-context").start()?;
    telemetry.install_global();
    // The client's TLS, which needs a provider also where no call is made by it.
    drop(rustls::crypto::ring::default_provider().install_default());
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let caller = Caller {
        telemetry: telemetry.clone(),
        client: reqwest::Client::builder().no_proxy().build()?,
    };
    let app = Router::new()
        .route("/test", post(test))
        .layer(telemetry.http_layer())
        .with_state(caller);
    let listener = TcpListener::bind(&address).await?;
    writeln!(std::io::stderr(), "http://{}/test", listener.local_addr()?)?;
    axum::serve(listener, app)
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    tokio::task::spawn_blocking(move || telemetry.shutdown()).await?;
    Ok(())
}
