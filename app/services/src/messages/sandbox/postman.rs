use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::Clock;

use crate::client;
use crate::launch::LaunchError;
use crate::messages::channel::Channel;
use crate::messages::keys::Keys;
use crate::setup::Setup;
use crate::signature::signed;

/// A message that a stand-in took.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) provider: String,
    pub(super) channel: Channel,
    pub(super) message: String,
}

/// Sends the stand-ins' receipts when their time has come, and again if they are not taken.
#[derive(Debug)]
pub(super) struct Postman {
    keys: Keys,
    to: Arc<OnceLock<SocketAddr>>,
    clock: Arc<dyn Clock>,
    http: reqwest::Client,
    dice: StdRng,
    /// The next one first.
    due: BinaryHeap<Reverse<Due>>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Instant,
    provider: String,
    channel: Channel,
    message: String,
    kind: &'static str,
    tries: u32,
}

const ROUND: Duration = Duration::from_millis(250);
/// How many receipts are told in one call.
const TOLD: usize = 100;
const MOST_TRIES: u32 = 5;
const TIMEOUT: Duration = Duration::from_secs(5);

impl Postman {
    pub(super) fn new(
        keys: Keys,
        to: Arc<OnceLock<SocketAddr>>,
        setup: &Setup<'_>,
    ) -> Result<Self, LaunchError> {
        Ok(Self {
            keys,
            to,
            clock: Arc::clone(&setup.clock),
            http: client::http(TIMEOUT, TIMEOUT).map_err(LaunchError::Client)?,
            dice: StdRng::seed_from_u64(setup.seed),
            due: BinaryHeap::new(),
        })
    }

    pub(super) async fn run(
        mut self,
        mut posted: mpsc::UnboundedReceiver<Posted>,
        stop: CancellationToken,
    ) {
        let mut rounds = tokio::time::interval(ROUND);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(rounds.tick()).await.is_some() {
            while let Ok(posted) = posted.try_recv() {
                self.plan(&posted);
            }
            if let Some(&to) = self.to.get() {
                self.deliver(to).await;
            }
        }
    }

    /// Decides what becomes of a message.
    fn plan(&mut self, posted: &Posted) {
        let now = Instant::now();
        let dice = &mut self.dice;
        let mut after = |kind, millis: std::ops::Range<u64>| {
            let at = now + Duration::from_millis(dice.random_range(millis));
            let due = Due {
                at,
                provider: posted.provider.clone(),
                channel: posted.channel,
                message: posted.message.clone(),
                kind,
                tries: 0,
            };
            let twice = dice.random_bool(0.02);
            (due, twice, dice.random_range(0..1_000))
        };
        let (first, twice, lot) = after("delivered", 200..2_000);
        let mut planned = vec![first];
        match lot {
            0..20 => planned[0].kind = "undelivered",
            20..23 => planned[0].kind = "bounced",
            // Its opening may be told before its delivery.
            23..420 if posted.channel == Channel::Email => {
                planned.push(after("opened", 500..6_000).0);
                if lot < 140 {
                    planned.push(after("clicked", 3_000..9_000).0);
                }
            }
            23..250 if posted.channel == Channel::Push => {
                planned.push(after("opened", 500..6_000).0);
            }
            _ => {}
        }
        if twice {
            planned.push(planned[0].clone());
        }
        self.due.extend(planned.into_iter().map(Reverse));
    }

    async fn deliver(&mut self, to: SocketAddr) {
        let now = Instant::now();
        let mut calls: BTreeMap<(String, Channel), Vec<Due>> = BTreeMap::new();
        while self.due.peek().is_some_and(|Reverse(due)| due.at <= now) {
            let Some(Reverse(due)) = self.due.pop() else {
                break;
            };
            calls
                .entry((due.provider.clone(), due.channel))
                .or_default()
                .push(due);
        }
        for ((provider, channel), receipts) in calls {
            for told in receipts.chunks(TOLD) {
                if !self.tell(to, (&provider, channel), told).await {
                    self.again(told);
                }
            }
        }
    }

    async fn tell(
        &self,
        to: SocketAddr,
        (provider, channel): (&str, Channel),
        told: &[Due],
    ) -> bool {
        let at = self.clock.now();
        let event = |due: &Due| {
            let id = format!("{}-{}", due.kind, due.message);
            json!({ "id": id, "message": due.message, "type": due.kind, "at": at })
        };
        let events: Vec<_> = told.iter().map(event).collect();
        let body = json!({ "events": events }).to_string();
        let id = format!("call-{}-{}", at.nanos(), provider);
        let signed = signed(self.keys.of(channel), &id, at, &body);
        let request = self
            .http
            .post(format!("http://{to}/v1/receipts/{provider}"));
        let request = request
            .header(CONTENT_TYPE, "application/json")
            .headers(signed)
            .body(body);
        request
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
    }

    fn again(&mut self, told: &[Due]) {
        let left = told.iter().filter(|due| due.tries < MOST_TRIES).cloned();
        let later = left.map(|due| {
            let tries = due.tries + 1;
            let at = Instant::now() + Duration::from_secs(1 << tries);
            Reverse(Due { at, tries, ..due })
        });
        self.due.extend(later);
    }
}
