//! Made-up clients: an open loop, so that a slow service is asked as often as a quick one.

mod arrivals;
mod mix;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::client;
use crate::feed;

pub(crate) use arrivals::Arrivals;
pub(crate) use mix::{Mix, Outcome, Request};

/// By which the requests are known.
pub(crate) const USER_AGENT: &str = "watchfire-traffic/1.0";
/// What may be under way at once; above it arrivals are left out, or a stalled service would take the memory.
const MAX_UNDER_WAY: usize = 1_000;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(10);

/// What the traffic asks, and how often.
#[derive(Debug)]
pub(crate) struct Traffic {
    http: reqwest::Client,
    gateway: SocketAddr,
    arrivals: Arrivals,
    mix: Mix,
}

impl Traffic {
    /// `rate` requests a second on the average.
    pub(crate) fn new(
        gateway: SocketAddr,
        rate: f64,
        seed: u64,
        source: &feed::Source,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            http: client::http(CONNECT_TIMEOUT, TIMEOUT)?,
            gateway,
            arrivals: Arrivals::new(rate, seed),
            mix: Mix::new(source, seed),
        })
    }

    /// Sends requests until `stop`; what becomes of them is the services' to tell.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let began = Instant::now();
        let mut under_way = JoinSet::new();
        while let Some(after) = self.arrivals.next() {
            if stop
                .run_until_cancelled(tokio::time::sleep_until(began + after))
                .await
                .is_none()
            {
                break;
            }
            while under_way.try_join_next().is_some() {}
            if under_way.len() < MAX_UNDER_WAY {
                under_way.spawn(self.ask());
            }
        }
        // Nobody hangs up on a service that is about to answer.
        while under_way.join_next().await.is_some() {}
    }

    fn ask(&mut self) -> impl Future<Output = ()> + use<> {
        let asked = self.mix.next_request();
        let request = self
            .http
            .get(format!("http://{}{}", self.gateway, asked.path_and_query()))
            .header(http::header::USER_AGENT, USER_AGENT)
            .header(http::header::ACCEPT, "application/vnd.api+json")
            // Each visitor is one who comes anew: what the gateway kept would hide failures.
            .header(http::header::CACHE_CONTROL, "no-cache");
        async move {
            // A client that gets no answer goes away; the failure is the gateway's to tell.
            if let Ok(response) = request.send().await {
                drop(response.bytes().await);
            }
        }
    }
}
