use crate::sql::{self, both};
use serde_json::{Value, json};

use super::desk::{ADA, AUDREY, Desk, EMAIL};

async fn verify(desk: &Desk, query: &str) -> Value {
    desk.get(AUDREY, &format!("/v1/audit/verify{query}"))
        .await
        .json
}

/// Does to the table what its triggers forbid.
async fn tamper(desk: &Desk, sql: &'static str) {
    let mut writer = desk.api.database.writer().await.unwrap();
    for trigger in [
        both(
            "DROP TRIGGER IF EXISTS audit_is_not_edited",
            "DROP TRIGGER IF EXISTS audit_is_not_edited ON audit",
        ),
        both(
            "DROP TRIGGER IF EXISTS audit_is_not_cut",
            "DROP TRIGGER IF EXISTS audit_is_not_cut ON audit",
        ),
    ] {
        sql::query(trigger).execute(&mut writer).await.unwrap();
    }
    sql::query(sql).execute(&mut writer).await.unwrap();
}

#[tokio::test]
async fn each_change_is_in_the_trail_and_the_trail_is_whole() {
    let desk = Desk::set().await;
    let position = desk.position("mia").await;
    let (candidate, application) = desk.application(&position, EMAIL).await;
    let found = verify(&desk, "").await;
    assert_eq!(
        (&found["whole"], &found["entries"]),
        (&json!(true), &json!(4))
    );
    let page = desk.get(AUDREY, "/v1/audit?limit=3").await.json;
    let actions: Vec<&str> = page["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["action"].as_str())
        .collect();
    assert_eq!(
        actions,
        [
            "application.created",
            "candidate.created",
            "position.opened"
        ]
    );
    let rest = desk
        .get(
            AUDREY,
            &format!("/v1/audit?cursor={}", page["next"].as_str().unwrap()),
        )
        .await
        .json;
    assert_eq!(rest["entries"][0]["object"], json!(position));
    let of_one = desk
        .get(ADA, &format!("/v1/audit?object={application}&actor=rita"))
        .await
        .json;
    let entry = &of_one["entries"][0];
    assert_eq!(
        (&entry["after"]["candidate"], &entry["before"]),
        (&json!(candidate), &Value::Null)
    );
    assert_eq!(entry["trace_id"].as_str().map(str::len), Some(32));
    let head = found["head"].as_str().unwrap();
    let kept = verify(&desk, &format!("?sequence=4&hash={head}")).await;
    assert_eq!(kept["whole"], true);
    let other = verify(&desk, &format!("?sequence=4&hash={}", "00".repeat(32))).await;
    assert_eq!(other["break"], json!({ "sequence": 4, "why": "rewritten" }));
    assert_eq!(
        desk.get(AUDREY, "/v1/audit/verify?sequence=4").await.status,
        400
    );
}

#[tokio::test]
async fn the_table_takes_no_edit() {
    let desk = Desk::set().await;
    desk.position("mia").await;
    let mut writer = desk.api.database.writer().await.unwrap();
    for sql in ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"] {
        let refused = sql::query(sql).execute(&mut writer).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
    drop(writer);
    assert_eq!(verify(&desk, "").await["whole"], true);
}

#[tokio::test]
async fn a_trail_that_was_touched_is_found_out() {
    for (sql, expected) in [
        (
            "UPDATE audit SET actor = 'x' WHERE sequence = 2",
            json!({ "sequence": 2, "why": "altered" }),
        ),
        (
            "DELETE FROM audit WHERE sequence = 2",
            json!({ "sequence": 2, "why": "missing" }),
        ),
        (
            "DELETE FROM audit WHERE sequence = 4",
            json!({ "sequence": 4, "why": "missing" }),
        ),
    ] {
        let desk = Desk::set().await;
        let position = desk.position("mia").await;
        desk.application(&position, EMAIL).await;
        tamper(&desk, sql).await;
        let found = verify(&desk, "").await;
        assert_eq!(
            (&found["whole"], &found["break"]),
            (&json!(false), &expected),
            "{sql}"
        );
    }
}
