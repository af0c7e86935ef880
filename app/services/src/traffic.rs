//! Made-up clients: open loops, so that a slow service is asked as often as a quick one.

mod arrivals;
mod journey;
mod messages;
mod mix;
mod payments;
mod places;
mod recruitment;
mod reminders;
mod visitor;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::Clock;

use self::journey::Journey;
use self::visitor::Visitor;
use crate::feed;
use crate::launch::ServiceName;
use crate::secret::Secret;

pub(crate) use arrivals::Arrivals;
pub(crate) use mix::{Mix, Outcome, Request};
pub(crate) use recruitment::ADMIN;

/// By which the requests are known.
pub(crate) const USER_AGENT: &str = "watchfire-traffic/1.0";
/// What may be under way at once; above it arrivals are left out, or a stalled service would take the memory.
const MAX_UNDER_WAY: usize = 1_000;

/// What the traffic asks, and how often.
#[derive(Debug)]
pub(crate) struct Traffic {
    visitor: Visitor,
    streams: Vec<(Box<dyn Journey>, Arrivals)>,
}

impl Traffic {
    /// `rate` requests a second on the average for places. To the other services in `offered` come
    /// visitors at a small part of it, each of whom makes some requests.
    pub(crate) fn new(
        gateway: SocketAddr,
        (rate, seed): (f64, u64),
        offered: &[ServiceName],
        (source, clock): (&feed::Source, &Arc<dyn Clock>),
        recruitment_admin: Option<&Secret>,
    ) -> Result<Self, reqwest::Error> {
        let mut streams = Vec::new();
        for (service, number) in offered.iter().zip(1_u64..) {
            // Each has dice of its own; those of places are the history's.
            let own = seed.wrapping_add(100 * number);
            let (journey, rate, seed): (Box<dyn Journey>, f64, u64) = match service {
                ServiceName::Content => (Box::new(places::Places::new(source, seed)), rate, seed),
                ServiceName::Payments => (Box::new(payments::Payments::new(own)), rate * 0.08, own),
                ServiceName::Messages => (Box::new(messages::Messages::new(own)), rate * 0.1, own),
                ServiceName::Reminders => {
                    (Box::new(reminders::Reminders::new(own)), rate * 0.12, own)
                }
                ServiceName::Recruitment => {
                    let Some(admin) = recruitment_admin.cloned() else {
                        continue;
                    };
                    let recruiters = recruitment::Recruitment::new(own, Arc::clone(clock), admin);
                    (Box::new(recruiters), rate * 0.03, own)
                }
                ServiceName::Gateway => continue,
            };
            streams.push((journey, Arrivals::new(rate, seed)));
        }
        Ok(Self {
            visitor: Visitor::new(gateway)?,
            streams,
        })
    }

    /// Sends visitors until `stop`; what becomes of them is the services' to tell.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut running = JoinSet::new();
        for (journey, arrivals) in self.streams {
            let visitor = self.visitor.clone();
            running.spawn(journey::run(journey, arrivals, visitor, stop.clone()));
        }
        while running.join_next().await.is_some() {}
    }
}
