use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fs, io};

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use watchfire_schemas::{BatchSeq, ExceptionSeen};

use crate::drop_reason::DropReason;
use crate::meters::Meters;

/// Exceptions on their way to those who keep the groups, who may be slower than intake, or not
/// there yet while the log is replayed.
///
/// Nothing waits for them here: beyond [`Self::MOST`], occurrences of one group are thinned to the
/// earliest and the latest, which is all that a group's state needs; counts are asked of tsdb.
///
/// It knows up to which batch all were written, and keeps that in a file: what is after it stays in
/// the log and is told again after a crash.
#[derive(Debug)]
pub(crate) struct ExceptionBacklog {
    state: Mutex<State>,
    came: Notify,
    meters: Arc<Meters>,
    /// Where the last batch of which all are written is kept.
    path: PathBuf,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<(BatchSeq, ExceptionSeen)>,
    /// The earliest batch of each chunk that was handed over and not yet written.
    handed: BTreeMap<u64, BatchSeq>,
    next_chunk: u64,
    /// The last batch that was pushed.
    pushed: BatchSeq,
    /// What the file says.
    saved: BatchSeq,
}

/// Occurrences of exceptions for those who keep the groups. Whoever has written them says so; those
/// of which nobody does are told again after the next start.
#[derive(Debug)]
pub struct Occurrences {
    /// What was seen.
    pub seen: Vec<ExceptionSeen>,
    chunks: Vec<u64>,
    /// None if no log waits for them.
    backlog: Option<Arc<ExceptionBacklog>>,
}

impl From<Vec<ExceptionSeen>> for Occurrences {
    /// Some that no log waits for.
    fn from(seen: Vec<ExceptionSeen>) -> Self {
        Self {
            seen,
            chunks: Vec::new(),
            backlog: None,
        }
    }
}

impl Occurrences {
    /// Takes in more, to be written together.
    pub fn absorb(&mut self, more: Self) {
        self.seen.extend(more.seen);
        self.chunks.extend(more.chunks);
        self.backlog = self.backlog.take().or(more.backlog);
    }

    /// Says that they are written.
    pub fn written(self) {
        if let Some(backlog) = &self.backlog {
            backlog.written(&self.chunks);
        }
    }
}

impl ExceptionBacklog {
    const MOST: usize = 10_000;
    /// As much as is sent in one go.
    const CHUNK: usize = 1_000;

    /// One that goes on after what the file at `path` says; at the beginning if there is none.
    pub(crate) fn new(path: PathBuf, meters: Arc<Meters>) -> Arc<Self> {
        let saved = fs::read_to_string(&path).ok();
        let saved = saved.and_then(|text| text.trim().parse().ok());
        let saved = BatchSeq(saved.unwrap_or(0));
        let state = State {
            pushed: saved,
            saved,
            ..State::default()
        };
        Arc::new(Self {
            state: Mutex::new(state),
            came: Notify::new(),
            meters,
            path,
        })
    }

    /// Takes what was seen in a batch; batches come in order.
    pub(crate) fn push(&self, batch: BatchSeq, seen: Vec<ExceptionSeen>) {
        let mut state = self.lock();
        state.pushed = state.pushed.max(batch);
        if seen.is_empty() {
            return;
        }
        state
            .waiting
            .extend(seen.into_iter().map(|one| (batch, one)));
        if state.waiting.len() > Self::MOST {
            state.waiting = thinned(std::mem::take(&mut state.waiting));
            let over = state.waiting.len().saturating_sub(Self::MOST);
            state.waiting.drain(..over);
            self.meters
                .dropped(DropReason::ExceptionBacklog, over as u64);
        }
        drop(state);
        self.came.notify_one();
    }

    /// The last batch of which, and before which, all are written or thinned.
    pub(crate) fn passed(&self) -> BatchSeq {
        self.lock().passed()
    }

    /// Writes that down, if it has moved.
    pub(crate) fn save(&self) -> io::Result<()> {
        let mut state = self.lock();
        let passed = state.passed();
        if passed <= state.saved {
            return Ok(());
        }
        let fresh = self.path.with_extension("new");
        fs::write(&fresh, passed.to_string())?;
        fs::rename(&fresh, &self.path)?;
        state.saved = passed;
        Ok(())
    }

    fn written(&self, chunks: &[u64]) {
        let mut state = self.lock();
        for chunk in chunks {
            state.handed.remove(chunk);
        }
        drop(state);
        if let Err(error) = self.save() {
            // They are told once more after a crash: that changes nothing in a group.
            tracing::debug!(%error, "it was not noted which exceptions are written");
        }
    }

