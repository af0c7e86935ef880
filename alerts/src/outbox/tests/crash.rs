use std::time::Duration;

use watchfire_schemas::{Clock, SystemClock};

use crate::DeliveryState::{Dead, Delivered, Queued};
use crate::notification::EventAction::{Resolve, Trigger};

use super::bench::{Bench, KEY, deliveries, message, pagerduty, put, webhook};
use super::receiver::{Receiver, Request, Step};

#[tokio::test]
async fn killed_between_commit_and_send_it_is_sent_after_the_restart() {
    let (bench, receiver) = (Bench::new().await, Receiver::start([]));
    let config = vec![pagerduty("pd", KEY, receiver.url("pd"))];
    let outbox = bench.open(config.clone()).await;
    put(&outbox, &[message("pd", "a", Trigger)]).await;
    drop(outbox);
    assert_eq!(receiver.seen().len(), 0);
    let running = bench.run(config).await;
    let rows = running.settled().await;
    assert_eq!((rows[0].state, rows[0].attempts), (Delivered, 1));
    assert_eq!(receiver.seen().len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn killed_between_send_and_mark_it_is_sent_once_more_and_in_order() {
    let hang = Step::Hang(Duration::from_millis(250));
    let (bench, receiver) = (Bench::new().await, Receiver::start([hang]));
    let config = vec![pagerduty("pd", KEY, receiver.url("pd"))];
    let running = bench.run(config.clone()).await;
    put(&running.outbox, &[message("pd", "a", Trigger)]).await;
    receiver.wait_for(1).await;
    running.kill().await;

    let outbox = bench.open(config.clone()).await;
    let rows = deliveries(&outbox).await;
    assert_eq!((rows[0].state, rows[0].attempts), (Queued, 1));
    // It may have been sent, so a resolve must follow rather than make it vanish.
    put(&outbox, &[message("pd", "a", Resolve)]).await;
    drop(outbox);

    let running = bench.run(config).await;
    let rows = running.settled().await;
    assert!(rows.iter().all(|row| row.state == Delivered));
    running.stop().await;
    let seen = receiver.seen();
    let actions: Vec<_> = seen
        .iter()
        .map(|it| it.body["event_action"].clone())
        .collect();
    assert_eq!(actions, ["trigger", "trigger", "resolve"]);
    assert_eq!(seen[0].raw, seen[1].raw, "the second one is the same bytes");
}

#[tokio::test]
async fn killed_at_any_moment_nothing_is_lost_and_little_is_doubled() {
    let (bench, receiver) = (Bench::new().await, Receiver::start([]));
    let config = vec![webhook("hook", receiver.url("hook"))];
    let rows: Vec<_> = (0..40)
        .map(|n| message("hook", &format!("i{n}"), Trigger))
        .collect();
    let mut kills = 0;
    let first = bench.run(config.clone()).await;
    put(&first.outbox, &rows).await;
    first.kill().await;
    for pause in [1, 2, 3, 5, 8, 13] {
        let running = bench.run(config.clone()).await;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        running.kill().await;
        kills += 1;
    }
    let running = bench.run(config).await;
    let rows = running.settled().await;
    running.stop().await;
    assert!(rows.iter().all(|row| row.state == Delivered));
    let seen = receiver.seen();
    for row in &rows {
        let dedup_key = format!("watchfire-{}", row.incident);
        let id = format!("webhook-id: {dedup_key}-1");
        let came = |request: &&Request| request.head.lines().any(|line| line == id);
        let times = seen.iter().filter(came).count();
        assert!(
            (1..=row.attempts as usize).contains(&times),
            "{row:?} {times}"
        );
    }
    // At most those that were under way at a kill come twice.
    assert!(seen.len() <= 40 + 4 * (kills + 1), "{} came", seen.len());
}

#[tokio::test]
async fn stopping_in_order_finishes_what_is_under_way() {
    let (bench, receiver) = (Bench::new().await, Receiver::start([]));
    let running = bench.run(vec![webhook("hook", receiver.url("hook"))]).await;
    put(&running.outbox, &[message("hook", "a", Trigger)]).await;
    receiver.wait_for(1).await;
    let outbox = running.outbox.clone();
    running.stop().await;
    assert_eq!(deliveries(&outbox).await[0].state, Delivered);
}

#[tokio::test]
async fn what_waits_for_a_destination_that_is_gone_is_shown_and_comes_back() {
    let (mut bench, receiver) = (Bench::new().await, Receiver::start([]));
    let config = vec![webhook("hook", receiver.url("hook"))];
    let outbox = bench.open(config.clone()).await;
    let mut waits = message("hook", "a", Trigger);
    waits.not_before = SystemClock.now() + Duration::from_millis(300);
    put(&outbox, &[waits]).await;
    let without = bench.open(vec![]).await;
    assert_eq!(without.destination_names(), Vec::<String>::new());
    let status = &without.destinations().await.unwrap()[0];
    assert_eq!((status.name.as_str(), status.queued), ("hook", 1));
    let error = status.last_error.as_deref();
    assert_eq!(error, Some("the destination is no longer configured"));

    let running = bench.run(config.clone()).await;
    assert_eq!(running.settled().await[0].state, Delivered);
    running.stop().await;

    bench.pace.retry.give_up_after = Duration::ZERO;
    let outbox = bench.open(config).await;
    put(&outbox, &[message("hook", "b", Trigger)]).await;
    let without = bench.open(vec![]).await;
    assert_eq!(deliveries(&without).await[0].state, Dead);
}
