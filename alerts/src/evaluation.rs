//! Evaluating rules, and keeping incidents as the alerts say.
//!
//! Each rule group is evaluated on its own interval. What an evaluation changes - states of alerts,
//! incidents, notifications to send - is committed in one transaction, and only then taken over in
//! memory: a failure in between repeats the evaluation, a crash loses none of it.

mod board;
mod echo;
mod follow_up;
mod meters;
mod settle;

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use watchfire_schemas::{LabelSet, Timestamp};

use crate::alert_state::{Surroundings, evaluate};
use crate::rules::AlertingRule;
use crate::{Alerts, StoreError};

pub(crate) use board::{Board, Health};
pub(crate) use meters::Meters;
use settle::Update;

/// How often it is looked whether a page has become due.
const PAGE_CHECK: Duration = Duration::from_secs(1);

impl Alerts {
    /// Evaluates every group once, now, and does what follows from it. [`Alerts::run`] does this
    /// for each group at its interval.
    pub async fn tick(&self) -> Result<(), StoreError> {
        for group in 0..self.groups.len() {
            self.evaluate_group(group).await?;
        }
        self.follow_up(true).await
    }

    /// Evaluates one group until cancelled. A tick that comes while the last evaluation is still
    /// running is left out and counted.
    pub(crate) async fn run_group(&self, group: usize, cancel: CancellationToken) {
        let period = self.interval_of(group);
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut last: Option<Instant> = None;
        loop {
            let tick = tokio::select! {
                () = cancel.cancelled() => return,
                tick = ticks.tick() => tick,
            };
            if let Some(last) = last.replace(tick) {
                let passed = (tick - last).as_secs_f64() / period.as_secs_f64();
                self.meters
                    .missed
                    .inc_by((passed.round() as u64).saturating_sub(1));
            }
            let evaluated = self.evaluate_group(group).await;
            let followed = match evaluated {
                Ok(()) => self.follow_up(true).await,
                Err(error) => Err(error),
            };
            if let Err(error) = followed {
                self.meters.store_failures.inc();
                let name = &self.groups[group].name;
                tracing::error!(group = %name, error = %error.0, "evaluation of {name} was not kept, next tick tries again");
            }
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

    pub(crate) fn interval_of(&self, group: usize) -> Duration {
        let own = self.groups[group].interval;
        own.unwrap_or(self.config.evaluation_interval)
            .max(Duration::from_millis(100))
    }

    async fn evaluate_group(&self, group: usize) -> Result<(), StoreError> {
        let _own_turn = self.turns[group].lock().await;
        let now = self.clock.now();
        let started = Instant::now();
        let mut updates = Vec::new();
        for rule in &self.groups[group].rules {
            updates.extend(self.evaluate_rule(group, rule, now).await);
        }
        self.meters
            .duration
            .observe(started.elapsed().as_secs_f64());
        let interval = self.interval_of(group);
        self.settle(now, interval, updates)
            .await
            .map_err(StoreError)
    }

    async fn evaluate_rule(
        &self,
        group: usize,
        rule: &AlertingRule,
        now: Timestamp,
    ) -> Option<Update> {
        let started = Instant::now();
        let before = self.board().states(&rule.key);
        let around = Surroundings {
            now,
            external_url: &self.config.external_url,
            limit: self.groups[group].limit,
        };
        let evaluated = match self.samples(rule, now).await {
            Ok(samples) => evaluate(rule, &samples, &before, &around).map_err(|e| e.to_string()),
            Err(reason) => Err(reason),
        };
        self.meters.evaluations.inc();
        let (update, last_error) = match evaluated {
            Ok(after) => (
                Some(Update {
                    rule_key: rule.key.clone(),
                    before,
                    after,
                }),
                None,
            ),
            Err(reason) => {
                self.meters.failures.inc();
                (None, Some(reason))
            }
        };
        let health = Health {
            last_evaluation: Some(now),
            seconds: started.elapsed().as_secs_f64(),
            last_error,
        };
        if let Some(reason) = self.board().report(&rule.key, health) {
            let key = &rule.key;
            tracing::warn!(rule = %key, %reason, "rule {key} cannot be evaluated");
        }
        update
    }

    /// What the rule's expression gives now; a sample for each alert.
    async fn samples(
        &self,
        rule: &AlertingRule,
        now: Timestamp,
    ) -> Result<Vec<(LabelSet, f64)>, String> {
        let series = self
            .signals
            .instant(&rule.expr, now)
            .await
            .map_err(|error| error.to_string())?;
        Ok(series
            .into_iter()
            .filter_map(|series| Some((series.labels, series.samples.last()?.v)))
            .collect())
    }
}
