use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::journey::Journey;
use super::visitor::{Ask, Visitor};

/// A shop that tells its customers about their orders, and now and then looks what became of it.
#[derive(Debug)]
pub(super) struct Messages {
    dice: StdRng,
}

const SHARE_LOOKED_AT: f64 = 0.3;
/// How long after sending somebody looks.
const LATER: Duration = Duration::from_secs(4);

impl Messages {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            dice: StdRng::seed_from_u64(seed),
        }
    }

    fn message(&mut self) -> Value {
        let number = self.dice.random_range(1_000_000..10_000_000_u32);
        let (channel, to, template) = match self.dice.random_range(0..10) {
            0..5 => (
                "email",
                format!("customer-{number}@example.org"),
                "order-mail",
            ),
            5..8 => ("sms", format!("+4179{number}"), "order-sms"),
            _ => ("push", format!("device-{number:032x}"), "order-push"),
        };
        let order = number % 90_000 + 10_000;
        json!({
            "channel": channel,
            "to": to,
            "template": template,
            "variables": { "order": order },
        })
    }
}

/// The templates, by their names.
fn templates() -> [(&'static str, Value); 3] {
    let template = |channel: &str, wording: Value| json!({ "channel": channel, "default_locale": "en", "locales": { "en": wording } });
    let words = "Your order {{order}} is on its way.";
    [
        (
            "order-mail",
            template(
                "email",
                json!({ "subject": "Order {{order}}", "text": words }),
            ),
        ),
        ("order-sms", template("sms", json!({ "text": words }))),
        (
            "order-push",
            template("push", json!({ "subject": "On its way", "text": words })),
        ),
    ]
}

impl Journey for Messages {
    fn prepare<'a>(&'a mut self, visitor: &'a Visitor) -> BoxFuture<'a, bool> {
        async {
            for (name, template) in templates() {
                let ask = Ask::put(format!("/messages/v1/templates/{name}"), template);
                if visitor.done(ask).await.is_none() {
                    return false;
                }
            }
            true
        }
        .boxed()
    }

    fn next(&mut self, visitor: Visitor) -> BoxFuture<'static, ()> {
        let message = self.message();
        let looks = self.dice.random_bool(SHARE_LOOKED_AT);
        async move {
            let ask = Ask::post("/messages/v1/messages", message).once();
            let Some(accepted) = visitor.done(ask).await else {
                return;
            };
            if looks {
                tokio::time::sleep(LATER).await;
                let path = format!("/messages/v1/messages/{}", accepted.text("/id"));
                visitor.send(Ask::get(path)).await;
            }
        }
        .boxed()
    }
}
