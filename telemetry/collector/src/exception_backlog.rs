use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use watchfire_schemas::ExceptionSeen;

use crate::drop_reason::DropReason;
use crate::meters::Meters;

/// Exceptions on their way to those who keep the groups, who may be slower than intake, or not
/// there yet while the log is replayed.
///
/// Nothing waits for them here: beyond [`Self::MOST`], occurrences of one group are thinned to the
/// earliest and the latest, which is all that a group's state needs; counts are asked of tsdb.
#[derive(Debug)]
pub(crate) struct ExceptionBacklog {
    waiting: Mutex<Vec<ExceptionSeen>>,
    came: Notify,
    meters: Arc<Meters>,
}

impl ExceptionBacklog {
    const MOST: usize = 10_000;
    /// As much as is sent in one go.
    const CHUNK: usize = 1_000;

    pub(crate) fn new(meters: Arc<Meters>) -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::default(),
            came: Notify::new(),
            meters,
        })
    }

    pub(crate) fn push(&self, seen: Vec<ExceptionSeen>) {
        if seen.is_empty() {
            return;
        }
        let mut waiting = self.lock();
        waiting.extend(seen);
        if waiting.len() > Self::MOST {
            *waiting = thinned(std::mem::take(&mut *waiting));
            let over = waiting.len().saturating_sub(Self::MOST);
            waiting.drain(..over);
            self.meters
                .dropped(DropReason::ExceptionBacklog, over as u64);
        }
        drop(waiting);
        self.came.notify_one();
    }

    /// Hands over what waits, until told to stop; then what is left, if it is taken in time.
    pub(crate) async fn forward(
        &self,
        to: mpsc::Sender<Vec<ExceptionSeen>>,
        stop: CancellationToken,
    ) {
        const LAST: Duration = Duration::from_secs(5);
        loop {
            tokio::select! {
                () = self.came.notified() => self.flush(&to).await,
                () = stop.cancelled() => break,
            }
        }
        if tokio::time::timeout(LAST, self.flush(&to)).await.is_err() {
            let left = self.lock().len() as u64;
            self.meters.dropped(DropReason::ExceptionBacklog, left);
        }
    }

    async fn flush(&self, to: &mpsc::Sender<Vec<ExceptionSeen>>) {
        // A place in the channel comes first: what waits for one is still here and can be thinned.
        while !self.lock().is_empty() {
            let Ok(place) = to.reserve().await else {
                let lost = std::mem::take(&mut *self.lock()).len() as u64;
                self.meters.dropped(DropReason::ExceptionBacklog, lost);
                return;
            };
            let chunk: Vec<_> = {
                let mut waiting = self.lock();
                let end = waiting.len().min(Self::CHUNK);
                waiting.drain(..end).collect()
            };
            place.send(chunk);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<ExceptionSeen>> {
        self.waiting.lock().expect("no holder of this lock panics")
    }
}

/// The earliest and the latest occurrence of each group and release.
fn thinned(seen: Vec<ExceptionSeen>) -> Vec<ExceptionSeen> {
    let mut ends: BTreeMap<_, (ExceptionSeen, Option<ExceptionSeen>)> = BTreeMap::new();
    for one in seen {
        let key = (
            one.service.clone(),
            one.group.clone(),
            one.release.clone(),
            one.environment.clone(),
        );
        match ends.get_mut(&key) {
            None => drop(ends.insert(key, (one, None))),
            Some((first, last)) => {
                let middle = if one.at < first.at {
                    std::mem::replace(first, one)
                } else {
                    one
                };
                if last.as_ref().is_none_or(|last| last.at <= middle.at) {
                    *last = Some(middle);
                }
            }
        }
    }
    ends.into_values()
        .flat_map(|(first, last)| [Some(first), last])
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;
    use watchfire_schemas::{Origin, Timestamp};

    use super::*;

    fn seen(group: usize, second: i64) -> ExceptionSeen {
        ExceptionSeen {
            group: format!("{group:016x}"),
            service: "shop".to_owned(),
            kind: "E".to_owned(),
            message: String::new(),
            culprit: String::new(),
            at: Timestamp::from_secs(second),
            release: None,
            environment: None,
            trace_id: None,
            span_id: None,
            origin: Origin::Log,
        }
    }

    #[tokio::test]
    async fn a_slow_taker_gets_every_group_and_both_its_ends() {
        let backlog = ExceptionBacklog::new(Arc::new(Meters::register(&mut Registry::default())));
        for second in 0..3_000 {
            backlog.push((0..10).map(|group| seen(group, second)).collect());
        }
        let (to, mut from) = mpsc::channel(1);
        let stop = CancellationToken::new();
        stop.cancel();
        let taken = async {
            let mut all = Vec::new();
            while let Some(chunk) = from.recv().await {
                all.extend(chunk);
            }
            all
        };
        let ((), all) = tokio::join!(backlog.forward(to, stop), taken);
        assert!(all.len() <= ExceptionBacklog::MOST);
        for group in 0..10 {
            let times = || {
                all.iter()
                    .filter(|s| s.group == format!("{group:016x}"))
                    .map(|s| s.at)
            };
            assert_eq!(
                (times().min(), times().max()),
                (
                    Some(Timestamp::from_secs(0)),
                    Some(Timestamp::from_secs(2_999))
                )
            );
        }
        assert!(backlog.meters.drops().is_empty());
    }

    #[tokio::test]
    async fn what_nobody_takes_is_counted() {
        let backlog = ExceptionBacklog::new(Arc::new(Meters::register(&mut Registry::default())));
        backlog.push(vec![seen(1, 1)]);
        let (to, from) = mpsc::channel(1);
        drop(from);
        backlog.flush(&to).await;
        assert_eq!(
            backlog.meters.drops(),
            [("exception_backlog".to_owned(), 1)]
        );
    }
}
