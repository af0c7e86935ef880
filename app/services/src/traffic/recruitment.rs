use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use watchfire_schemas::Clock;

use super::journey::Journey;
use super::visitor::{Ask, Visitor};
use crate::secret::Secret;

/// Recruiters: they look through positions, enter candidates, and move applications on.
#[derive(Debug)]
pub(super) struct Recruitment {
    dice: StdRng,
    clock: std::sync::Arc<dyn Clock>,
    /// Whoever holds it may issue tokens.
    admin: Secret,
    token: String,
    positions: Vec<String>,
}

/// The name of the secret whose holder may issue tokens.
pub(crate) const ADMIN: &str = "recruitment.tokens";
const TITLES: [&str; 3] = [
    "Site reliability engineer",
    "Product designer",
    "Data engineer",
];
const STAGES: [&str; 3] = ["screening", "interview", "offer"];
const SHARE_MOVED: f64 = 0.6;
const SHARE_REJECTED: f64 = 0.2;
/// How long what a candidate said is kept.
const RETAINED: std::time::Duration = std::time::Duration::from_hours(24 * 180);

impl Recruitment {
    pub(super) fn new(seed: u64, clock: std::sync::Arc<dyn Clock>, admin: Secret) -> Self {
        Self {
            dice: StdRng::seed_from_u64(seed),
            clock,
            admin,
            token: String::new(),
            positions: Vec::new(),
        }
    }

    /// None if something was refused.
    async fn set_up(&mut self, visitor: &Visitor) -> Option<()> {
        let asked = json!({ "subject": "rita", "role": "recruiter", "expires_in_seconds": 28_800 });
        let ask = Ask::post("/recruitment/v1/tokens", asked).bearing(self.admin.reveal());
        let issued = visitor.done(ask).await?;
        issued.text("/token").clone_into(&mut self.token);
        self.positions.clear();
        for title in TITLES {
            let draft = json!({
                "title": title,
                "department": "platform",
                "location": "Berlin",
                "description": "A position of the demonstration.",
                "headcount": 20,
                "stages": STAGES,
                "manager": "mia",
            });
            let ask = Ask::post("/recruitment/v1/positions", draft).bearing(&self.token);
            let made = visitor.done(ask).await?;
            let id = made.text("/id").to_owned();
            let opening = format!("/recruitment/v1/positions/{id}/opening");
            let ask = Ask::post(opening, json!({})).bearing(&self.token);
            visitor.done(ask.if_match(made.etag.as_deref()?)).await?;
            self.positions.push(id);
        }
        Some(())
    }
}

impl Journey for Recruitment {
    fn prepare<'a>(&'a mut self, visitor: &'a Visitor) -> BoxFuture<'a, bool> {
        async { self.set_up(visitor).await.is_some() }.boxed()
    }

    fn next(&mut self, visitor: Visitor) -> BoxFuture<'static, ()> {
        let way = Way {
            token: self.token.clone(),
            position: self.positions[self.dice.random_range(0..self.positions.len())].clone(),
            given_at: self.clock.now().to_string(),
            retain_until: (self.clock.now() + RETAINED).to_string(),
            is_moved: self.dice.random_bool(SHARE_MOVED),
            is_rejected: self.dice.random_bool(SHARE_REJECTED),
        };
        async move {
            way.go(&visitor).await;
        }
        .boxed()
    }
}

/// What one recruiter does with one candidate.
struct Way {
    token: String,
    position: String,
    given_at: String,
    retain_until: String,
    is_moved: bool,
    is_rejected: bool,
}

impl Way {
    /// None if something was refused.
    async fn go(&self, visitor: &Visitor) -> Option<()> {
        let get = |path: String| visitor.done(Ask::get(path).bearing(&self.token));
        get(format!("/recruitment/v1/positions/{}", self.position)).await?;
        let number = uuid::Uuid::now_v7().simple().to_string();
        let candidate = json!({
            "name": format!("Candidate {}", &number[..12]),
            "email": format!("candidate-{number}@example.org"),
            "source": "careers-page",
            "consent": { "purpose": "application", "given_at": self.given_at },
            "retain_until": self.retain_until,
        });
        let ask = Ask::post("/recruitment/v1/candidates", candidate).bearing(&self.token);
        let candidate = visitor.done(ask).await?;
        let application = json!({ "candidate": candidate.text("/id"), "position": self.position });
        let ask = Ask::post("/recruitment/v1/applications", application).bearing(&self.token);
        let application = visitor.done(ask).await?;
        let path = format!("/recruitment/v1/applications/{}", application.text("/id"));
        let mut etag = application.etag?;
        if self.is_moved {
            let moved = Ask::post(format!("{path}/moves"), json!({ "to": STAGES[1] }));
            etag = visitor
                .done(moved.bearing(&self.token).if_match(&etag))
                .await?
                .etag?;
        }
        if self.is_rejected {
            let rejected = Ask::post(
                format!("{path}/rejection"),
                json!({ "reason": "experience" }),
            );
            visitor
                .done(rejected.bearing(&self.token).if_match(&etag))
                .await?;
        }
        get(path).await.map(drop)
    }
}
