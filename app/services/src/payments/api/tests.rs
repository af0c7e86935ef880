mod contract;
mod receiver;
mod running;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use watchfire_schemas::SpanKind;

use contract::check_answer;
use receiver::{Manner, Receiver};
use running::{Running, settled};

fn order(amount: i64) -> Value {
    json!({
        "amount": amount, "currency": "EUR", "payer": "ann", "payee": "shop",
        "payment_method": "tok_sure", "reference": "order 17",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_goes_its_way_in_one_trace() {
    let running = Running::start(1).await;
    let (status, accepted, trace) = running.send("/v1/payments", "key-1", &order(500)).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{accepted}");
    check_answer(&Method::POST, "/v1/payments", status, &accepted);
    let id = accepted["id"].as_str().unwrap();
    let payment = settled(&running, id, &["captured"]).await;
    check_answer(&Method::GET, "/v1/payments/{id}", StatusCode::OK, &payment);
    running
        .until("it is posted", async || {
            let (_, entries) = running
                .get(&format!("/v1/ledger/entries?payment={id}"))
                .await;
            check_answer(&Method::GET, "/v1/ledger/entries", StatusCode::OK, &entries);
            entries["entries"].as_array().unwrap().len() == 4
        })
        .await;
    let (status, check) = running.get("/v1/ledger/check").await;
    check_answer(&Method::GET, "/v1/ledger/check", status, &check);
    assert_eq!(check["balanced"], true, "{check}");

    let spans = running.stop().await;
    let of_trace = spans
        .iter()
        .filter(|span| span.trace_id.to_string() == trace);
    let told: Vec<(&str, SpanKind, &str)> = of_trace
        .map(|span| (span.service.as_str(), span.kind, span.name.as_str()))
        .collect();
    for expected in [
        ("payments", SpanKind::Server, "POST /v1/payments"),
        ("payments", SpanKind::Producer, "send payments"),
        (
            "payments-worker",
            SpanKind::Consumer,
            "process payment.requested",
        ),
        ("payments-worker", SpanKind::Client, "POST /v1/operations"),
        (
            "payments-worker",
            SpanKind::Consumer,
            "process payment.captured",
        ),
    ] {
        assert!(told.contains(&expected), "{expected:?} is not in {told:?}");
    }
    let attributes = serde_json::to_string(&spans).unwrap();
    assert!(
        !attributes.contains("tok_sure"),
        "a token is told by a span"
    );
}

/// The provider answers, tells by itself, or both at once: whoever is first, the payment's trace is
/// the one that it was asked for in.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_notification_settles_stays_in_the_trace_of_the_payment() {
    let running = Running::start(1).await;
    let mut sent = Vec::new();
    for number in 0..60 {
        let key = format!("key-{number}");
        let (_, accepted, trace) = running.send("/v1/payments", &key, &order(500)).await;
        sent.push((accepted["id"].as_str().unwrap().to_owned(), trace));
    }
    for (id, _) in &sent {
        settled(&running, id, &["captured", "declined"]).await;
    }
    let spans = running.stop().await;
    let traces: Vec<&str> = sent.iter().map(|(_, trace)| trace.as_str()).collect();
    let of = |name: &'static str| spans.iter().filter(move |span| span.name == name);
    let elsewhere = of("process payment.captured")
        .filter(|span| !traces.contains(&&*span.trace_id.to_string()));
    assert_eq!(elsewhere.count(), 0);
    for span in of("settle notification") {
        let linked: Vec<String> = span.links.iter().map(|l| l.trace_id.to_string()).collect();
        assert_eq!(linked.len(), 1, "{span:?}");
        assert!(traces.contains(&&*linked[0]), "{span:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_good_for_one_request() {
    let running = Running::start(1).await;
    let (_, first, _) = running.send("/v1/payments", "key-1", &order(500)).await;
    let (status, again, _) = running.send("/v1/payments", "key-1", &order(500)).await;
    assert_eq!((status, &again), (StatusCode::ACCEPTED, &first));
    let (status, other, _) = running.send("/v1/payments", "key-1", &order(501)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    check_answer(&Method::POST, "/v1/payments", status, &other);
    let (_, listed) = running.get("/v1/payments").await;
    check_answer(&Method::GET, "/v1/payments", StatusCode::OK, &listed);
    assert_eq!(listed["payments"].as_array().unwrap().len(), 1);
    // The day after, the key is as new.
    running.clock.advance(super::super::idempotency::KEPT);
    let (status, new, _) = running.send("/v1/payments", "key-1", &order(501)).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{new}");
    assert_ne!(new["id"], first["id"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_is_held_is_taken_and_given_back_within_bounds() {
    let running = Running::start(1).await;
    let mut manual = order(1000);
    manual["capture"] = "manual".into();
    let (_, payment, _) = running.send("/v1/payments", "key-1", &manual).await;
    let id = payment["id"].as_str().unwrap();
    let route = |what: &str| format!("/v1/payments/{id}/{what}");
    settled(&running, id, &["authorised"]).await;
    let check = async |what: &str, key: &str, amount: i64, expected: StatusCode| {
        let body = json!({ "amount": amount });
        let (status, answer, _) = running.send(&route(what), key, &body).await;
        assert_eq!(status, expected, "{what} {key}: {answer}");
        let route = format!("/v1/payments/{{id}}/{what}");
        check_answer(&Method::POST, &route, status, &answer);
    };
    let (yes, conflict) = (StatusCode::ACCEPTED, StatusCode::CONFLICT);
    let too_much = StatusCode::UNPROCESSABLE_ENTITY;
    check("refunds", "r0", 1, conflict).await;
    check("capture", "c1", 1001, too_much).await;
    check("capture", "c2", 800, yes).await;
    let captured = settled(&running, id, &["captured"]).await;
    assert_eq!(captured["captured"], 800);
    check("cancel", "x1", 800, conflict).await;
    check("refunds", "r1", 801, too_much).await;
    check("refunds", "r2", 500, yes).await;
    check("refunds", "r3", 301, too_much).await;
    check("refunds", "r4", 300, yes).await;
    running
        .until("all is given back", async || {
            let (_, shop) = running.get("/v1/accounts/shop").await;
            let (_, payment) = running.get(&format!("/v1/payments/{id}")).await;
            shop["balance"] == 0 && payment["refunded"] == 800
        })
        .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisonous_event_holds_up_nobody_else() {
    let running = Running::start(1).await;
    let poison = json!({ "service": "payments", "kind": "poison-message" });
    let poison = serde_json::from_value(poison).unwrap();
    running.faults().begin(poison).unwrap();
    let (_, first, _) = running.send("/v1/payments", "key-1", &order(500)).await;
    let letters = async || running.get("/v1/dead-letters").await.1;
    let lies = async || {
        !letters().await["dead_letters"]
            .as_array()
            .unwrap()
            .is_empty()
    };
    running.until("it is set aside", lies).await;
    let listed = letters().await;
    check_answer(&Method::GET, "/v1/dead-letters", StatusCode::OK, &listed);
    assert_eq!(listed["dead_letters"][0]["payment"], first["id"]);
    let (_, second, _) = running.send("/v1/payments", "key-2", &order(500)).await;
    settled(&running, second["id"].as_str().unwrap(), &["captured"]).await;

    running.faults().end_all();
    let event = listed["dead_letters"][0]["id"].as_str().unwrap();
    let route = format!("/v1/dead-letters/{event}/redrive");
    let (status, redriven, _) = running.send(&route, "", &json!({})).await;
    let described = "/v1/dead-letters/{id}/redrive";
    check_answer(&Method::POST, described, status, &redriven);
    settled(&running, first["id"].as_str().unwrap(), &["captured"]).await;
    assert!(!lies().await, "nothing is left");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named() {
    let running = Running::start(1).await;
    let check = async |change: Value, pointer: &str, detail: &str| {
        let mut body = order(5);
        for (key, value) in change.as_object().unwrap() {
            body[key] = value.clone();
        }
        let (status, problem, _) = running.send("/v1/payments", "key-1", &body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        check_answer(&Method::POST, "/v1/payments", status, &problem);
        let told = problem.to_string();
        assert!(told.contains(detail) && told.contains(pointer), "{told}");
    };
    check(json!({ "amount": 0 }), "amount", "from 1 to 1000000000000").await;
    check(json!({ "currency": "eur" }), "currency", "ISO 4217").await;
    check(
        json!({ "payee": "ann" }),
        "/payee",
        "nobody pays themselves",
    )
    .await;
    check(
        json!({ "payee": "nobody" }),
        "/payee",
        "there is no such account",
    )
    .await;
    check(
        json!({ "payee": "store" }),
        "/payee",
        "the account holds USD, not EUR",
    )
    .await;
    check(
        json!({ "reference": "" }),
        "/reference",
        "1 to 140 characters",
    )
    .await;
    check(
        json!({ "payment_method": "4242" }),
        "payment_method",
        "tok_",
    )
    .await;
    check(json!({ "more": 1 }), "more", "unknown field").await;
    let (status, missing) = running.get("/v1/payments/pay_1").await;
    check_answer(&Method::GET, "/v1/payments/{id}", status, &missing);
    assert_eq!(status, StatusCode::NOT_FOUND);
    for path in [
        "/v1/payments?limit=0",
        "/v1/payments?cursor=x",
        "/v1/accounts?more=1",
    ] {
        assert_eq!(running.get(path).await.0, StatusCode::BAD_REQUEST, "{path}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_opens_the_accounts_of_the_ledger() {
    let running = Running::start(1).await;
    let body = json!({ "type": "liability", "currency": "USD", "name": "mine" });
    let (status, problem) = running.put("/v1/accounts/clearing:EUR", &body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    check_answer(&Method::PUT, "/v1/accounts/{id}", status, &problem);
    let (_, payment, _) = running.send("/v1/payments", "key-1", &order(500)).await;
    settled(&running, payment["id"].as_str().unwrap(), &["captured"]).await;
    running
        .until("what is captured is posted", async || {
            let (status, clearing) = running.get("/v1/accounts/clearing:EUR").await;
            status == StatusCode::OK && clearing["balance"] == 500
        })
        .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_subscriber_holds_up_nobody_else() {
    const PAYMENTS: usize = 60;
    let running = Running::start(1).await;
    let slow = Receiver::start(Manner::Silent).await;
    let quick = Receiver::start(Manner::Prompt).await;
    for receiver in [&slow, &quick] {
        let body = json!({ "url": receiver.url });
        let (status, made, _) = running.send("/v1/webhooks", "", &body).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
    }
    for n in 0..PAYMENTS {
        let key = format!("key-{n}");
        running.send("/v1/payments", &key, &order(500)).await;
    }
    running
        .until("the quick one is told of all", async || {
            quick.told() >= PAYMENTS
        })
        .await;
    // Twice as many as may be: whom the teller has given up the receiver may not have noticed yet.
    assert!(
        (1..=32).contains(&slow.most_at_once()),
        "{} of the slow one's were under way",
        slow.most_at_once()
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_dead_letter_is_lost_between_two_pages() {
    let running = Running::start(1).await;
    let (_, payment, _) = running.send("/v1/payments", "key-1", &order(500)).await;
    let id = payment["id"].as_str().unwrap();
    settled(&running, id, &["captured"]).await;
    for (subscriber, event) in [("wh_a", 1), ("wh_b", 1), ("wh_c", 1), ("wh_a", 2)] {
        running.bury(subscriber, event, id).await;
    }
    let (_, first) = running.get("/v1/dead-letters?limit=1").await;
    check_answer(&Method::GET, "/v1/dead-letters", StatusCode::OK, &first);
    assert_eq!(first["dead_letters"].as_array().unwrap().len(), 3);
    let path = format!("/v1/dead-letters?limit=1&cursor={}", first["next"]);
    let (_, second) = running.get(&path).await;
    assert_eq!(second["dead_letters"].as_array().unwrap().len(), 1);
    assert_eq!(second["next"], Value::Null);
    running.stop().await;
}
