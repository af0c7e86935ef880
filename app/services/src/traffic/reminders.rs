use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::journey::Journey;
use super::visitor::{Ask, Visitor};

/// People with a phone and a watch each, which fetch what the other one changed.
#[derive(Debug)]
pub(super) struct Reminders {
    dice: StdRng,
    /// Those that are not synchronising just now, the one that waits longest first.
    at_rest: Arc<Mutex<VecDeque<Device>>>,
}

#[derive(Debug)]
struct Device {
    person: String,
    name: &'static str,
    session: Option<String>,
    /// Up to where it knows all.
    token: Option<String>,
    etag: Option<String>,
    sent: u64,
}

const PEOPLE: usize = 12;
const DEVICES: [&str; 2] = ["phone", "watch"];
const SHARE_SENT: f64 = 0.25;
const MEDICINES: [&str; 4] = ["Ramipril", "Metformin", "Vitamin D", "Ibuprofen"];

impl Reminders {
    pub(super) fn new(seed: u64) -> Self {
        let people = 1..=PEOPLE;
        let devices = people.flat_map(|person| {
            DEVICES.map(|name| Device {
                person: format!("person-{person}"),
                name,
                session: None,
                token: None,
                etag: None,
                sent: 0,
            })
        });
        Self {
            dice: StdRng::seed_from_u64(seed),
            at_rest: Arc::new(Mutex::new(devices.collect())),
        }
    }
}

impl Journey for Reminders {
    fn prepare<'a>(&'a mut self, _: &'a Visitor) -> BoxFuture<'a, bool> {
        std::future::ready(true).boxed()
    }

    fn next(&mut self, visitor: Visitor) -> BoxFuture<'static, ()> {
        let sends = self.dice.random_bool(SHARE_SENT);
        let medicine = MEDICINES[self.dice.random_range(0..MEDICINES.len())];
        let at_rest = Arc::clone(&self.at_rest);
        async move {
            let device = locked(&at_rest).pop_front();
            let Some(mut device) = device else { return };
            let change = sends.then_some(medicine);
            let done = device.synchronise(&visitor, change).await;
            if done.is_none() {
                // It asks for all anew, under a new session.
                (device.session, device.token, device.etag) = (None, None, None);
            }
            locked(&at_rest).push_back(device);
        }
        .boxed()
    }
}

impl Device {
    /// None if something was refused.
    async fn synchronise(&mut self, visitor: &Visitor, medicine: Option<&str>) -> Option<()> {
        let session = if let Some(session) = &self.session {
            session.clone()
        } else {
            let asked = json!({ "person": self.person, "device": self.name });
            let issued = visitor.done(Ask::post("/reminders/v1/sessions", asked));
            let session = issued.await?.text("/token").to_owned();
            self.session.insert(session).clone()
        };
        if let Some(medicine) = medicine {
            let change = self.change(medicine);
            let ask = Ask::post("/reminders/v1/sync/send", change).bearing(&session);
            visitor.done(ask).await?;
        }
        let path = match &self.token {
            Some(token) => format!("/reminders/v1/sync/fetch?token={token}"),
            None => "/reminders/v1/sync/fetch".to_owned(),
        };
        let mut ask = Ask::get(path).bearing(&session);
        if let Some(etag) = &self.etag {
            ask = ask.if_none_match(etag);
        }
        let answer = visitor.send(ask).await?;
        if answer.status.is_success() {
            self.token = Some(answer.text("/token").to_owned());
            self.etag = answer.etag;
            return Some(());
        }
        (answer.status == http::StatusCode::NOT_MODIFIED).then_some(())
    }

    /// A medicine to be taken twice a day, under a name of this device's own.
    fn change(&mut self, medicine: &str) -> Value {
        self.sent += 1;
        let change = uuid::Uuid::now_v7();
        json!({ "changes": [{
            "op": "put_reminder",
            "change_id": change.to_string(),
            "base_version": 0,
            "id": format!("{}-{}", self.name, self.sent % 5),
            "reminder": {
                "title": medicine,
                "about": { "kind": "medication", "name": medicine, "dose": "1 tablet" },
                "schedule": {
                    "zone": "Europe/Berlin",
                    "starts_on": "2026-11-22",
                    "times": ["08:00", "20:00"],
                    "rule": "FREQ=DAILY",
                },
                "paused": false,
            },
        }] })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
