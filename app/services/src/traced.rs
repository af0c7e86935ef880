use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use watchfire_telemetry::Telemetry;

use crate::fault::afflict;

/// A router whose requests are seen by a service's telemetry, also those that the client gives up.
/// The faults that are aimed at them hit them within their spans.
pub(crate) fn traced(router: Router, telemetry: &Telemetry) -> Router {
    let whole = middleware::from_fn_with_state(telemetry.clone(), to_the_end);
    afflict(router).layer(telemetry.http_layer()).layer(whole)
}

async fn to_the_end(State(telemetry): State<Telemetry>, request: Request, next: Next) -> Response {
    let answering = Box::pin(next.run(request));
    let answering = Some(answering);
    DroppedWithin {
        telemetry,
        answering,
    }
    .await
}

/// A future that is dropped with a service's subscriber in force. A request that is given up is
/// dropped by the runtime, outside of any subscriber; a span that is dropped there does not tell
/// its parent, which then stays open for ever.
struct DroppedWithin<F> {
    telemetry: Telemetry,
    /// Taken on drop only.
    answering: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for DroppedWithin<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match &mut self.answering {
            Some(answering) => answering.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl<F> Drop for DroppedWithin<F> {
    fn drop(&mut self) {
        let answering = self.answering.take();
        self.telemetry.in_scope(|| drop(answering));
    }
}
