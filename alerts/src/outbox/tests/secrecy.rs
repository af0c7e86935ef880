use sqlx::Row;

use crate::notification::EventAction::Trigger;

use super::bench::{Bench, KEY, message, pagerduty, put, slack, until, webhook};
use super::receiver::{Receiver, Step};

const HUSH: &str = "Xhushhushhush";

/// Everything in the outbox, as text.
async fn stored(bench: &Bench) -> String {
    let rows = sqlx::query("SELECT json_array(id, body, key_id, reason, error, state) FROM outbox")
        .fetch_all(&bench.pool)
        .await
        .expect("it reads");
    rows.iter().map(|row| row.get::<String, _>(0)).collect()
}

/// A receiver that repeats what it was sent in its error.
#[tokio::test]
async fn no_secret_is_stored_shown_or_told() {
    const ECHO: &str = r#"{"ok":false,"error":"no hook services/T0/B0/Xhushhushhush here",
        "message":"key 0123456789abcdef0123456789ABCDEF is unknown"}"#;
    let (bench, receiver) = (Bench::new().await, Receiver::start([]));
    receiver.always(Step::Answer(400, "", ECHO));
    let path = format!("services/T0/B0/{HUSH}");
    let running = bench
        .run(vec![
            pagerduty("pd", KEY, receiver.url("pd")),
            slack("chat", receiver.url(&path)),
            webhook("hook", receiver.url(&path)),
            slack("nowhere", format!("http://127.0.0.1:1/{path}")),
        ])
        .await;
    for name in ["pd", "chat", "hook", "nowhere"] {
        put(&running.outbox, &[message(name, "a", Trigger)]).await;
    }
    until("all have failed", async || {
        let rows = running.outbox.deliveries(None, 10).await.expect("it reads");
        rows.iter().all(|row| row.error.is_some())
    })
    .await;
    let deliveries = running.outbox.deliveries(None, 10).await.expect("it reads");
    assert!(
        deliveries.iter().all(|row| row.error.is_some()),
        "{deliveries:?}"
    );
    let echoed = deliveries.iter().find(|row| row.destination == "chat");
    let error = echoed.and_then(|row| row.error.as_deref());
    assert_eq!(error, Some("HTTP 400: no hook [redacted] here"));
    let shown = format!(
        "{deliveries:?} {:?} {:?} {:?} {} {}",
        running.outbox.destinations().await.expect("it reads"),
        bench.told.all(),
        running.outbox,
        stored(&bench).await,
        running.metrics(),
    );
    for secret in [HUSH, KEY, "hushhush", "aHVzaGh1c2g"] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
    running.kill().await;
}

#[tokio::test]
async fn a_redirection_is_not_followed_with_the_key() {
    let (bench, elsewhere) = (Bench::new().await, Receiver::start([]));
    let location = format!("location: http://{}/\r\n", elsewhere.address);
    let step = Step::Answer(307, location.leak(), "");
    let receiver = Receiver::start([step]);
    let running = bench
        .run(vec![pagerduty("pd", KEY, receiver.url("pd"))])
        .await;
    put(&running.outbox, &[message("pd", "a", Trigger)]).await;
    let rows = running.settled().await;
    assert_eq!(rows[0].error.as_deref(), Some("HTTP 307"));
    assert_eq!(elsewhere.seen().len(), 0);
    running.stop().await;
}

#[tokio::test]
async fn a_webhook_is_signed_over_its_bytes() {
    let (bench, receiver) = (Bench::new().await, Receiver::start([]));
    let running = bench.run(vec![webhook("hook", receiver.url("hook"))]).await;
    put(&running.outbox, &[message("hook", "a", Trigger)]).await;
    let request = &receiver.wait_for(1).await[0];
    let header = |name: &str| {
        let line = request
            .head
            .lines()
            .find_map(|line| line.strip_prefix(name));
        line.expect("the header is there").trim().to_owned()
    };
    assert_eq!(request.path, "/hook");
    assert_eq!(header("webhook-id:"), "watchfire-a-1");
    let at: i64 = header("webhook-timestamp:").parse().expect("seconds");
    let secret = "hushhush".into();
    let expected = crate::notify::sign(&[secret], "watchfire-a-1", at, &request.raw);
    assert_eq!(header("webhook-signature:"), expected.to_lowercase());
    running.stop().await;
}
