//! Notices of alert groups, on their way through the same outbox.

use std::path::Path;

use crate::DeliveryState::{Delivered, Dropped, Queued};
use crate::DestinationConfig;
use crate::receivers::{GroupNotice, NoticeReason, Receivers, sample};

use super::bench::{Bench, deliveries, put_group, webhook};
use super::receiver::Receiver;

fn receivers(url: &str) -> Receivers {
    let text = format!(
        "receivers:\n- name: team\n  webhook_configs:\n  - url: {url}\n  - url: {url}\n    \
         send_resolved: false\n"
    );
    Receivers::read("am.yml", &text, Path::new(".")).expect("it is well formed")
}

fn resolved(mut notice: GroupNotice) -> GroupNotice {
    for alert in &mut notice.alerts {
        alert.firing = false;
    }
    notice.reason = NoticeReason::AllResolved;
    notice
}

#[tokio::test]
async fn a_group_is_told_in_order_and_proves_itself_on_its_incidents() {
    let (mut bench, receiver) = (Bench::new().await, Receiver::start([]));
    bench.receivers = receivers(&receiver.url("hook"));
    let running = bench.run(vec![]).await;
    put_group(&running.outbox, &sample()).await;
    receiver.wait_for(1).await;
    running.settled().await;
    put_group(&running.outbox, &resolved(sample())).await;
    let rows = running.settled().await;
    assert!(rows.iter().all(|row| row.state == Delivered), "{rows:?}");
    let seen = receiver.seen();
    let statuses: Vec<_> = seen.iter().map(|it| it.body["status"].clone()).collect();
    assert_eq!(statuses, ["firing", "resolved"]);
    assert_eq!(seen[0].body["groupKey"], "{}:{alertname=\"Down\"}");
    let of_incident = running.outbox.deliveries(Some("inc-1"), 10).await;
    assert_eq!(of_incident.expect("it reads").len(), 2);
    assert_eq!(bench.told.all()[0].incidents, ["inc-1"]);
    running.stop().await;
}

#[tokio::test]
async fn what_is_resolved_is_left_out_where_it_is_not_asked_for() {
    let (mut bench, receiver) = (Bench::new().await, Receiver::start([]));
    bench.receivers = receivers(&receiver.url("hook"));
    let running = bench.run(vec![]).await;
    let second = GroupNotice {
        integration: 1,
        ..sample()
    };
    put_group(&running.outbox, &second).await;
    put_group(&running.outbox, &resolved(second)).await;
    running.settled().await;
    let seen = receiver.wait_for(1).await;
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].body["alerts"].as_array().map(Vec::len), Some(1));
    running.stop().await;
}

#[tokio::test]
async fn what_was_not_sent_is_superseded() {
    let (mut bench, receiver) = (Bench::new().await, Receiver::start([]));
    bench.receivers = receivers(&receiver.url("hook"));
    let outbox = bench.open(vec![]).await;
    put_group(&outbox, &sample()).await;
    put_group(&outbox, &sample()).await;
    let states: Vec<_> = deliveries(&outbox)
        .await
        .iter()
        .map(|it| it.state)
        .collect();
    assert_eq!(states, [Queued, Dropped]);
    put_group(&outbox, &resolved(sample())).await;
    let rows = deliveries(&outbox).await;
    assert!(rows.iter().all(|row| row.state == Dropped), "{rows:?}");
}

#[tokio::test]
async fn receivers_are_replaced_while_it_runs() {
    let (mut bench, old) = (Bench::new().await, Receiver::start([]));
    bench.receivers = receivers(&old.url("hook"));
    let running = bench.run(vec![]).await;
    put_group(&running.outbox, &sample()).await;
    old.wait_for(1).await;
    running.settled().await;
    let new = Receiver::start([]);
    let replaced = running.outbox.set_receivers(&receivers(&new.url("hook")));
    replaced.expect("they are put in use");
    put_group(&running.outbox, &resolved(sample())).await;
    let seen = new.wait_for(1).await;
    assert_eq!(seen[0].body["status"], "resolved");
    running.settled().await;
    assert_eq!(old.seen().len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn what_is_of_a_kind_that_is_not_spoken_goes_to_the_fallback() {
    let (mut bench, works) = (Bench::new().await, Receiver::start([]));
    let text = "receivers:\n- name: team\n  sns_configs:\n  - topic_arn: a\n";
    let read = Receivers::read("am.yml", text, Path::new("."));
    bench.receivers = read.expect("it is well formed");
    let general = DestinationConfig {
        standby: true,
        for_all: true,
        ..webhook("general", works.url("hook"))
    };
    let running = bench.run(vec![general]).await;
    put_group(&running.outbox, &sample()).await;
    let seen = works.wait_for(1).await;
    let alerts = seen[0].body["alerts"].as_array().expect("alerts");
    assert_eq!(alerts.len(), 2);
    put_group(&running.outbox, &resolved(sample())).await;
    let seen = works.wait_for(2).await;
    assert_eq!(seen[1].body["status"], "resolved");
    let rows = running.settled().await;
    let lost: Vec<_> = rows.iter().filter(|row| row.kind == "sns").collect();
    assert!(lost.iter().all(|row| row.state == Dropped), "{lost:?}");
    let reason = lost[0].error.as_deref();
    assert_eq!(reason, Some("receivers of kind sns are not supported"));
    let counted =
        "watchfire_notify_dropped_total{destination=\"team/sns/0\",reason=\"unsupported\"} 2";
    assert!(running.metrics().contains(counted));
    running.stop().await;
}
