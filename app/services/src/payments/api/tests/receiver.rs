use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::post;
use tokio::task::JoinSet;

use crate::server::{self, LOOPBACK};

/// Who is told of events.
pub(super) struct Receiver {
    pub(super) url: String,
    counts: Arc<Counts>,
    _serving: JoinSet<()>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Manner {
    Prompt,
    /// Takes what it is told and never answers.
    Silent,
}

#[derive(Default)]
struct Counts {
    told: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

/// One that is being told, until the teller gives up or is answered.
struct Telling(Arc<Counts>);

impl Receiver {
    pub(super) async fn start(manner: Manner) -> Self {
        let counts = Arc::new(Counts::default());
        let (listener, address) = server::bind(LOOPBACK).await.unwrap();
        let counting = Arc::clone(&counts);
        let take = move || {
            let telling = Telling::begin(&counting);
            async move {
                let _telling = telling;
                if let Manner::Silent = manner {
                    std::future::pending::<()>().await;
                }
            }
        };
        let router = Router::new().route("/", post(take));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url: format!("http://{address}/"),
            counts,
            _serving: serving,
        }
    }

    pub(super) fn told(&self) -> usize {
        self.counts.told.load(Ordering::SeqCst)
    }

    pub(super) fn most_at_once(&self) -> usize {
        self.counts.most_at_once.load(Ordering::SeqCst)
    }
}

impl Telling {
    fn begin(counts: &Arc<Counts>) -> Self {
        counts.told.fetch_add(1, Ordering::SeqCst);
        let at_once = counts.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        counts.most_at_once.fetch_max(at_once, Ordering::SeqCst);
        Self(Arc::clone(counts))
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.0.at_once.fetch_sub(1, Ordering::SeqCst);
    }
}
