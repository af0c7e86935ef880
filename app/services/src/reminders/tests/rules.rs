use serde_json::{Value, json};

use super::{Service, delete, mark, put};

/// What became of the only change in `changes`.
async fn one(service: &Service, session: &str, change: Value) -> Value {
    let results = service.send(session, &json!([change])).await;
    results[0]["result"].clone()
}

#[tokio::test]
async fn the_last_put_wins_and_what_it_wrote_over_is_told_and_kept() {
    let service = Service::start().await;
    let phone = service.session("anna", "phone", None).await;
    let watch = service.session("anna", "watch", None).await;
    let applied = one(&service, &phone, put("a", 0, "r", "from the phone")).await;
    assert_eq!(applied, json!({"outcome": "applied", "version": 1}));
    let over = one(&service, &watch, put("b", 0, "r", "from the watch")).await;
    assert_eq!(
        (&over["outcome"], &over["version"]),
        (&json!("applied_over"), &json!(2))
    );
    assert_eq!(over["overwrote"]["document"]["title"], "from the phone");
    let knowing = one(&service, &phone, put("c", 2, "r", "both agreed")).await;
    assert_eq!(knowing, json!({"outcome": "applied", "version": 3}));
    let kept = service.get("/v1/reminders/r/superseded", &phone).await;
    let kept = &kept.body["superseded"];
    assert_eq!(kept[0]["document"]["title"], "from the phone");
    assert_eq!(
        (&kept[0]["device"], &kept[0]["superseded_by"]),
        (&json!("phone"), &json!("watch"))
    );
    assert_eq!(kept.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_deletion_wins_whoever_comes_first() {
    let service = Service::start().await;
    let phone = service.session("anna", "phone", None).await;
    let watch = service.session("anna", "watch", None).await;
    one(&service, &phone, put("a", 0, "r", "one")).await;
    one(&service, &phone, put("b", 1, "r", "two")).await;
    let over = one(&service, &watch, delete("c", 1, "r")).await;
    assert_eq!(over["outcome"], "applied_over");
    assert_eq!(over["overwrote"]["document"]["title"], "two");
    let kept = one(&service, &phone, put("d", 2, "r", "three")).await;
    assert_eq!(kept["outcome"], "kept_deleted");
    assert_eq!(
        (&kept["record"]["deleted"], &kept["record"]["version"]),
        (&json!(true), &json!(3))
    );
    let again = one(&service, &phone, delete("e", 2, "r")).await;
    assert_eq!(again, json!({"outcome": "unchanged", "version": 3}));
    let revived = one(&service, &phone, put("f", 3, "r", "anew")).await;
    assert_eq!(revived, json!({"outcome": "applied", "version": 4}));
    let never = one(&service, &phone, delete("g", 0, "other")).await;
    assert_eq!(never, json!({"outcome": "unchanged", "version": 0}));
}

#[tokio::test]
async fn what_is_sent_again_is_answered_alike_and_changes_nothing() {
    let service = Service::start().await;
    let phone = service.session("anna", "phone", None).await;
    let changes = json!([
        put("a", 0, "r", "one"),
        put("a", 0, "r", "one"),
        put("b", 1, "r", "two")
    ]);
    let first = service.send(&phone, &changes).await;
    assert_eq!(first[1]["repeated"], true);
    let second = service.send(&phone, &changes).await;
    for (before, again) in first.iter().zip(&second) {
        assert_eq!(before["result"], again["result"]);
        assert_eq!(again["repeated"], true);
    }
    let reused = one(&service, &phone, put("a", 0, "r", "another")).await;
    assert_eq!(
        (&reused["outcome"], &reused["reason"]),
        (&json!("refused"), &json!("change_id_reused"))
    );
    // Another device may use the same id.
    let watch = service.session("anna", "watch", None).await;
    let other = one(&service, &watch, put("a", 2, "r", "three")).await;
    assert_eq!(other, json!({"outcome": "applied", "version": 3}));
}

#[tokio::test]
async fn marks_need_a_reminder_and_outlive_it() {
    let service = Service::start().await;
    let phone = service.session("anna", "phone", None).await;
    let due = "2026-11-22T07:00:00Z";
    let unknown = one(&service, &phone, mark("a", 0, "r", due, "done")).await;
    assert_eq!(unknown["reason"], "unknown_reminder");
    let ahead = one(&service, &phone, put("b", 9, "r", "one")).await;
    assert_eq!(ahead["reason"], "ahead_of_server");
    // A refusal is not kept: the same change may do later.
    let together = json!([
        put("c", 0, "r", "one"),
        mark("a", 0, "r", due, "done"),
        delete("d", 1, "r")
    ]);
    let results = service.send(&phone, &together).await;
    assert!(
        results
            .iter()
            .all(|result| result["result"]["outcome"] == "applied"),
        "{results:?}"
    );
    let watch = service.session("anna", "watch", None).await;
    let later = one(
        &service,
        &watch,
        mark("a", 0, "r", "2026-11-22T08:00:00+01:00", "skipped"),
    )
    .await;
    assert_eq!(later["outcome"], "applied_over", "it is the same due time");
    assert_eq!(later["overwrote"]["document"]["done"], "done");
}
