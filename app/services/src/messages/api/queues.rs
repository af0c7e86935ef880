use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::Api;
use crate::problem::Problem;

/// How full each queue is, how long its first has waited, and how its providers do.
pub(super) async fn list(State(api): State<Arc<Api>>) -> Result<Json<Value>, Problem> {
    let depths = api.store.depths().await?;
    let now = api.store.clock.now();
    let queues = depths.into_iter().map(|(channel, depth)| {
        let providers = api.lane(channel).providers.iter();
        let providers: Vec<_> = providers.map(|provider| provider.state()).collect();
        json!({
            "channel": channel,
            "ready": depth.ready,
            "scheduled": depth.scheduled,
            "sending": depth.sending,
            "failed": depth.failed,
            "oldest_age_seconds": depth.oldest.map(|oldest| now.seconds_since(oldest)),
            "providers": providers,
        })
    });
    Ok(Json(json!({ "queues": queues.collect::<Vec<_>>() })))
}
