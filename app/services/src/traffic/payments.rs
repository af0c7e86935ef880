use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use super::journey::Journey;
use super::visitor::{Ask, Visitor};

/// A shop's customers: most pay and look how it went, some get a part of it back.
#[derive(Debug)]
pub(super) struct Payments {
    dice: StdRng,
}

const PAYERS: [&str; 6] = ["ada", "ben", "cleo", "dai", "eva", "finn"];
const PAYEES: [&str; 2] = ["bookshop", "ferry-line"];
/// What an account holds is owed to its owner.
const ACCOUNTS: &str = "liability";
const CURRENCY: &str = "EUR";
const SHARE_LOOKED_AT: f64 = 0.6;
const SHARE_REFUNDED: f64 = 0.08;
/// How long after paying somebody looks.
const LATER: Duration = Duration::from_secs(3);

impl Payments {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            dice: StdRng::seed_from_u64(seed),
        }
    }
}

impl Journey for Payments {
    fn prepare<'a>(&'a mut self, visitor: &'a Visitor) -> BoxFuture<'a, bool> {
        async {
            for account in PAYERS.iter().chain(&PAYEES) {
                let body = json!({ "type": ACCOUNTS, "currency": CURRENCY, "name": account });
                let ask = Ask::put(format!("/payments/v1/accounts/{account}"), body);
                if visitor.done(ask).await.is_none() {
                    return false;
                }
            }
            true
        }
        .boxed()
    }

    fn next(&mut self, visitor: Visitor) -> BoxFuture<'static, ()> {
        let amount = self.dice.random_range(300..25_000);
        let body = json!({
            "amount": amount,
            "currency": CURRENCY,
            "payer": PAYERS[self.dice.random_range(0..PAYERS.len())],
            "payee": PAYEES[self.dice.random_range(0..PAYEES.len())],
            "payment_method": "tok_visa",
            "reference": format!("order {}", self.dice.random_range(10_000..100_000)),
        });
        let looks = self.dice.random_bool(SHARE_LOOKED_AT);
        let refund = self.dice.random_bool(SHARE_REFUNDED);
        async move {
            let ask = Ask::post("/payments/v1/payments", body).once();
            let Some(accepted) = visitor.done(ask).await else {
                return;
            };
            let payment = format!("/payments/v1/payments/{}", accepted.text("/id"));
            if looks || refund {
                tokio::time::sleep(LATER).await;
                let Some(seen) = visitor.done(Ask::get(payment.as_str())).await else {
                    return;
                };
                if refund && seen.json["captured"] == amount {
                    let part = json!({ "amount": amount / 3 });
                    let ask = Ask::post(format!("{payment}/refunds"), part).once();
                    visitor.send(ask).await;
                }
            }
        }
        .boxed()
    }
}
