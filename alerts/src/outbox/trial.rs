//! Whether a destination works: a message that says that it is only a test, by the real way.

use sqlx::SqliteConnection;
use uuid::Uuid;
use watchfire_schemas::{AlertSeverity, LabelSet, Timestamp};

use crate::notification::{EventAction, NewNotification, NotificationContent};
use crate::notify::DestinationKind;
use crate::receivers::{GroupAlert, GroupNotice, NoticeReason};
use crate::{IncidentStatus, StoreError};

use super::Outbox;
use super::enqueue::{Message, TEST};
use super::lane::Lane;

const NAME: &str = "WatchfireTest";
const WORDS: &str = "Test of a destination: nothing is wrong";

impl Outbox {
    /// Sends a test, and where it would leave something open, what closes it. Gives the ids of
    /// the messages; none if there is no such destination.
    pub(crate) async fn test(
        &self,
        name: &str,
        external_url: &str,
    ) -> Result<Option<Vec<i64>>, StoreError> {
        let lanes = self.lanes();
        let Some(lane) = lanes.all().find(|lane| lane.name() == name) else {
            return Ok(None);
        };
        let key = format!("{TEST}{}", Uuid::now_v7());
        let now = self.clock.now();
        let mut ids = Vec::new();
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let opens = self.trial(
            &mut tx,
            lane,
            (&key, external_url),
            (now, EventAction::Trigger),
        );
        ids.extend(opens.await?);
        if leaves_open(lane.sender.destination().kind) {
            let closes = (now, EventAction::Resolve);
            let closes = self.trial(&mut tx, lane, (&key, external_url), closes);
            ids.extend(closes.await?);
        }
        tx.commit().await?;
        lane.wake.notify_one();
        Ok(Some(ids))
    }

    async fn trial(
        &self,
        tx: &mut SqliteConnection,
        lane: &Lane,
        (key, external_url): (&str, &str),
        (now, action): (Timestamp, EventAction),
    ) -> Result<Option<i64>, sqlx::Error> {
        let mut message = match &lane.integration {
            None => Message::of_incident(NewNotification {
                incident_id: String::new(),
                destination: lane.name().to_owned(),
                dedup_key: key.to_owned(),
                action,
                content: content(now, action, external_url),
                not_before: now,
            }),
            Some(integration) => {
                let notice = notice(&integration.receiver, (now, action), external_url);
                Message::of_group(notice, &integration.form)
            }
        };
        key.clone_into(&mut message.dedup_key);
        self.put(tx, lane, &message).await
    }
}

/// What is told as open has to be told as closed.
const fn leaves_open(kind: DestinationKind) -> bool {
    matches!(
        kind,
        DestinationKind::PagerDuty | DestinationKind::SlackBot | DestinationKind::Webhook
    )
}

fn labels() -> LabelSet {
    LabelSet::new([("alertname", NAME), ("severity", "info")])
}

fn content(now: Timestamp, action: EventAction, external_url: &str) -> NotificationContent {
    let over = (action == EventAction::Resolve).then_some(now);
    NotificationContent {
        incident: String::new(),
        title: WORDS.to_owned(),
        summary: "Somebody wanted to see whether this destination can be reached.".to_owned(),
        description: String::new(),
        severity: AlertSeverity::Info,
        status: match over {
            Some(_) => IncidentStatus::Resolved,
            None => IncidentStatus::Triggered,
        },
        services: Vec::new(),
        onset_at: now,
        onset_earliest: now,
        onset_latest: now,
        detected_at: now,
        acknowledged_at: None,
        acknowledged_by: None,
        recovered_at: None,
        resolved_at: over,
        ttd_seconds: None,
        ttr_seconds: None,
        exceptions: Vec::new(),
        changes: Vec::new(),
        links: Vec::new(),
        runbook: None,
        labels: labels(),
        annotations: LabelSet::default(),
        alerts: Vec::new(),
        group_key: format!("{{}}:{{alertname={NAME:?}}}"),
        external_url: external_url.to_owned(),
    }
}

fn notice(
    receiver: &str,
    (now, action): (Timestamp, EventAction),
    external_url: &str,
) -> GroupNotice {
    let firing = action == EventAction::Trigger;
    let alert = GroupAlert {
        labels: labels(),
        annotations: LabelSet::new([("summary", WORDS)]),
        firing,
        starts_at: now,
        ends_at: now,
        generator_url: external_url.to_owned(),
        fingerprint: format!("{:016x}", labels().fingerprint()),
        incident: None,
    };
    GroupNotice {
        receiver: receiver.to_owned(),
        integration: 0,
        group_key: format!("{{}}:{{alertname={NAME:?}}}"),
        group_labels: LabelSet::new([("alertname", NAME)]),
        alerts: vec![alert],
        reason: if firing {
            NoticeReason::First
        } else {
            NoticeReason::AllResolved
        },
        external_url: external_url.to_owned(),
        at: now,
    }
}
