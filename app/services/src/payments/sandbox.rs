//! The provider when none is configured: a stand-in that keeps books of its own and behaves as real
//! ones do. It is slow now and then, declines, fails before and after it has done its work, and
//! tells of the same twice. What it does with an operation is decided by the seed and its key.
//! The token `tok_declined` is always declined, `tok_sure` never.

mod books;
mod temper;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::Clock;

use crate::client;
use crate::database::{Database, Durability};
use crate::fault::Faults;
use crate::launch::LaunchError;
use crate::payments::id;
use crate::payments::idempotency::IDEMPOTENCY_KEY;
use crate::payments::instruments::CommitInstruments;
use crate::payments::operation::Settled;
use crate::payments::provider::Request;
use crate::payments::writer::Writer;
use crate::secret::Secret;
use crate::server;
use crate::setup::Setup;
use crate::signature;
use books::Books;
use temper::Temper;

#[derive(Debug)]
struct Sandbox {
    books: Books,
    secret: Secret,
    seed: u64,
    clock: Arc<dyn Clock>,
    /// Keys that were refused once before anything was done.
    refused: Mutex<HashSet<String>>,
    notifications: mpsc::Sender<Notification>,
}

/// What is told by itself, and where.
#[derive(Debug)]
struct Notification {
    url: String,
    operation: Settled,
    times: u32,
}

const NAME: &str = "payments-sandbox";
/// Notifications beyond it are not sent; whoever asks is told all the same.
const QUEUE: usize = 1024;
const AT_ONCE: usize = 16;
const TRIES: u32 = 5;

/// Starts the sandbox and returns its address.
pub(crate) async fn start(setup: &Setup<'_>, secret: Secret) -> Result<String, LaunchError> {
    let faults = Arc::new(Faults::none(setup.seed));
    let opened = Database::open(
        setup.site(),
        NAME,
        &books::MIGRATIONS,
        Durability::Power,
        faults,
    );
    let database = opened.await;
    let database = database.map_err(|source| setup.unopened(NAME, source))?;
    // Its instruments are another company's.
    let instruments = CommitInstruments::register(&mut Registry::default());
    let (writer, committer) = Writer::new(database.clone(), instruments, Arc::default());
    setup.stage.spawn(|_| committer.run());
    let (notifications, due) = mpsc::channel(QUEUE);
    let http = client::http(Duration::from_millis(500), Duration::from_secs(3));
    let http = http.map_err(LaunchError::Client)?;
    let notify = notify(http, secret.clone(), Arc::clone(&setup.clock), due);
    setup.stage.spawn(notify);
    let sandbox = Sandbox {
        books: Books::new(database, writer),
        secret,
        seed: setup.seed,
        clock: Arc::clone(&setup.clock),
        refused: Mutex::default(),
        notifications,
    };
    let router = Router::new()
        .route("/v1/operations", post(operate))
        .route("/v1/operations/{key}", get(look_up))
        .with_state(Arc::new(sandbox));
    let (listener, address) = server::bind(server::LOOPBACK).await?;
    setup.stage.serve(listener, router);
    Ok(format!("http://{address}"))
}

async fn operate(
    State(sandbox): State<Arc<Sandbox>>,
    headers: HeaderMap,
    axum::Json(request): axum::Json<Request>,
) -> Response {
    if !sandbox.knows(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let key = headers.get(IDEMPOTENCY_KEY);
    let Some(key) = key.and_then(|key| key.to_str().ok()).map(str::to_owned) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let temper = Temper::of(sandbox.seed, &key);
    tokio::time::sleep(temper.delay()).await;
    if temper.refuses_at_first() && sandbox.first_time(&key) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let url = request.webhook_url.clone();
    let now = sandbox.clock.now();
    let (operation, is_new) = match sandbox
        .books
        .write(key, request, temper.declines(), now)
        .await
    {
        Ok(written) => written,
        Err(failure) => {
            tracing::warn!("sandbox could not write its books: {failure}");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    if let (Some(url), true) = (url, is_new) {
        let (operation, times) = (operation.clone(), temper.notifications());
        let notification = Notification {
            url,
            operation,
            times,
        };
        if times > 0 && sandbox.notifications.try_send(notification).is_err() {
            tracing::debug!("sandbox tells too slowly, a notification is left out");
        }
    }
    if is_new && temper.loses_its_answer() {
        tokio::time::sleep(temper::LOST).await;
    }
    axum::Json(operation).into_response()
}

async fn look_up(
    State(sandbox): State<Arc<Sandbox>>,
    headers: HeaderMap,
    Path(key): Path<String>,
) -> Response {
    if !sandbox.knows(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match sandbox.books.find(key).await {
        Ok(Some(operation)) => axum::Json(operation).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(failure) => {
            tracing::warn!("sandbox could not read its books: {failure}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

impl Sandbox {
    fn knows(&self, headers: &HeaderMap) -> bool {
        let expected = format!("Bearer {}", self.secret.reveal());
        let given = headers.get(AUTHORIZATION);
        given.is_some_and(|given| given.as_bytes() == expected.as_bytes())
    }

    fn first_time(&self, key: &str) -> bool {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.insert(key.to_owned())
    }
}

/// Sends notifications, some of them twice, until the sandbox is gone.
fn notify(
    http: reqwest::Client,
    secret: Secret,
    clock: Arc<dyn Clock>,
    mut due: mpsc::Receiver<Notification>,
) -> impl FnOnce(CancellationToken) -> futures_util::future::BoxFuture<'static, ()> {
    move |stop| {
        Box::pin(async move {
            let (mut sending, places) = (JoinSet::new(), Arc::new(Semaphore::new(AT_ONCE)));
            while let Some(Some(notification)) = stop.run_until_cancelled(due.recv()).await {
                while sending.try_join_next().is_some() {}
                let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                    return;
                };
                let (http, secret, clock) = (http.clone(), secret.clone(), Arc::clone(&clock));
                sending.spawn(async move {
                    send(&http, &secret, &*clock, notification).await;
                    drop(place);
                });
            }
        })
    }
}

async fn send(http: &reqwest::Client, secret: &Secret, clock: &dyn Clock, told: Notification) {
    let id = id::draw("ntf", clock.now());
    let body = json!({ "id": id, "operation": told.operation }).to_string();
    for _ in 0..told.times {
        for attempt in 0..TRIES {
            let signed = signature::signed(secret, &id, clock.now(), &body);
            let request = http.post(&told.url).headers(signed).body(body.clone());
            let request = request.header(CONTENT_TYPE, "application/json");
            if request
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200 << attempt)).await;
        }
    }
}
