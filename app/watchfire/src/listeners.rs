//! The addresses that we listen on: bound first, announced once all are bound, served until told
//! to stop.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long requests under way may take to finish when we stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Binds an address; `what` is the option that gave it.
pub(crate) async fn bind(what: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} cannot be bound; is Watchfire running already? --{what} takes another address"))
}

/// Prints where we can be reached, as one line of JSON, for the one who started us.
pub(crate) fn print_addresses(addresses: &[(&str, SocketAddr)]) {
    let object: serde_json::Map<_, _> = addresses
        .iter()
        .map(|(name, address)| ((*name).to_owned(), json!(address.to_string())))
        .collect();
    #[expect(clippy::print_stdout, reason = "the contract of --print-addresses")]
    {
        println!("{}", serde_json::Value::Object(object));
    }
}

/// Serves HTTP/1.1 and HTTP/2 in clear text until told to stop; then finishes what is under way.
pub(crate) fn serve(
    tasks: &TaskTracker,
    stop: &CancellationToken,
    listener: TcpListener,
    router: Router,
) {
    let (stop, finish) = (stop.clone(), stop.clone());
    tasks.spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
        let deadline = async {
            finish.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            result = served => if let Err(error) = result {
                tracing::error!(%error, "listener failed");
            },
            () = deadline => tracing::warn!("requests were still under way when the time to finish them was over"),
        }
    });
}

/// Waits for a task set, but not for ever.
pub(crate) async fn drained(tasks: &TaskTracker) -> bool {
    tasks.close();
    timeout(DRAIN + Duration::from_secs(1), tasks.wait())
        .await
        .is_ok()
}

/// An error as `application/problem+json` (RFC 9457).
pub(crate) fn problem(status: StatusCode, title: &str, detail: &str) -> Response {
    let body =
        json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail});
    (
        status,
        [(header::CONTENT_TYPE, "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}
