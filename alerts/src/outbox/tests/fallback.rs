//! Who is told while a destination does not work, what died, and what is tried.

use sqlx::Row;

use crate::DeliveryState::{Dead, Delivered};
use crate::DestinationConfig;
use crate::notification::EventAction::{Resolve, Trigger};

use super::bench::{Bench, KEY, deliveries, message, pagerduty, put, slack, until, webhook};
use super::receiver::{Receiver, Step};

fn backed(destination: DestinationConfig, fallback: &str) -> DestinationConfig {
    DestinationConfig {
        fallback: Some(fallback.to_owned()),
        ..destination
    }
}

fn standby(destination: DestinationConfig) -> DestinationConfig {
    DestinationConfig {
        standby: true,
        ..destination
    }
}

#[tokio::test]
async fn while_a_breaker_is_open_the_fallback_is_told_and_hears_of_the_end() {
    let (bench, broken, works) = (Bench::new().await, Receiver::start([]), Receiver::start([]));
    broken.always(Step::status(500));
    let running = bench
        .run(vec![
            backed(pagerduty("pd", KEY, broken.url("pd")), "mail"),
            standby(webhook("mail", works.url("mail"))),
        ])
        .await;
    assert_eq!(running.outbox.destination_names(), ["pd"]);
    put(&running.outbox, &[message("pd", "a", Trigger)]).await;
    let told = works.wait_for(1).await;
    assert_eq!(told[0].body["status"], "firing");
    until("it says for whom", async || {
        let told = bench.told.all();
        told.iter().any(|it| it.instead_of.as_deref() == Some("pd"))
    })
    .await;
    broken.always(Step::OK);
    put(&running.outbox, &[message("pd", "a", Resolve)]).await;
    running.settled().await;
    let told = works.wait_for(2).await;
    assert_eq!(told[1].body["status"], "resolved");
    assert_eq!(told.len(), 2, "nothing came twice");
    let last = broken.seen().pop().expect("it was asked");
    assert_eq!(last.body["event_action"], "resolve");
    running.stop().await;
}

#[tokio::test]
async fn what_dies_goes_to_the_fallback_and_can_be_sent_again() {
    let (bench, gone, works) = (Bench::new().await, Receiver::start([]), Receiver::start([]));
    gone.always(Step::status(410));
    let config = vec![
        backed(webhook("hook", gone.url("hook")), "chat"),
        standby(slack("chat", works.url("chat"))),
    ];
    let running = bench.run(config).await;
    put(&running.outbox, &[message("hook", "a", Trigger)]).await;
    works.wait_for(1).await;
    let dead = running.outbox.dead_letters(10).await.expect("it reads");
    assert_eq!((dead.len(), dead[0].state), (1, Dead));
    assert!(
        running
            .metrics()
            .contains("watchfire_notify_failovers_total{destination=\"hook\"} 1")
    );
    gone.always(Step::OK);
    let again = running.outbox.send_again(dead[0].id).await;
    assert!(again.expect("it writes"));
    until("it is delivered", async || {
        let known = running.outbox.delivery(dead[0].id).await;
        let known = known.expect("it reads").expect("it is there");
        known.state == Delivered
    })
    .await;
    let twice = running.outbox.send_again(dead[0].id).await;
    assert!(!twice.expect("it reads"), "only what is dead is sent again");
    running.stop().await;
}

#[tokio::test]
async fn who_is_told_anyway_does_not_stand_in() {
    let (bench, gone, works) = (Bench::new().await, Receiver::start([]), Receiver::start([]));
    gone.always(Step::status(404));
    let running = bench
        .run(vec![
            backed(webhook("hook", gone.url("hook")), "chat"),
            slack("chat", works.url("chat")),
        ])
        .await;
    let both = [message("chat", "a", Trigger), message("hook", "a", Trigger)];
    put(&running.outbox, &both).await;
    running.settled().await;
    assert_eq!(works.seen().len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn a_test_goes_by_the_real_way_and_leaves_nothing_open() {
    let (bench, receiver) = (Bench::new().await, Receiver::start([]));
    let running = bench
        .run(vec![pagerduty("pd", KEY, receiver.url("pd"))])
        .await;
    let sent = running.outbox.test("pd", "http://w.example").await;
    assert_eq!(sent.expect("it writes").expect("it is there").len(), 2);
    let seen = receiver.wait_for(2).await;
    let actions: Vec<_> = seen
        .iter()
        .map(|it| it.body["event_action"].clone())
        .collect();
    assert_eq!(actions, ["trigger", "resolve"]);
    assert_eq!(seen[0].body["payload"]["severity"], "info");
    let missing = running.outbox.test("other", "").await;
    assert!(missing.expect("it reads").is_none());
    running.stop().await;
}

#[tokio::test]
async fn what_is_long_over_is_forgotten_but_not_what_is_open() {
    let (bench, receiver) = (Bench::new().await, Receiver::start([]));
    let running = bench.run(vec![webhook("hook", receiver.url("hook"))]).await;
    put(
        &running.outbox,
        &[message("hook", "a", Trigger), message("hook", "b", Trigger)],
    )
    .await;
    running.settled().await;
    put(&running.outbox, &[message("hook", "b", Resolve)]).await;
    running.settled().await;
    running.stop().await;
    sqlx::query("UPDATE outbox SET queued_at = 0")
        .execute(&bench.pool)
        .await
        .expect("it writes");
    let running = bench.run(vec![webhook("hook", receiver.url("hook"))]).await;
    until("it is tidied up", async || {
        deliveries(&running.outbox).await.len() == 1
    })
    .await;
    assert_eq!(deliveries(&running.outbox).await[0].incident, "a");
    put(&running.outbox, &[message("hook", "a", Resolve)]).await;
    running.settled().await;
    assert_eq!(
        receiver.seen().len(),
        4,
        "the end of what is open is still told"
    );
    running.stop().await;
}

/// What a database of the version before holds is taken over.
#[tokio::test]
async fn an_older_outbox_is_taken_over() {
    let dir = tempfile::TempDir::new().expect("a directory");
    let pool = crate::migrations::database_until(dir.path(), 3).await;
    sqlx::raw_sql(
        "INSERT INTO outbox (incident_id, destination, kind, dedup_key, seq, action, body, state,
                             attempts, queued_at, due_at, not_before, deadline)
         VALUES ('i', 'hook', 'webhook', 'watchfire-i', 1, 'trigger', '{}', 'queued', 2, 1, 1, 1, 9)",
    )
    .execute(&pool)
    .await
    .expect("it is written");
    crate::migrations::run_from(&pool, 4).await;
    let row = sqlx::query("SELECT state, attempts, source FROM outbox WHERE id = 1")
        .fetch_one(&pool)
        .await
        .expect("it is there");
    assert_eq!(row.get::<String, _>("state"), "queued");
    assert_eq!(row.get::<i64, _>("attempts"), 2);
}
