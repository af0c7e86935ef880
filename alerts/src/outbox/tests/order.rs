use std::time::Duration;

use watchfire_schemas::{Clock, SystemClock};

use crate::DeliveryState::{self, Delivered, Dropped};
use crate::notification::EventAction::{self, Acknowledge, Resolve, Trigger};

use super::bench::{Bench, KEY, deliveries, message, pagerduty, put, slack, webhook};
use super::receiver::{Receiver, Step};

fn actions(seen: &[super::receiver::Request]) -> Vec<&str> {
    seen.iter()
        .map(|request| request.body["event_action"].as_str().expect("a text"))
        .collect()
}

#[tokio::test]
async fn a_row_is_only_there_if_its_transaction_is() {
    let (bench, receiver) = (Bench::new().await, Receiver::start([]));
    let outbox = bench
        .open(vec![pagerduty("pd", KEY, receiver.url("pd"))])
        .await;
    let mut tx = bench.pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let row = message("pd", "a", Trigger);
    outbox.enqueue(&mut tx, &[row]).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(deliveries(&outbox).await, []);
}

#[tokio::test]
async fn all_three_actions_come_in_order_and_are_told_of() {
    let (bench, receiver) = (Bench::new().await, Receiver::start([]));
    let running = bench
        .run(vec![pagerduty("pd", KEY, receiver.url("pd"))])
        .await;
    for action in [Trigger, Acknowledge, Resolve] {
        put(&running.outbox, &[message("pd", "a", action)]).await;
        running.settled().await;
    }
    let seen = receiver.wait_for(3).await;
    assert_eq!(actions(&seen), ["trigger", "acknowledge", "resolve"]);
    for request in &seen {
        assert_eq!(request.body["routing_key"], KEY);
        assert_eq!(request.body["dedup_key"], "watchfire-a");
    }
    let told = bench.told.all();
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|it| it.is_final && it.error.is_none()));
    assert_eq!(told[0].answer.as_deref(), Some("HTTP 200"));
    running.stop().await;
}

#[tokio::test]
async fn a_failing_trigger_holds_back_its_resolve_and_no_other_incident() {
    let script = vec![Step::status(500), Step::OK];
    let (bench, receiver) = (Bench::new().await, Receiver::start(script));
    let running = bench
        .run(vec![pagerduty("pd", KEY, receiver.url("pd"))])
        .await;
    put(&running.outbox, &[message("pd", "a", Trigger)]).await;
    receiver.wait_for(1).await;
    put(
        &running.outbox,
        &[message("pd", "a", Resolve), message("pd", "b", Trigger)],
    )
    .await;
    running.settled().await;
    let seen = receiver.wait_for(4).await;
    let of_a: Vec<_> = seen
        .iter()
        .filter(|request| request.body["dedup_key"] == "watchfire-a")
        .cloned()
        .collect();
    assert_eq!(actions(&of_a), ["trigger", "trigger", "resolve"]);
    assert_eq!(of_a[0].raw, of_a[1].raw, "a retry is the same bytes");
    running.stop().await;
}

async fn check_states(
    earlier: &[EventAction],
    later: EventAction,
    expected: &[(&str, DeliveryState)],
) {
    let (bench, receiver) = (Bench::new().await, Receiver::start([]));
    let outbox = bench
        .open(vec![pagerduty("pd", KEY, receiver.url("pd"))])
        .await;
    for action in earlier.iter().chain([&later]) {
        put(&outbox, &[message("pd", "a", *action)]).await;
    }
    let mut all = deliveries(&outbox).await;
    all.reverse();
    let states: Vec<_> = all
        .iter()
        .map(|row| (row.action.as_str(), row.state))
        .collect();
    assert_eq!(states, expected);
    for row in all.iter().filter(|row| row.state == Dropped) {
        assert!(row.error.is_some(), "it is noted why");
    }
}

