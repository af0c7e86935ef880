use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{Service, delete, mark, put};

#[tokio::test]
async fn a_second_device_fetches_what_the_first_sent_and_then_nothing_anew() {
    let service = Service::start().await;
    let phone = service.session("anna", "phone", None).await;
    let watch = service.session("anna", "watch", None).await;
    let empty = service.get("/v1/sync/fetch", &watch).await;
    assert_eq!((empty.status, &empty.body["changes"]), (200, &json!([])));
    let changes = json!([
        put("a", 0, "r1", "one"),
        put("b", 0, "r2", "two"),
        delete("c", 1, "r1")
    ]);
    service.send(&phone, &changes).await;

    let news = service
        .get(&format!("/v1/sync/fetch?token={}", empty.token()), &watch)
        .await;
    let whole = service.get("/v1/sync/fetch", &watch).await;
    assert_eq!(
        whole.body["changes"].as_array().map(Vec::len),
        Some(1),
        "{whole:?}"
    );
    assert_eq!(news.body["changes"][0]["document"]["title"], "two");
    assert_eq!(news.header("cache-control"), "private, no-cache");
    assert_eq!(
        news.header("next-sync"),
        news.body["next_sync"].as_str().unwrap()
    );

    let held = [
        ("authorization", &*format!("Bearer {watch}")),
        ("if-none-match", news.header("etag")),
    ];
    let path = format!("/v1/sync/fetch?token={}", news.token());
    let same = service.ask(Method::GET, &path, &held, None).await;
    assert_eq!(
        (same.status, same.header("etag")),
        (304, news.header("etag"))
    );
    assert!(!same.header("next-sync").is_empty());
    let unconditional = service.get(&path, &watch).await;
    assert_eq!(
        (unconditional.status, &unconditional.body["changes"]),
        (200, &json!([]))
    );
    service
        .send(&phone, &json!([put("d", 2, "r2", "three")]))
        .await;
    let newer = service.ask(Method::GET, &path, &held, None).await;
    assert_eq!(
        (newer.status, &newer.body["changes"][0]["version"]),
        (200, &json!(4))
    );
}

#[tokio::test]
async fn pages_follow_each_other_and_tell_of_what_was_deleted_in_between() {
    let service = Service::start().await;
    let phone = service.session("anna", "phone", None).await;
    let changes: Vec<Value> = (0..5)
        .map(|n| put(&format!("a{n}"), 0, &format!("r{n}"), "x"))
        .collect();
    service.send(&phone, &json!(changes)).await;
    let first = service.get("/v1/sync/fetch?limit=2", &phone).await;
    assert_eq!(first.body["more"], true);
    service.send(&phone, &json!([delete("b", 1, "r0")])).await;
    let held = [
        ("authorization", &*format!("Bearer {phone}")),
        ("if-none-match", first.header("etag")),
    ];
    let (mut token, mut seen) = (first.token().to_owned(), Vec::new());
    loop {
        let path = format!("/v1/sync/fetch?limit=2&token={token}");
        let page = service.ask(Method::GET, &path, &held, None).await;
        assert_eq!(page.status, 200, "who holds a page does not hold the rest");
        let changes = page.body["changes"].as_array().unwrap();
        seen.extend(
            changes
                .iter()
                .map(|change| (change["id"].clone(), change["deleted"].clone())),
        );
        page.token().clone_into(&mut token);
        if page.body["more"] == false {
            break;
        }
    }
    let expected = [("r2", false), ("r3", false), ("r4", false), ("r0", true)];
    assert_eq!(
        seen,
        expected.map(|(id, deleted)| (json!(id), json!(deleted)))
    );
}

#[tokio::test]
async fn who_sent_before_fetching_is_told_of_what_others_deleted() {
    let service = Service::start().await;
    let phone = service.session("anna", "phone", None).await;
    let watch = service.session("anna", "watch", None).await;
    let empty = service.get("/v1/sync/fetch", &phone).await;
    service
        .send(&phone, &json!([put("a", 0, "r1", "one")]))
        .await;
    service.send(&watch, &json!([delete("b", 1, "r1")])).await;
    let path = format!("/v1/sync/fetch?token={}", empty.token());
    let news = service.get(&path, &phone).await;
    let told = &news.body["changes"][0];
    assert_eq!(
        (&told["id"], &told["deleted"]),
        (&json!("r1"), &json!(true))
    );
    // Who holds nothing has nothing to delete.
    let whole = service.get("/v1/sync/fetch", &watch).await;
    assert_eq!(whole.body["changes"], json!([]));
}

