//! Evaluating rules, and keeping incidents as the alerts say.
//!
//! Each rule group is evaluated on its own interval. What an evaluation changes - states of alerts,
//! incidents, notifications to send - is committed in one transaction, and only then taken over in
//! memory: a failure in between repeats the evaluation, a crash loses none of it. The series that
//! rules write go ahead of it: the same samples may be written again.

mod board;
mod driven;
mod echo;
mod follow_up;
mod group;
mod meters;
mod recording;
mod reload;
mod round;
mod schedule;
mod settle;

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use watchfire_schemas::Timestamp;

use crate::alertmanagers::Frame;
use crate::{Alerts, StoreError};

pub(crate) use board::{Board, GroupHealth, Health};
pub(crate) use group::{LoadedGroup, Memory, read_groups};
pub(crate) use meters::Meters;
pub use reload::{ReloadError, Reloaded};
pub(crate) use round::{Ground, Outcome, Round};
use schedule::Schedule;
pub(crate) use settle::Update;

/// How often it is looked whether a page has become due.
const PAGE_CHECK: Duration = Duration::from_secs(1);

impl Alerts {
    /// Evaluates every group once, now, and does what follows from it. [`Alerts::run`] does this
    /// for each group at its interval.
    pub async fn tick(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        for group in self.groups().iter() {
            self.evaluate_group(group, now).await?;
        }
        self.follow_up(true).await
    }

    /// Evaluates one group, each time at a point of its schedule, until it is stopped. Points that
    /// pass while an evaluation is still running are left out and counted.
    pub(crate) async fn run_group(&self, group: &LoadedGroup, cancel: CancellationToken) {
        let schedule = Schedule::of(&group.file, &group.rules.name, self.interval_of(group));
        let mut due = schedule.after(self.clock.now());
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = group.stop.cancelled() => return,
                () = self.reached(&mut due, &schedule) => {}
            }
            let evaluated = self.evaluate_group(group, due).await;
            let followed = match evaluated {
                Ok(()) => self.follow_up(true).await,
                Err(error) => Err(error),
            };
            if let Err(error) = followed {
                self.meters.store_failures.inc();
                let name = &group.rules.name;
                tracing::error!(group = %name, error = %error.0, "evaluation of {name} was not kept, next tick tries again");
            }
            let (next, missed) = schedule.next(due, self.clock.now());
            self.meters.of(group).missed(missed);
            due = next;
        }
    }

    /// Waits for a time. It is set anew if the clock is put back far before it.
    async fn reached(&self, due: &mut Timestamp, schedule: &Schedule) {
        loop {
            let now = self.clock.now();
            if now >= *due {
                return;
            }
            *due = schedule.after(now).min(*due);
            tokio::time::sleep(due.since(now)).await;
        }
    }

    /// Sends pages when their time has come, until cancelled.
    pub(crate) async fn run_pages(&self, cancel: CancellationToken) {
        let mut ticks = tokio::time::interval(PAGE_CHECK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.follow_up(false).await {
                self.meters.store_failures.inc();
                tracing::error!(error = %error.0, "pages that are due were not queued, next tick tries again");
            }
        }
    }

    pub(crate) fn interval_of(&self, group: &LoadedGroup) -> Duration {
        let own = group.rules.interval;
        own.unwrap_or(self.config.evaluation_interval)
            .max(Duration::from_millis(100))
    }

    /// Evaluates the rules of a group in order, all at `at`, and keeps what they changed.
    async fn evaluate_group(&self, group: &LoadedGroup, at: Timestamp) -> Result<(), StoreError> {
        let mut memory = group.memory.lock().await;
        if group.stop.is_cancelled() {
            return Ok(());
        }
        let started = Instant::now();
        let ground = Ground {
            signals: &*self.signals,
            samples: &*self.samples,
            external_url: &self.config.external_url,
            external_labels: &self.config.external_labels,
        };
        let before = self.board().states_of(&group.rules);
        let round = Round::new(ground, &group.rules, &mut memory, at);
        let outcome = round.evaluated(before).await;
        let health = GroupHealth {
            last_evaluation: Some(at),
            seconds: started.elapsed().as_secs_f64(),
            kept_at: None,
        };
        self.meters.of(group).evaluated(health, &outcome);
        self.report(group, health, outcome.healths);
        let now = self.clock.now().max(at);
        self.settle(now, self.interval_of(group), outcome.updates)
            .await
            .map_err(StoreError)?;
        self.tell_outside(group, at);
        Ok(())
    }

    /// What was kept can be told.
    fn tell_outside(&self, group: &LoadedGroup, at: Timestamp) {
        let mut board = self.board();
        board.kept(group, at);
        let frame = Frame {
            external_url: &self.config.external_url,
            external_labels: &self.config.external_labels,
        };
        let times = (at, self.interval_of(group));
        self.alertmanagers.tell(&board, &group.rules, times, frame);
    }

    fn report(&self, group: &LoadedGroup, whole: GroupHealth, rules: Vec<(String, Health)>) {
        let mut board = self.board();
        board.evaluated(group, whole);
        for (key, health) in rules {
            if let Some(reason) = board.report(&key, health) {
                tracing::warn!(rule = %key, %reason, "rule {key} cannot be evaluated");
            }
        }
    }
}
