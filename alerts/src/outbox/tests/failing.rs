use std::time::Duration;

use crate::DeliveryState::{Dead, Delivered, Queued};
use crate::notification::EventAction::{Resolve, Trigger};
use crate::outbox::bucket::Rate;

use super::bench::{Bench, KEY, deliveries, message, pagerduty, put, slack, until, webhook};
use super::receiver::{Receiver, Step};

async fn check_delivered_through(script: Vec<Step>) {
    let attempts = script.len() as u32 + 1;
    let (mut bench, receiver) = (Bench::new().await, Receiver::start(script.clone()));
    if script.iter().any(|step| matches!(step, Step::Hang(_))) {
        bench.pace.timeouts.total = Duration::from_millis(500);
    }
    let running = bench.run(vec![webhook("hook", receiver.url("hook"))]).await;
    put(&running.outbox, &[message("hook", "a", Trigger)]).await;
    let rows = running.settled().await;
    assert_eq!(
        (rows[0].state, rows[0].attempts),
        (Delivered, attempts),
        "{script:?}"
    );
    assert_eq!((rows[0].http_status, &rows[0].error), (Some(200), &None));
    let told = bench.told.all();
    assert_eq!(told.len(), attempts as usize);
    let (last, earlier) = told.split_last().expect("it was told");
    assert!(last.is_final && last.error.is_none());
    assert!(earlier.iter().all(|it| !it.is_final && it.error.is_some()));
    running.stop().await;
}

#[tokio::test]
async fn every_passing_failure_is_outlived() {
    let hang = Step::Hang(Duration::from_secs(2));
    check_delivered_through(vec![Step::status(500), Step::status(503)]).await;
    check_delivered_through(vec![
        Step::status(408),
        Step::status(425),
        Step::status(429),
    ])
    .await;
    check_delivered_through(vec![hang, Step::Reset, Step::Reset]).await;
}