#[tokio::test]
async fn what_was_never_sent_is_superseded() {
    let queued = DeliveryState::Queued;
    check_states(
        &[Trigger],
        Resolve,
        &[("trigger", Dropped), ("resolve", Dropped)],
    )
    .await;
    check_states(
        &[Trigger],
        Trigger,
        &[("trigger", Dropped), ("trigger", queued)],
    )
    .await;
    check_states(
        &[Trigger],
        Acknowledge,
        &[("trigger", queued), ("acknowledge", queued)],
    )
    .await;
    check_states(
        &[Trigger, Acknowledge],
        Resolve,
        &[
            ("trigger", Dropped),
            ("acknowledge", Dropped),
            ("resolve", Dropped),
        ],
    )
    .await;
    check_states(&[], Resolve, &[("resolve", Dropped)]).await;
    check_states(&[], Acknowledge, &[("acknowledge", Dropped)]).await;
}

#[tokio::test]
async fn a_resolve_during_the_first_attempt_is_sent_after_it() {
    let hang = Step::Hang(Duration::from_millis(150));
    let (bench, receiver) = (Bench::new().await, Receiver::start([hang]));
    let running = bench
        .run(vec![pagerduty("pd", KEY, receiver.url("pd"))])
        .await;
    put(&running.outbox, &[message("pd", "a", Trigger)]).await;
    receiver.wait_for(1).await;
    put(&running.outbox, &[message("pd", "a", Resolve)]).await;
    let rows = running.settled().await;
    assert!(rows.iter().all(|row| row.state == Delivered), "{rows:?}");
    let seen = receiver.seen();
    assert_eq!(actions(&seen), ["trigger", "trigger", "resolve"]);
    running.stop().await;
}

#[tokio::test]
async fn nothing_is_sent_before_its_time() {
    let (bench, receiver) = (Bench::new().await, Receiver::start([]));
    let running = bench.run(vec![slack("chat", receiver.url("slack"))]).await;
    let put_at = tokio::time::Instant::now();
    let mut row = message("chat", "a", Trigger);
    row.not_before = SystemClock.now() + Duration::from_millis(200);
    put(&running.outbox, &[row]).await;
    let seen = receiver.wait_for(1).await;
    assert!(seen[0].at - put_at >= Duration::from_millis(195));
    running.stop().await;
}

#[tokio::test]
async fn only_pagerduty_is_told_of_an_acknowledgement() {
    let (bench, receiver) = (Bench::new().await, Receiver::start([]));
    let outbox = bench
        .open(vec![
            slack("chat", receiver.url("slack")),
            webhook("hook", receiver.url("hook")),
        ])
        .await;
    for name in ["chat", "hook"] {
        put(
            &outbox,
            &[message(name, "a", Trigger), message(name, "a", Acknowledge)],
        )
        .await;
    }
    let kinds: Vec<_> = deliveries(&outbox)
        .await
        .into_iter()
        .map(|row| row.action)
        .collect();
    assert_eq!(kinds, ["trigger", "trigger"]);
}

#[tokio::test]
async fn a_resolve_goes_to_the_key_of_its_trigger() {
    let other = "ffffffffffffffffffffffffffffffff";
    let (bench, receiver) = (Bench::new().await, Receiver::start([]));
    let url = receiver.url("pd");
    let before = bench.run(vec![pagerduty("pd", KEY, url.clone())]).await;
    put(
        &before.outbox,
        &[message("pd", "a", Trigger), message("pd", "b", Trigger)],
    )
    .await;
    before.settled().await;
    before.stop().await;

    let after = vec![
        pagerduty("pd", other, url.clone()),
        pagerduty("old", KEY, url.clone()),
    ];
    let running = bench.run(after).await;
    put(
        &running.outbox,
        &[message("pd", "a", Resolve), message("pd", "c", Trigger)],
    )
    .await;
    running.settled().await;
    running.stop().await;
    let seen = receiver.wait_for(4).await;
    for request in &seen[2..] {
        let resolve = request.body["event_action"] == "resolve";
        assert_eq!(
            request.body["routing_key"],
            if resolve { KEY } else { other }
        );
    }

    let gone = bench.run(vec![pagerduty("pd", other, url)]).await;
    put(&gone.outbox, &[message("pd", "b", Resolve)]).await;
    let rows = gone.settled().await;
    let last = rows.last().expect("a row");
    assert_eq!((last.state, last.attempts), (DeliveryState::Dead, 0));
    let error = last.error.as_deref();
    assert_eq!(
        error,
        Some("the routing key that the trigger went to is no longer configured")
    );
    assert_eq!(receiver.seen().len(), 4, "nothing went to another key");
    gone.stop().await;
}