/// Deletions are forgotten by the age of the token that a device began its pages with, so none of
/// its pages makes the token younger.
#[tokio::test]
async fn a_token_between_pages_is_as_old_as_the_first() {
    let service = Service::start().await;
    let phone = service.session("anna", "phone", None).await;
    let changes: Vec<Value> = (0..4)
        .map(|n| put(&format!("a{n}"), 0, &format!("r{n}"), "x"))
        .collect();
    service.send(&phone, &json!(changes)).await;
    let begun = service.get("/v1/sync/fetch?limit=1", &phone).await;
    service.later(Duration::from_hours(29 * 24));
    let phone = service.session("anna", "phone", None).await;
    let path = format!("/v1/sync/fetch?limit=1&token={}", begun.token());
    let between = service.get(&path, &phone).await;
    assert_eq!((between.status, &between.body["more"]), (200, &json!(true)));
    let path = format!("/v1/sync/fetch?token={}", between.token());
    let last = service.get(&path, &phone).await;
    assert_eq!((last.status, &last.body["more"]), (200, &json!(false)));

    service.later(Duration::from_hours(2 * 24));
    let phone = service.session("anna", "phone", None).await;
    assert_eq!(service.get(&path, &phone).await.status, 410);
    let path = format!("/v1/sync/fetch?token={}", last.token());
    assert_eq!(service.get(&path, &phone).await.status, 200);
}

#[tokio::test]
async fn a_token_that_is_old_or_of_another_is_gone() {
    let service = Service::start().await;
    let anna = service.session("anna", "phone", None).await;
    service.send(&anna, &json!([put("a", 0, "r", "one")])).await;
    let token = service
        .get("/v1/sync/fetch", &anna)
        .await
        .token()
        .to_owned();
    let path = format!("/v1/sync/fetch?token={token}");
    let ben = service.session("ben", "phone", None).await;
    let partner = service.session("anna", "phone", Some("heart-care")).await;
    for foreign in [
        service.get(&path, &ben).await,
        service.get(&path, &partner).await,
    ] {
        assert_eq!(foreign.status, 410, "{foreign:?}");
        assert!(foreign.header("link").contains("full-sync"));
    }
    assert_eq!(
        service.get("/v1/sync/fetch?token=x", &anna).await.status,
        410
    );
    service.later(Duration::from_hours(30 * 24 + 1));
    let anna = service.session("anna", "phone", None).await;
    let expired = service.get(&path, &anna).await;
    assert_eq!(expired.status, 410);
    assert!(
        expired.body["detail"].as_str().unwrap().contains("30 days"),
        "{expired:?}"
    );
}

