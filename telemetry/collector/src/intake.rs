use std::fmt;
use std::sync::Arc;

use watchfire_schemas::Clock;

use crate::admission::{Admission, Arrival};
use crate::budget::Budget;
use crate::drop_reason::DropReason;
use crate::meters::Meters;
use crate::otlp::Starts;
use crate::pipeline::Pipeline;
use crate::prepare::Prepared;
use crate::sink::Sink;
use crate::status::Sources;
use crate::{OtlpMetrics, Receipt, Refusal};

/// What every receiver works with.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) admission: Admission,
    pub(crate) pipeline: Pipeline,
    pub(crate) budget: Arc<Budget>,
    pub(crate) meters: Arc<Meters>,
    /// Asked what it will not take.
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) sources: Sources,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) max_body: usize,
    pub(crate) otlp_metrics: OtlpMetrics,
    pub(crate) starts: Starts,
}

/// What is told of a request that was taken.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) receipt: Receipt,
    pub(crate) faults: Vec<(usize, crate::admission::Fault)>,
    pub(crate) rejection: Option<String>,
}

impl Intake {
    pub(crate) fn arrival(&self, receiver: &'static str) -> Arrival {
        Arrival {
            receiver,
            at: self.clock.now(),
        }
    }

    /// Runs the computing part of a request where it holds up no connection.
    pub(crate) async fn compute<T, F>(self: &Arc<Self>, work: F) -> Result<T, Refusal>
    where
        T: Send + fmt::Debug + 'static,
        F: FnOnce(&Self) -> T + Send + 'static,
    {
        let intake = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&intake)).await;
        // It can only fail if the runtime stops, or if the work panicked.
        done.map_err(|error| {
            if !error.is_panic() {
                return Refusal::Stopping;
            }
            tracing::error!(%error, "a request could not be worked on");
            let refusal = Refusal::Fault;
            self.refused(&refusal);
            refusal
        })
    }

    /// Returns when all batches of the request are on disk and searchable.
    pub(crate) async fn commit(&self, prepared: Prepared) -> Result<Taken, Refusal> {
        let arrival = prepared.arrival;
        let submitted = self.pipeline.submit(arrival.at, prepared.batches).await;
        submitted.inspect_err(|refusal| self.refused(refusal))?;
        let (receiver, signal) = (arrival.receiver, prepared.signal);
        self.meters.count(receiver, signal, prepared.receipt);
        self.sources
            .count((receiver, signal), &prepared.services, arrival.at);
        for (reason, count) in prepared.drops {
            self.meters.dropped(reason, count);
        }
        Ok(Taken {
            receipt: prepared.receipt,
            faults: prepared.faults,
            rejection: prepared.rejection,
        })
    }

    pub(crate) fn is_ready(&self) -> Result<(), Refusal> {
        if !self.pipeline.is_open() {
            return Err(Refusal::Stopping);
        }
        if self.pipeline.state().is_broken() {
            return Err(Refusal::Broken);
        }
        match self.pipeline.state().fault() {
            Some(fault) => Err(fault),
            None => self.budget.check(),
        }
    }

    /// Counts a refused request.
    pub(crate) fn refused(&self, refusal: &Refusal) {
        let reason = match refusal {
            Refusal::Overload { .. } => DropReason::Overload,
            Refusal::DiskFull { .. } => DropReason::DiskFull,
            Refusal::Unwritable { .. } => DropReason::Unwritable,
            Refusal::Fault | Refusal::Broken => DropReason::Fault,
            Refusal::Stopping => DropReason::Stopping,
        };
        self.meters.dropped(reason, 1);
    }
}