    /// Hands over what waits, until told to stop; then what is left, if it is taken in time. What
    /// is not stays in the log.
    pub(crate) async fn forward(
        self: &Arc<Self>,
        to: mpsc::Sender<Occurrences>,
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
            let left = self.lock().waiting.len();
            tracing::warn!(left, "exceptions are left to the next start");
        }
    }

    async fn flush(self: &Arc<Self>, to: &mpsc::Sender<Occurrences>) {
        // A place in the channel comes first: what waits for one is still here and can be thinned.
        while !self.lock().waiting.is_empty() {
            let Ok(place) = to.reserve().await else {
                return;
            };
            let chunk = self.lock().hand_over(Self::CHUNK);
            if let Some((chunk, seen)) = chunk {
                place.send(Occurrences {
                    seen,
                    chunks: vec![chunk],
                    backlog: Some(Arc::clone(self)),
                });
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

impl State {
    fn passed(&self) -> BatchSeq {
        let waiting = self.waiting.iter().map(|(batch, _)| *batch);
        let open = waiting.chain(self.handed.values().copied()).min();
        open.map_or(self.pushed, |first| BatchSeq(first.0.saturating_sub(1)))
    }

    fn hand_over(&mut self, most: usize) -> Option<(u64, Vec<ExceptionSeen>)> {
        let end = self.waiting.len().min(most);
        let first = self.waiting[..end].iter().map(|(batch, _)| *batch).min()?;
        let seen = self.waiting.drain(..end).map(|(_, one)| one).collect();
        self.next_chunk += 1;
        self.handed.insert(self.next_chunk, first);
        Some((self.next_chunk, seen))
    }
}

/// The earliest and the latest occurrence of each group and release.
fn thinned(seen: Vec<(BatchSeq, ExceptionSeen)>) -> Vec<(BatchSeq, ExceptionSeen)> {
    type Seen = (BatchSeq, ExceptionSeen);
    let mut ends: BTreeMap<_, (Seen, Option<Seen>)> = BTreeMap::new();
    for one in seen {
        let key = (
            one.1.service.clone(),
            one.1.group.clone(),
            one.1.release.clone(),
            one.1.environment.clone(),
        );
        match ends.get_mut(&key) {
            None => drop(ends.insert(key, (one, None))),
            Some((first, last)) => {
                let middle = if one.1.at < first.1.at {
                    std::mem::replace(first, one)
                } else {
                    one
                };
                if last.as_ref().is_none_or(|last| last.1.at <= middle.1.at) {
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
            hashes: watchfire_schemas::ExceptionHashes::default(),
            user: None,
        }
    }

    fn backlog(dir: &tempfile::TempDir) -> Arc<ExceptionBacklog> {
        let meters = Meters::register(&mut Registry::default());
        ExceptionBacklog::new(dir.path().join("exceptions"), Arc::new(meters))
    }

    #[tokio::test]
    async fn a_slow_taker_gets_every_group_and_both_its_ends() {
        let dir = tempfile::tempdir().unwrap();
        let backlog = backlog(&dir);
        for second in 0..3_000 {
            let batch = BatchSeq(1 + second as u64);
            backlog.push(batch, (0..10).map(|group| seen(group, second)).collect());
        }
        let (to, mut from) = mpsc::channel::<Occurrences>(1);
        let stop = CancellationToken::new();
        stop.cancel();
        let taken = async {
            let mut all = Vec::new();
            while let Some(chunk) = from.recv().await {
                all.extend(chunk.seen.clone());
                chunk.written();
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
        assert_eq!(backlog.passed(), BatchSeq(3_000));
    }

    #[tokio::test]
    async fn what_nobody_has_written_is_not_passed() {
        let dir = tempfile::tempdir().unwrap();
        let first = backlog(&dir);
        for batch in 1..=6 {
            let of_batch = if batch % 2 == 0 {
                vec![seen(1, 1)]
            } else {
                Vec::new()
            };
            first.push(BatchSeq(batch), of_batch);
        }
        assert_eq!(first.passed(), BatchSeq(1));
        let (to, mut from) = mpsc::channel(8);
        first.flush(&to).await;
        let handed = from.recv().await.unwrap();
        assert_eq!((handed.seen.len(), first.passed()), (3, BatchSeq(1)));
        first.push(BatchSeq(7), vec![seen(1, 1)]);
        handed.written();
        assert_eq!(first.passed(), BatchSeq(6));
        // One that is given up is not written.
        first.flush(&to).await;
        drop(from.recv().await.unwrap());
        assert_eq!(first.passed(), BatchSeq(6));
        assert_eq!(backlog(&dir).passed(), BatchSeq(6), "after a restart");
    }
}