#[tokio::test]
async fn sessions_are_refused_with_a_challenge() {
    let service = Service::start().await;
    let check = |headers: Vec<(&'static str, String)>, expected: &'static str| {
        let service = &service;
        async move {
            let headers: Vec<_> = headers
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            let answer = service
                .ask(Method::GET, "/v1/sync/fetch", &headers, None)
                .await;
            assert_eq!(answer.status, 401);
            assert_eq!(answer.header("www-authenticate"), expected);
        }
    };
    check(vec![], "Bearer realm=\"reminders\"").await;
    let bad = |what: &str| {
        format!("Bearer realm=\"reminders\", error=\"invalid_token\", error_description=\"{what}\"")
    };
    let malformed: &'static str = bad("this is not a session token").leak();
    check(vec![("authorization", "Basic YTpi".to_owned())], malformed).await;
    check(vec![("authorization", "Bearer x".to_owned())], malformed).await;
    let session = service.session("anna", "phone", None).await;
    service.later(Duration::from_hours(24));
    let expired: &'static str = bad("the session has expired").leak();
    check(
        vec![("authorization", format!("Bearer {session}"))],
        expired,
    )
    .await;
}

#[tokio::test]
async fn persons_and_programmes_are_kept_apart() {
    let service = Service::start().await;
    let anna = service.session("anna", "phone", None).await;
    let partner = service.session("anna", "phone", Some("heart-care")).await;
    service
        .send(&anna, &json!([put("a", 0, "r", "base")]))
        .await;
    service
        .send(&partner, &json!([put("a", 0, "r", "partner")]))
        .await;
    for (session, title) in [(&anna, "base"), (&partner, "partner")] {
        let page = service.get("/v1/sync/fetch", session).await;
        assert_eq!(page.body["changes"][0]["document"]["title"], title);
        assert_eq!(page.body["changes"].as_array().map(Vec::len), Some(1));
    }
    let ben = service.session("ben", "phone", None).await;
    assert_eq!(service.get("/v1/reminders/r", &ben).await.status, 404);
}

#[tokio::test]
async fn bad_input_is_named_with_its_place_and_nothing_is_done() {
    let service = Service::start().await;
    let phone = service.session("anna", "phone", None).await;
    let mut bad = put("b", 0, "r2", " ");
    bad["reminder"]["schedule"]["zone"] = json!("Mars/Base");
    bad["reminder"]["schedule"]["times"] = json!(["8 o'clock"]);
    let body = json!({"changes": [put("a", 0, "r1", "good"), bad]});
    let answer = service.post("/v1/sync/send", &phone, &body).await;
    assert_eq!(answer.status, 422);
    let errors = answer.body["errors"].as_array().unwrap();
    let pointers: Vec<&str> = errors
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    let places = ["title", "schedule/zone", "schedule/times/0"];
    assert_eq!(
        pointers,
        places.map(|place| format!("/changes/1/reminder/{place}"))
    );
    assert_eq!(
        service.get("/v1/sync/fetch", &phone).await.body["changes"],
        json!([])
    );
    for (body, status) in [
        (json!({"changes": []}), 422),
        (json!({"changes": [{"op": "burn"}]}), 422),
        (json!({"changes": [delete("a", 0, "r/1")]}), 422),
        (json!({"changes": [], "more": 1}), 422),
        (
            json!({"changes": [delete("a", 0, &"x".repeat(70_000))]}),
            413,
        ),
    ] {
        let answer = service.post("/v1/sync/send", &phone, &body).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    for path in ["limit=0", "limit=501", "limit=x", "since=3"] {
        let answer = service.get(&format!("/v1/sync/fetch?{path}"), &phone).await;
        assert_eq!(answer.status, 400, "{path}");
    }
    let long = "/v1/due?from=2026-01-01T00:00:00Z&until=2026-03-01T00:00:00Z";
    assert_eq!(service.get(long, &phone).await.status, 400);
}

#[tokio::test]
async fn due_times_come_with_their_marks() {
    let service = Service::start().await;
    let phone = service.session("anna", "phone", None).await;
    let due = "2026-11-22T07:00:00Z";
    let mut paused = put("b", 0, "r2", "paused");
    paused["reminder"]["paused"] = json!(true);
    let changes = json!([
        put("a", 0, "r1", "one"),
        paused,
        mark("c", 0, "r1", due, "done")
    ]);
    service.send(&phone, &changes).await;
    let answer = service
        .get("/v1/due?until=2026-11-23T12:00:00Z", &phone)
        .await;
    let times = answer.body["due"].as_array().unwrap();
    assert_eq!(times.len(), 2, "{answer:?}");
    assert_eq!(
        (&times[0]["due_at"], &times[0]["mark"]["document"]["done"]),
        (&json!(due), &json!("done"))
    );
    assert_eq!(
        (&times[1]["due_at"], &times[1]["mark"]),
        (&json!("2026-11-23T07:00:00Z"), &json!(null))
    );
    let one = service.get("/v1/reminders/r1", &phone).await;
    assert_eq!(one.body["next_due"], due);
    let held = [
        ("authorization", &*format!("Bearer {phone}")),
        ("if-none-match", one.header("etag")),
    ];
    assert_eq!(
        service
            .ask(Method::GET, "/v1/reminders/r1", &held, None)
            .await
            .status,
        304
    );
    service.clock.set("2026-11-22T07:00:00Z".parse().unwrap());
    let moved = service
        .ask(Method::GET, "/v1/reminders/r1", &held, None)
        .await;
    assert_eq!(
        (moved.status, &moved.body["next_due"]),
        (200, &json!("2026-11-23T07:00:00Z"))
    );
    assert_eq!(
        service.get("/v1/reminders/r2", &phone).await.body["next_due"],
        json!(null)
    );
}
