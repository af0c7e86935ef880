use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::builder::StartError;
use crate::dropped::{DropReason, Dropped, Signal};

/// How many bytes of lines wait at most for a slow reader of our output.
const CAPACITY: usize = 8 << 20;

/// Writes lines to stdout or stderr on a thread of its own, so that a full pipe stops nobody.
#[derive(Debug)]
pub(crate) struct LogWriter {
    shared: Arc<Shared>,
    ended: Mutex<Receiver<()>>,
}

#[derive(Debug)]
struct Shared {
    waiting: Mutex<Lines>,
    woken: Condvar,
    dropped: Dropped,
}

#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    count: usize,
    flushes: Vec<SyncSender<()>>,
    stopped: bool,
}

impl LogWriter {
    pub(crate) fn start(
        service: &str,
        output: impl Write + Send + 'static,
        dropped: Dropped,
    ) -> Result<Self, StartError> {
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            woken: Condvar::new(),
            dropped,
        });
        let (ending, ended) = sync_channel(1);
        let name = format!("lines-{service}");
        let thread = {
            let shared = Arc::clone(&shared);
            move || {
                shared.write_until_stopped(output);
                drop(ending);
            }
        };
        thread::Builder::new()
            .name(name.clone())
            .spawn(thread)
            .map_err(|source| StartError::Thread { name, source })?;
        Ok(Self {
            shared,
            ended: Mutex::new(ended),
        })
    }

    /// Adds one line; `write` puts it without its line feed.
    pub(crate) fn line(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut lines = self.shared.lock();
        let reason = match &*lines {
            lines if lines.stopped => Some(DropReason::Stopped),
            lines if lines.bytes.len() >= CAPACITY => Some(DropReason::QueueFull),
            _ => None,
        };
        if let Some(reason) = reason {
            drop(lines);
            return self.shared.dropped.count(Signal::Lines, reason, 1);
        }
        let was_empty = lines.bytes.is_empty();
        write(&mut lines.bytes);
        lines.bytes.push(b'\n');
        lines.count += 1;
        drop(lines);
        if was_empty {
            self.shared.woken.notify_one();
        }
    }

    /// Waits until all lines are written, at most `patience`.
    pub(crate) fn flush(&self, patience: Duration) -> bool {
        let (done, is_done) = sync_channel(1);
        {
            let mut lines = self.shared.lock();
            if lines.stopped {
                return true;
            }
            lines.flushes.push(done);
        }
        self.shared.woken.notify_one();
        is_done.recv_timeout(patience).is_ok()
    }

    pub(crate) fn stop(&self, patience: Duration) {
        self.shared.lock().stopped = true;
        self.shared.woken.notify_one();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        // An error is what we wait for: the sender is gone.
        ended.recv_timeout(patience).ok();
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.woken.notify_one();
    }
}

impl Shared {
    fn write_until_stopped(&self, mut output: impl Write) {
        loop {
            let lines = self.next();
            let written = output.write_all(&lines.bytes).and_then(|()| output.flush());
            if written.is_err() {
                self.dropped
                    .count(Signal::Lines, DropReason::WriteFailed, lines.count);
            }
            for done in lines.flushes {
                // Whoever asked may have lost patience.
                done.try_send(()).ok();
            }
            if lines.stopped {
                return;
            }
        }
    }

    fn next(&self) -> Lines {
        let mut lines = self.lock();
        while lines.bytes.is_empty() && lines.flushes.is_empty() && !lines.stopped {
            lines = self
                .woken
                .wait(lines)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let stopped = lines.stopped;
        let taken = std::mem::take(&mut *lines);
        lines.stopped = stopped;
        taken
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;

    use super::*;

    /// An output whose reader can stop reading.
    #[derive(Debug, Clone, Default)]
    struct Pipe(Arc<Mutex<Vec<u8>>>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_arrive_in_order_and_a_blocked_reader_costs_lines_not_time() {
        let mut registry = Registry::default();
        let pipe = Pipe::default();
        let writer = LogWriter::start("a", pipe.clone(), Dropped::register(&mut registry)).unwrap();
        writer.line(|out| out.extend_from_slice(b"one"));
        assert!(writer.flush(Duration::from_secs(5)));
        let blocked = pipe.0.lock().unwrap();
        assert_eq!(*blocked, b"one\n");
        for _ in 0..40 {
            writer.line(|out| out.resize(out.len() + (1 << 20), b'x'));
        }
        assert!(
            !writer.flush(Duration::from_millis(10)),
            "the reader does not read"
        );
        drop(blocked);
        writer.line(|out| out.extend_from_slice(b"two"));
        writer.stop(Duration::from_secs(5));
        assert!(
            pipe.0.lock().unwrap().len() <= 20 << 20,
            "what waits is bounded"
        );
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let counted = text
            .lines()
            .find(|line| line.contains(r#"signal="lines",reason="queue_full""#));
        assert!(
            counted.is_some_and(|line| !line.ends_with(" 0")),
            "{counted:?}"
        );
    }
}
