use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use http_body_util::{LengthLimitError, Limited};

use super::refusal::Refusal;
use crate::client::{BoxError, CallError};

/// A client's body on its way to a service, cut off where it grows too large. It remembers how it
/// arrives, so that what the client does is not taken for a failure of the service.
#[derive(Debug)]
pub(crate) struct Arriving {
    body: Limited<Body>,
    arrival: Arrival,
}

/// How a body arrives, for who waits for what comes of it.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    most: usize,
    manner: Arc<AtomicU8>,
}

/// It comes when it is asked for, or has come.
const FLOWING: u8 = 0;
/// The client was asked for more and has not sent it.
const AWAITED: u8 = 1;
const BROKEN_OFF: u8 = 2;
const TOO_LARGE: u8 = 3;

impl Arriving {
    pub(crate) fn new(body: Body, most: usize) -> Self {
        let manner = Arc::new(AtomicU8::new(FLOWING));
        Self {
            body: Limited::new(body, most),
            arrival: Arrival { most, manner },
        }
    }

    pub(crate) fn arrival(&self) -> Arrival {
        self.arrival.clone()
    }
}

impl Arrival {
    /// Why the call with this body came to nothing, if that was the client's doing.
    pub(crate) fn fault(&self, error: &CallError) -> Option<Refusal> {
        match self.manner.load(Ordering::Relaxed) {
            AWAITED if matches!(error, CallError::TimedOut { .. }) => Some(Refusal::BodyTooSlow),
            BROKEN_OFF => Some(Refusal::BodyBrokenOff),
            TOO_LARGE => Some(Refusal::BodyTooLarge { most: self.most }),
            _ => None,
        }
    }
}

impl http_body::Body for Arriving {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let manner = match &polled {
            Poll::Pending => AWAITED,
            Poll::Ready(None | Some(Ok(_))) => FLOWING,
            Poll::Ready(Some(Err(error))) if error.is::<LengthLimitError>() => TOO_LARGE,
            Poll::Ready(Some(Err(_))) => BROKEN_OFF,
        };
        self.arrival.manner.store(manner, Ordering::Relaxed);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::Router;
    use axum::routing::post;
    use futures_util::future::join_all;
    use futures_util::{StreamExt, stream};
    use http::Request;
    use tokio_util::task::TaskTracker;
    use tower::ServiceExt;
    use watchfire_telemetry::{LogOutput, Telemetry};

    use crate::gateway::{Policy, Upstream, router};
    use crate::server::{self, LOOPBACK};
    use crate::telemetry::{GATEWAY, VERSION};

    use super::*;

    /// A body that begins and never goes on.
    struct Stalled {
        /// As `Content-Length` would tell it.
        length: Option<u64>,
    }

    impl http_body::Body for Stalled {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
            Poll::Pending
        }

        fn size_hint(&self) -> SizeHint {
            self.length.map_or_else(SizeHint::new, SizeHint::with_exact)
        }
    }

    /// A gateway before a service that reads what it is sent and thanks for it.
    async fn gateway(tasks: &TaskTracker) -> Router {
        let (listener, address) = server::bind(LOOPBACK).await.unwrap();
        let thanks = Router::new().route("/v1/payments", post(async |_: Bytes| "thanks"));
        tasks.spawn(async move { axum::serve(listener, thanks).await.unwrap() });
        let telemetry = Telemetry::service(GATEWAY).log_output(LogOutput::Nowhere);
        let upstream = Upstream {
            service: "payments",
            prefix: "/payments",
            routes: &["/v1/payments"],
            base: format!("http://{address}"),
            timeout: Duration::from_millis(500),
            max_body: 1 << 20,
        };
        let policy = Policy::of(None).unwrap();
        let telemetry = telemetry.start().unwrap();
        router(
            vec![upstream],
            policy,
            &telemetry,
            VERSION,
            tasks.clone(),
            None,
        )
    }

    async fn status(gateway: &Router, body: Body) -> u16 {
        let request = Request::post("/payments/v1/payments").body(body).unwrap();
        let answer = gateway.clone().oneshot(request).await.unwrap();
        answer.status().as_u16()
    }

    /// More than enough failures to open the service's circuit, if they were the service's.
    async fn check(body: impl Fn() -> Body, expected: u16) {
        let tasks = TaskTracker::new();
        let gateway = gateway(&tasks).await;
        let asking = (0..40).map(|_| status(&gateway, body()));
        let answers = join_all(asking).await;
        assert!(answers.iter().all(|&told| told == expected), "{answers:?}");
        let until_served = async {
            // On a busy machine the service may itself be late.
            while status(&gateway, Body::from("well")).await == 504 {}
            status(&gateway, Body::from("well")).await
        };
        let patience = Duration::from_secs(30);
        let served = tokio::time::timeout(patience, until_served).await;
        assert_ne!(served.unwrap(), 503, "the circuit is open");
    }

    #[tokio::test]
    async fn a_client_that_stalls_is_told_so_and_opens_no_circuit() {
        check(|| Body::new(Stalled { length: None }), 408).await;
        check(|| Body::new(Stalled { length: Some(9) }), 408).await;
        let large = Some(100 << 10);
        check(move || Body::new(Stalled { length: large }), 408).await;
    }

    #[tokio::test]
    async fn a_client_that_breaks_off_opens_no_circuit() {
        let begun = || stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"{")) });
        let broken_off = || {
            let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            begun().chain(stream::once(async { Err(reset) }))
        };
        check(|| Body::from_stream(broken_off()), 400).await;
    }
}
