//! Stand-ins for the outside parties that take messages, so that the service can be tried without an
//! account anywhere. As the real ones do they delay, refuse, throttle, fail now and then, know a
//! repetition by its key, and send signed receipts after a while: some twice, some out of order.

mod postman;
mod smtp_sink;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::launch::LaunchError;
use crate::messages::channel::Channel;
use crate::messages::keys::Keys;
use crate::messages::provider::IDEMPOTENCY_KEY;
use crate::server;
use crate::setup::Setup;

use postman::{Posted, Postman};

/// The running stand-ins.
#[derive(Debug)]
pub(crate) struct Sandbox {
    pub(crate) http: SocketAddr,
    pub(crate) smtp: SocketAddr,
    receipts_to: Arc<OnceLock<SocketAddr>>,
}

/// What all stand-ins share.
#[derive(Debug)]
struct Floor {
    /// Decides what happens to each message.
    dice: Mutex<StdRng>,
    /// Keys that were here before; emptied when it grows too large.
    taken: Mutex<HashSet<String>>,
    posted: mpsc::UnboundedSender<Posted>,
}

/// What happens to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Taken,
    Refused,
    Throttled,
    Unavailable,
}

#[derive(Debug, Deserialize)]
struct Handed {
    channel: Channel,
    reference: String,
}

/// How many keys are remembered.
const REMEMBERED: usize = 200_000;
const DELAYS: std::ops::Range<Duration> = Duration::from_millis(5)..Duration::from_millis(40);

impl Sandbox {
    pub(crate) async fn start(setup: &Setup<'_>, keys: &Keys) -> Result<Self, LaunchError> {
        let (posted, to_post) = mpsc::unbounded_channel();
        let floor = Arc::new(Floor {
            dice: Mutex::new(StdRng::seed_from_u64(setup.seed)),
            taken: Mutex::default(),
            posted,
        });
        let receipts_to = Arc::new(OnceLock::new());
        let postman = Postman::new(keys.clone(), Arc::clone(&receipts_to), setup)?;
        setup.stage.spawn(|stop| postman.run(to_post, stop));

        let (listener, http) = server::bind(server::LOOPBACK).await?;
        let router = Router::new().route("/{provider}/messages", post(take));
        setup
            .stage
            .serve(listener, router.with_state(Arc::clone(&floor)));
        let (listener, smtp) = server::bind(server::LOOPBACK).await?;
        setup
            .stage
            .spawn(|stop| smtp_sink::serve(listener, floor, stop));
        Ok(Self {
            http,
            smtp,
            receipts_to,
        })
    }

    /// From now on receipts go to the service at this address.
    pub(crate) fn send_receipts_to(&self, address: SocketAddr) {
        self.receipts_to.get_or_init(|| address);
    }
}

async fn take(
    State(floor): State<Arc<Floor>>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    Json(handed): Json<Handed>,
) -> (StatusCode, HeaderMap, Json<Value>) {
    let key = headers
        .get(IDEMPOTENCY_KEY)
        .and_then(|key| key.to_str().ok());
    let key = format!("{provider} {}", key.unwrap_or(&handed.reference));
    let (fate, delay) = floor.draw();
    tokio::time::sleep(delay).await;
    let mut headers = HeaderMap::new();
    let (status, body) = match fate {
        Fate::Taken => {
            let id = format!("{provider}-{}", handed.reference);
            if floor.is_new(key) {
                floor.post(&provider, handed.channel, handed.reference);
            }
            (StatusCode::ACCEPTED, json!({ "id": id }))
        }
        Fate::Refused => (
            StatusCode::UNPROCESSABLE_ENTITY,
            json!({ "error": "the address takes nothing" }),
        ),
        Fate::Throttled => {
            headers.insert(RETRY_AFTER, 1.into());
            (
                StatusCode::TOO_MANY_REQUESTS,
                json!({ "error": "too many" }),
            )
        }
        Fate::Unavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            json!({ "error": "try again" }),
        ),
    };
    (status, headers, Json(body))
}

impl Floor {
    fn draw(&self) -> (Fate, Duration) {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        let fate = match dice.random_range(0..10_000) {
            0..20 => Fate::Refused,
            20..30 => Fate::Throttled,
            30..130 => Fate::Unavailable,
            _ => Fate::Taken,
        };
        (fate, dice.random_range(DELAYS))
    }

    fn is_new(&self, key: String) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() >= REMEMBERED {
            taken.clear();
        }
        taken.insert(key)
    }

    /// Lets receipts of this message follow.
    fn post(&self, provider: &str, channel: Channel, message: String) {
        let provider = provider.to_owned();
        // Nobody is there when the service stops.
        drop(self.posted.send(Posted {
            provider,
            channel,
            message,
        }));
    }
}
