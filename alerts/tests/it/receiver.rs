//! A destination that writes down what it is sent.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use tokio::task::JoinSet;

#[derive(Debug, Default)]
struct Taken {
    bodies: Mutex<Vec<Value>>,
}

/// Answers on a port of its own until dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    taken: Arc<Taken>,
    _server: JoinSet<()>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let taken = Arc::new(Taken::default());
        let app = Router::new()
            .route("/hook", post(take))
            .with_state(taken.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            url,
            taken,
            _server: server,
        }
    }

    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.taken.bodies.lock().unwrap().clone()
    }

    /// `firing` or `resolved`, in the order of arrival.
    pub(crate) fn statuses(&self) -> Vec<String> {
        let bodies = self.bodies();
        let status = |body: &Value| body["status"].as_str().unwrap_or("?").to_owned();
        bodies.iter().map(status).collect()
    }
}

async fn take(State(taken): State<Arc<Taken>>, Json(body): Json<Value>) -> StatusCode {
    taken.bodies.lock().unwrap().push(body);
    StatusCode::OK
}