#[tokio::test]
async fn retry_after_holds_for_the_whole_destination() {
    let limited = Step::Answer(429, "retry-after: 1\r\n", "");
    let (bench, receiver) = (Bench::new().await, Receiver::start([limited]));
    let running = bench
        .run(vec![pagerduty("pd", KEY, receiver.url("pd"))])
        .await;
    put(&running.outbox, &[message("pd", "a", Trigger)]).await;
    let first = receiver.wait_for(1).await[0].at;
    until("the limit is known", async || {
        deliveries(&running.outbox).await[0].http_status == Some(429)
    })
    .await;
    put(&running.outbox, &[message("pd", "b", Trigger)]).await;
    running.settled().await;
    let seen = receiver.seen();
    assert_eq!(seen.len(), 3);
    for request in &seen[1..] {
        assert!(
            request.at - first >= Duration::from_secs(1),
            "it came too early"
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn retry_after_in_slacks_body_is_obeyed_over_a_restart() {
    let body = r#"{"retry_after":1,"ok":false,"error":"rate_limited"}"#;
    let limited = Step::Answer(429, "", body);
    let (bench, receiver) = (Bench::new().await, Receiver::start([limited]));
    let config = vec![slack("chat", receiver.url("slack"))];
    let before = bench.run(config.clone()).await;
    put(&before.outbox, &[message("chat", "a", Trigger)]).await;
    let first = receiver.wait_for(1).await[0].at;
    before.stop().await;
    let running = bench.run(config).await;
    put(&running.outbox, &[message("chat", "b", Trigger)]).await;
    running.settled().await;
    for request in &receiver.wait_for(3).await[1..] {
        // A few milliseconds pass between the request and the reading of its answer.
        assert!(
            request.at - first >= Duration::from_millis(995),
            "it came too early"
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn a_refused_message_is_dead_and_the_next_one_is_sent() {
    let body = r#"{"status":"invalid event","errors":["'payload.source' is missing"]}"#;
    let (bench, receiver) = (
        Bench::new().await,
        Receiver::start([Step::Answer(400, "", body)]),
    );
    let running = bench
        .run(vec![pagerduty("pd", KEY, receiver.url("pd"))])
        .await;
    put(&running.outbox, &[message("pd", "a", Trigger)]).await;
    running.settled().await;
    put(&running.outbox, &[message("pd", "b", Trigger)]).await;
    let rows = running.settled().await;
    assert_eq!((rows[0].state, rows[0].attempts), (Dead, 1));
    let error = rows[0].error.as_deref();
    assert_eq!(error, Some("HTTP 400: 'payload.source' is missing"));
    assert_eq!(rows[1].state, Delivered);
    let status = &running.outbox.destinations().await.unwrap()[0];
    assert_eq!((status.dead, status.delivered, status.queued), (1, 1, 0));
    assert_eq!(status.last_error.as_deref(), error);
    assert!(!status.breaker_open);
    running.stop().await;
}

#[tokio::test]
async fn a_dead_hook_opens_the_breaker_and_a_probe_closes_it() {
    let gone = Step::Answer(404, "", "no_active_hooks");
    let (mut bench, receiver) = (Bench::new().await, Receiver::start([gone]));
    bench.pace.breaker.first_wait = Duration::from_millis(400);
    let running = bench.run(vec![slack("chat", receiver.url("slack"))]).await;
    put(&running.outbox, &[message("chat", "a", Trigger)]).await;
    let rows = running.settled().await;
    assert_eq!(rows[0].error.as_deref(), Some("HTTP 404: no_active_hooks"));
    let first = receiver.seen()[0].at;
    assert!(running.outbox.destinations().await.unwrap()[0].breaker_open);
    put(&running.outbox, &[message("chat", "b", Trigger)]).await;
    let rows = running.settled().await;
    assert_eq!(rows[1].state, Delivered);
    assert!(receiver.seen()[1].at - first >= Duration::from_millis(395));
    assert!(!running.outbox.destinations().await.unwrap()[0].breaker_open);
    running.stop().await;
}

#[tokio::test]
async fn a_receiver_that_is_dead_for_a_while_gets_all_of_it_in_order() {
    let bench = Bench::new().await;
    let reserved = Receiver::reserve();
    let url = format!("http://{}/pd", reserved.local_addr().expect("it is bound"));
    let running = bench.run(vec![pagerduty("pd", KEY, url)]).await;
    put(
        &running.outbox,
        &[message("pd", "a", Trigger), message("pd", "b", Trigger)],
    )
    .await;
    until("both were tried and the breaker is open", async || {
        let tried = deliveries(&running.outbox)
            .await
            .iter()
            .all(|row| row.error.is_some());
        tried && running.outbox.destinations().await.unwrap()[0].breaker_open
    })
    .await;
    let waiting = deliveries(&running.outbox).await;
    assert!(waiting.iter().all(|row| row.state == Queued));
    assert!(
        waiting
            .iter()
            .all(|row| row.error.as_deref() == Some("connection refused"))
    );
    put(&running.outbox, &[message("pd", "a", Resolve)]).await;
    let receiver = Receiver::listen(reserved, []);
    let rows = running.settled().await;
    assert!(rows.iter().all(|row| row.state == Delivered));
    let seen = receiver.seen();
    let of_a = seen
        .iter()
        .filter(|request| request.body["dedup_key"] == "watchfire-a");
    let actions: Vec<_> = of_a
        .map(|request| request.body["event_action"].clone())
        .collect();
    assert_eq!(actions, ["trigger", "resolve"]);
    running.stop().await;
}

#[tokio::test]
async fn a_slow_destination_delays_no_other() {
    let mut bench = Bench::new().await;
    bench.pace.timeouts.total = Duration::from_mins(1);
    let (slow, quick) = (Receiver::start([]), Receiver::start([]));
    slow.always(Step::Hang(Duration::from_mins(1)));
    let running = bench
        .run(vec![
            webhook("slow", slow.url("hook")),
            pagerduty("quick", KEY, quick.url("pd")),
        ])
        .await;
    for incident in ["a", "b", "c", "d", "e", "f"] {
        put(&running.outbox, &[message("slow", incident, Trigger)]).await;
    }
    slow.wait_for(4).await;
    put(&running.outbox, &[message("quick", "a", Trigger)]).await;
    quick.wait_for(1).await;
    assert_eq!(slow.seen().len(), 4, "the slow ones are still under way");
    running.kill().await;
}

#[tokio::test]
async fn a_message_is_given_up_when_its_time_is_over() {
    let (mut bench, receiver) = (Bench::new().await, Receiver::start([]));
    bench.pace.retry.give_up_after = Duration::from_millis(150);
    receiver.always(Step::status(503));
    let running = bench.run(vec![webhook("hook", receiver.url("hook"))]).await;
    put(&running.outbox, &[message("hook", "a", Trigger)]).await;
    let rows = running.settled().await;
    assert_eq!(rows[0].state, Dead);
    let error = rows[0].error.as_deref().expect("a reason");
    assert!(error.starts_with("given up after "), "{error}");
    assert!(
        bench
            .told
            .all()
            .last()
            .is_some_and(|it| it.is_final && it.error.is_some())
    );
    running.stop().await;
}

#[tokio::test]
async fn the_rate_is_kept() {
    let (mut bench, receiver) = (Bench::new().await, Receiver::start([]));
    bench.pace.rate = Some(Rate {
        per_second: 20.0,
        burst: 2.0,
    });
    let running = bench.run(vec![webhook("hook", receiver.url("hook"))]).await;
    let rows: Vec<_> = (0..8)
        .map(|n| message("hook", &format!("i{n}"), Trigger))
        .collect();
    put(&running.outbox, &rows).await;
    running.settled().await;
    let seen = receiver.seen();
    let spread = seen[7].at - seen[0].at;
    // Six tokens take 300 ms; on a busy machine the first request may arrive late.
    assert!(
        spread >= Duration::from_millis(150),
        "8 of which 2 at once in {spread:?}"
    );
    running.stop().await;
}

#[tokio::test]
async fn the_meters_count_what_happened() {
    let script = vec![
        Step::status(500),
        Step::status(429),
        Step::OK,
        Step::status(401),
    ];
    let (bench, receiver) = (Bench::new().await, Receiver::start(script));
    let running = bench.run(vec![webhook("hook", receiver.url("hook"))]).await;
    put(&running.outbox, &[message("hook", "a", Trigger)]).await;
    running.settled().await;
    put(
        &running.outbox,
        &[message("hook", "b", Trigger), message("hook", "c", Resolve)],
    )
    .await;
    running.settled().await;
    let lines = [
        r#"watchfire_notify_attempts_total{destination="hook"} 4"#,
        r#"watchfire_notify_delivered_total{destination="hook"} 1"#,
        r#"watchfire_notify_failures_total{destination="hook",reason="server_error"} 1"#,
        r#"watchfire_notify_failures_total{destination="hook",reason="rate_limited"} 1"#,
        r#"watchfire_notify_failures_total{destination="hook",reason="auth"} 1"#,
        r#"watchfire_notify_failures_total{destination="hook",reason="timeout"} 0"#,
        r#"watchfire_notify_dead_total{destination="hook",reason="auth"} 1"#,
        r#"watchfire_notify_dropped_total{destination="hook",reason="nothing_sent"} 1"#,
        r#"watchfire_notify_queue_depth{destination="hook"} 0"#,
        r#"watchfire_notify_breaker_state{destination="hook"} 2"#,
        r#"watchfire_notify_latency_seconds_count{destination="hook"} 1"#,
    ];
    for line in lines {
        until(line, async || {
            running.metrics().lines().any(|it| it == line)
        })
        .await;
    }
    running.stop().await;
}
