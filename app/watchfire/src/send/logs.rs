use std::io::Write as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::batches::{Batch, Batches, Gathered};
use super::delivery::{Delivered, Delivery};
use super::progress::{Progress, grouped};
use super::source::Source;
use super::{SendError, tell};
use crate::api::Api;
use crate::cli::SendLogsArgs;

/// How long a line waits for others while its source is silent.
const LINGER: Duration = Duration::from_millis(500);
/// So many faults are told one by one.
const MOST_FAULTS: usize = 1_000;

/// Sends lines; whether all of them keep their contract.
pub(super) async fn send(server: &str, args: &SendLogsArgs) -> Result<bool, SendError> {
    let api = Api::new(server)?;
    let source = Source::open(&args.file).map_err(|source| SendError::Source {
        name: args.file.display().to_string(),
        source,
    })?;
    let mut sending = Sending {
        delivery: Delivery {
            api,
            compression: args.compression,
            patience: args.patience,
        },
        progress: Progress::start(source.size),
        source,
        total: Delivered::default(),
        told: 0,
        stored_to: 0,
    };
    let batches = Batches::new(args.batch as usize, args.from_line, args.service.clone());
    let ended = tokio::select! {
        ended = sending.send_all(batches) => ended,
        _ = tokio::signal::ctrl_c() => Err(SendError::Wrong("interrupted".to_owned())),
    };
    sending.progress.clear();
    sending.summary();
    if let Err(error) = ended {
        if sending.stored_to > 0 {
            tell(&format!(
                "what stands up to line {} is delivered; --from-line {} goes on after it",
                sending.stored_to,
                sending.stored_to + 1
            ));
        }
        return Err(error);
    }
    Ok(sending.total.quarantined + sending.total.rejected == 0)
}

struct Sending {
    delivery: Delivery,
    source: Source,
    progress: Progress,
    total: Delivered,
    /// Faults that were told one by one.
    told: usize,
    /// All lines up to this one are delivered.
    stored_to: u64,
}

impl Sending {
    async fn send_all(&mut self, mut batches: Batches) -> Result<(), SendError> {
        let mut is_first = true;
        loop {
            let come = tokio::time::timeout(LINGER, self.source.chunks.recv()).await;
            let gathered = match come {
                // The source is silent: what has come is not held back.
                Err(_) => Gathered {
                    full: batches.take().into_iter().collect(),
                    ..Gathered::default()
                },
                Ok(None) => {
                    let rest = batches.finish();
                    return self.send_gathered(rest).await;
                }
                Ok(Some(Err(source))) => {
                    let name = self.source.name.clone();
                    return Err(SendError::Source { name, source });
                }
                Ok(Some(Ok(chunk))) => {
                    if is_first && chunk.trim_ascii_start().starts_with(b"[") {
                        return Err(SendError::Wrong(format!(
                            "{} is no NDJSON: it begins with [; for a JSON array write jq -c '.[]' | watchfire send logs",
                            self.source.name
                        )));
                    }
                    is_first = false;
                    batches.push(&chunk)
                }
            };
            self.send_gathered(gathered).await?;
        }
    }

    async fn send_gathered(&mut self, gathered: Gathered) -> Result<(), SendError> {
        for line in gathered.too_long {
            self.total.rejected += 1;
            self.fault(line, "", "longer than any server takes");
        }
        for batch in gathered.full {
            self.send_batch(batch).await?;
        }
        Ok(())
    }

    async fn send_batch(&mut self, batch: Batch) -> Result<(), SendError> {
        let last = batch.numbers.last().copied();
        let progress = &mut self.progress;
        let mut told = |text: &str| {
            progress.clear();
            tell(text);
        };
        let delivered = self.delivery.deliver(batch, &mut told).await?;
        self.stored_to = last.unwrap_or(self.stored_to);
        self.total.accepted += delivered.accepted;
        self.total.quarantined += delivered.quarantined;
        self.total.rejected += delivered.rejected;
        self.total.doubtful.extend(delivered.doubtful);
        let untold = (delivered.quarantined + delivered.rejected) as usize - delivered.faults.len();
        for (line, path, reason) in &delivered.faults {
            self.fault(*line, path, reason);
        }
        if untold > 0 && self.told < MOST_FAULTS {
            self.progress.clear();
            tell(&format!("and {untold} more of the same request"));
        }
        let read = self.source.read.load(Ordering::Relaxed);
        self.progress.draw(read, self.total.lines());
        Ok(())
    }

    fn fault(&mut self, line: u64, path: &str, reason: &str) {
        self.told += 1;
        if self.told > MOST_FAULTS {
            return;
        }
        self.progress.clear();
        let path = if path.is_empty() {
            String::new()
        } else {
            format!("{path}: ")
        };
        let reason: String = reason
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        tell(&format!("{}:{line}: {path}{reason}", self.source.name));
        if self.told == MOST_FAULTS {
            tell("further ones are only counted");
        }
    }

    fn summary(&self) {
        let total = &self.total;
        let seconds = self.progress.elapsed().as_secs_f64();
        let rate = (total.lines() as f64 / seconds.max(0.001)) as u64;
        let told = writeln!(
            std::io::stdout(),
            "{} accepted, {} quarantined, {} rejected in {seconds:.1} s ({} lines/s)",
            grouped(total.accepted),
            grouped(total.quarantined),
            grouped(total.rejected),
            grouped(rate)
        );
        // Who does not listen any more misses the summary; the exit code says the same.
        drop(told);
        if !total.doubtful.is_empty() {
            tell(&format!(
                "the connection broke before the answer came, so these may be stored twice: {}",
                total.doubtful.join(", ")
            ));
        }
    }
}

impl Delivered {
    fn lines(&self) -> u64 {
        self.accepted + self.quarantined + self.rejected
    }
}
