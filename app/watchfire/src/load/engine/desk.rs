use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http::StatusCode;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use watchfire_schemas::TraceId;

use super::connection;
use super::pool::{Pool, Shot};
use super::{Script, Settings};
use crate::load::failure::Failure;
use crate::load::host::Host;
use crate::load::tally::{Ended, Tally};
use crate::load::wire::Bytes;

/// How long answers are waited for when somebody wants to see the figures now.
const CUT: Duration = Duration::from_secs(1);

/// What a worker begins with.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) script: Arc<dyn Script>,
    pub(super) hosts: Arc<Vec<Host>>,
    pub(super) settings: Settings,
    /// Its number among the workers.
    pub(super) place: usize,
    pub(super) start: Instant,
    pub(super) tally: Arc<Mutex<Tally>>,
}

/// One worker: takes up its share of the requests when they are due and gives them to connections.
/// All of it runs on one thread.
pub(super) struct Desk {
    pub(super) script: Arc<dyn Script>,
    pub(super) hosts: Arc<Vec<Host>>,
    pub(super) settings: Settings,
    pub(super) dice: RefCell<StdRng>,
    pub(super) bytes: Rc<Bytes>,
    start: Instant,
    /// Locked by this thread for each request, and by a look now and then.
    tally: Arc<Mutex<Tally>>,
    moments: RefCell<Box<dyn Iterator<Item = (u64, Duration)>>>,
    next: Cell<Option<(u64, Duration)>>,
    pools: Vec<Rc<Pool>>,
    connections: RefCell<JoinSet<()>>,
    /// Requests that were taken up and have not ended.
    pending: Cell<u64>,
    quiet: Notify,
}

impl Desk {
    pub(super) fn open(opening: Opening) -> Rc<Self> {
        let Opening {
            script,
            hosts,
            settings,
            place,
            start,
            tally,
        } = opening;
        let numbered = (0u64..).zip(script.moments());
        let mut moments = numbered.skip(place).step_by(settings.threads);
        let next = moments.next();
        let share = settings.connections / settings.threads
            + usize::from(place < settings.connections % settings.threads);
        let most = (share / hosts.len()).max(1);
        Rc::new(Self {
            dice: RefCell::new(StdRng::seed_from_u64(
                settings.seed ^ ((place as u64) << 32),
            )),
            pools: (0..hosts.len())
                .map(|host| Rc::new(Pool::new(host, most)))
                .collect(),
            moments: RefCell::new(Box::new(moments)),
            next: Cell::new(next),
            bytes: Rc::default(),
            connections: RefCell::default(),
            pending: Cell::new(0),
            quiet: Notify::new(),
            script,
            hosts,
            settings,
            start,
            tally,
        })
    }

    /// Runs until all is answered or given up.
    pub(super) async fn work(self: Rc<Self>, beat: &Notify, stop: &CancellationToken) {
        while self.next.get().is_some() && !stop.is_cancelled() {
            self.take_up_due(Instant::now());
            while self.connections.borrow_mut().try_join_next().is_some() {}
            if self.next.get().is_some() {
                tokio::select! {
                    () = beat.notified() => {}
                    () = stop.cancelled() => {}
                }
            }
        }
        // What waits for a connection may wait as long as an answer may take.
        let end = self.start + self.script.length() + self.settings.timeout;
        let in_time = tokio::select! {
            in_time = timeout_at(end, self.all_ended()) => in_time.is_ok(),
            () = stop.cancelled() => timeout(CUT, self.all_ended()).await.is_ok(),
        };
        if !in_time {
            self.give_up(stop).await;
        }
        let mut tally = self.count();
        tally.bytes_sent = self.bytes.sent.get();
        tally.bytes_received = self.bytes.received.get();
    }

    async fn all_ended(&self) {
        while self.pending.get() > 0 {
            self.quiet.notified().await;
        }
    }

    /// What was not sent will not be; what was sent still has its time, unless the run was cut short.
    async fn give_up(&self, stop: &CancellationToken) {
        let unsent = self
            .pools
            .iter()
            .flat_map(|pool| std::iter::from_fn(|| pool.take()));
        let unsent: Vec<Shot> = unsent.collect();
        if !stop.is_cancelled() {
            for shot in &unsent {
                self.end(shot, None, Err(Failure::Unsent), None);
            }
            tokio::select! {
                _ = timeout(self.settings.timeout * 2, self.all_ended()) => {}
                () = stop.cancelled() => {}
            }
        }
        self.count().cut += self.pending.get();
    }

    /// Takes up whatever is due. Called at each beat and after each answer, so that under load the
    /// moments are kept to some microseconds.
    pub(super) fn take_up_due(self: &Rc<Self>, now: Instant) {
        let is_due = |moment| self.start + moment <= now;
        let Some((_, moment)) = self.next.get() else {
            return;
        };
        if !is_due(moment) {
            return;
        }
        let mut tally = self.count();
        while let Some((number, moment)) = self.next.get()
            && is_due(moment)
        {
            tally.due += 1;
            tally.lateness.add(now - (self.start + moment));
            self.next.set(self.moments.borrow_mut().next());
            self.pending.update(|pending| pending + 1);
            let target = self.script.target(number, &mut self.dice.borrow_mut());
            let shot = Shot {
                number,
                target,
                moment,
                taken_up: now,
                tries: 0,
            };
            let pool = &self.pools[self.script.host(target)];
            if pool.offer(shot) {
                let serving = connection::serve(Rc::clone(self), Rc::clone(pool));
                self.connections.borrow_mut().spawn_local(serving);
            }
        }
    }

    /// Notes that a connection is open.
    pub(super) fn connected(&self, took: Duration) {
        let mut tally = self.count();
        tally.connections += 1;
        tally.connecting.add(took);
    }

    /// Notes that a request goes out.
    pub(super) fn sending(&self, shot: &Shot, now: Instant) {
        let mut tally = self.count();
        tally.sent += 1;
        tally.waited.add(now - shot.taken_up);
    }

    /// Notes how a request ended.
    pub(super) fn end(
        &self,
        shot: &Shot,
        sent: Option<Instant>,
        result: Result<StatusCode, Failure>,
        trace: Option<TraceId>,
    ) -> Instant {
        let now = Instant::now();
        let is_expected =
            result.is_ok_and(|status| self.script.is_expected(shot.number, shot.target, status));
        let ended = Ended {
            number: shot.number,
            target: shot.target,
            moment: shot.moment,
            corrected: now - (self.start + shot.moment),
            service: sent.map(|sent| now - sent),
            result,
            is_expected,
            trace,
        };
        self.count().add(&ended, self.script.length(), now);
        self.script.ended(&ended);
        self.pending.update(|pending| pending - 1);
        if self.pending.get() == 0 {
            self.quiet.notify_one();
        }
        now
    }

    fn count(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().expect("no holder of this lock panics")
    }
}
