use std::fmt::Debug;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::visitor::Visitor;
use super::{Arrivals, MAX_UNDER_WAY};

/// What the visitors of one service do. Each is on a way of its own, many at once.
pub(super) trait Journey: Debug + Send {
    /// Makes what must be there before the first sets out. False if it could not be made; then it
    /// is tried again.
    fn prepare<'a>(&'a mut self, visitor: &'a Visitor) -> BoxFuture<'a, bool>;

    /// The way of the next one.
    fn next(&mut self, visitor: Visitor) -> BoxFuture<'static, ()>;
}

/// How long after a service that was not there yet is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// Sends visitors on their way as they arrive, until `stop`.
pub(super) async fn run(
    mut journey: Box<dyn Journey>,
    arrivals: Arrivals,
    visitor: Visitor,
    stop: CancellationToken,
) {
    let preparing = async {
        while !journey.prepare(&visitor).await {
            tokio::time::sleep(AGAIN).await;
        }
    };
    if stop.run_until_cancelled(preparing).await.is_none() {
        return;
    }
    let began = Instant::now();
    let mut under_way = JoinSet::new();
    for after in arrivals {
        let waiting = tokio::time::sleep_until(began + after);
        if stop.run_until_cancelled(waiting).await.is_none() {
            break;
        }
        while under_way.try_join_next().is_some() {}
        if under_way.len() < MAX_UNDER_WAY {
            let way = journey.next(visitor.clone());
            under_way.spawn(way);
        }
    }
    // Nobody hangs up on a service that is about to answer.
    while under_way.join_next().await.is_some() {}
}
