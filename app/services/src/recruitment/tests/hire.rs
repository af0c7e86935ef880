use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::desk::{ADA, Desk, EMAIL, MIA, NOTE, RITA};

#[tokio::test]
async fn an_application_goes_its_way_to_a_hire() {
    let desk = Desk::set().await;
    let position = desk.position("mia").await;
    let (_, application) = desk.application(&position, EMAIL).await;
    let path = format!("/v1/applications/{application}");
    let first = desk.get(MIA, &path).await;
    assert_eq!(
        (&first.json["stage"], first.tag()),
        (&json!("screening"), "\"1\"")
    );

    let hire = format!("{path}/hire");
    let early = desk.step(MIA, &hire, first.tag(), Value::Null).await;
    assert_eq!(early.status, 409);
    assert_eq!(
        early.json["legal"],
        json!(["move to offer", "rejection", "withdrawal"])
    );

    let moving = format!("{path}/moves");
    let moved = desk
        .step(MIA, &moving, first.tag(), json!({ "to": "offer" }))
        .await;
    assert_eq!((moved.status, &moved.json["stage"]), (200, &json!("offer")));
    let hired = desk.step(MIA, &hire, moved.tag(), Value::Null).await;
    assert_eq!((hired.status, &hired.json["state"]), (200, &json!("hired")));
    assert_eq!(
        desk.get(MIA, &format!("/v1/positions/{position}"))
            .await
            .json["hired"],
        1
    );

    let after = desk
        .step(MIA, &moving, hired.tag(), json!({ "to": "screening" }))
        .await;
    assert_eq!((after.status, &after.json["legal"]), (409, &json!([])));
}

#[tokio::test]
async fn nobody_is_hired_beyond_the_headcount() {
    let desk = Desk::set().await;
    let position = desk.position("mia").await;
    let (_, first) = desk.application(&position, EMAIL).await;
    let path = format!("/v1/applications/{first}");
    let moved = desk
        .step(MIA, &format!("{path}/moves"), "*", json!({ "to": "offer" }))
        .await;
    let hired = desk
        .step(MIA, &format!("{path}/hire"), moved.tag(), Value::Null)
        .await;
    assert_eq!(hired.status, 200);
    let (_, second) = desk.application(&position, "second@example.org").await;
    let path = format!("/v1/applications/{second}");
    let moved = desk
        .step(MIA, &format!("{path}/moves"), "*", json!({ "to": "offer" }))
        .await;
    let full = desk
        .step(MIA, &format!("{path}/hire"), moved.tag(), Value::Null)
        .await;
    assert_eq!(full.status, 409, "one was sought, one is hired");
    let rejection = json!({ "reason": "position-filled", "note": NOTE });
    let rejected = desk
        .step(MIA, &format!("{path}/rejection"), moved.tag(), rejection)
        .await;
    assert_eq!(
        (rejected.status, &rejected.json["reason"]),
        (200, &json!("position-filled"))
    );
}

#[tokio::test]
async fn of_two_changes_on_one_version_one_is_refused() {
    let desk = Desk::set().await;
    let position = desk.position("mia").await;
    let (_, application) = desk.application(&position, EMAIL).await;
    let path = format!("/v1/applications/{application}/moves");
    let go = || desk.step(MIA, &path, "\"1\"", json!({ "to": "offer" }));
    let (one, other) = tokio::join!(go(), go());
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    let late = if one.status == 412 { one } else { other };
    assert_eq!(late.tag(), "\"2\"");
    let blind = desk.post(MIA, &path, json!({ "to": "offer" })).await;
    assert_eq!(blind.status, 428);
    let foul = desk.step(MIA, &path, "2", json!({ "to": "offer" })).await;
    assert_eq!(foul.status, 400);
}

#[tokio::test]
async fn a_position_is_drafted_opened_and_closed() {
    let desk = Desk::set().await;
    let position = desk.position("mia").await;
    let path = format!("/v1/positions/{position}");
    let again = desk
        .step(MIA, &format!("{path}/opening"), "*", Value::Null)
        .await;
    assert_eq!(
        (again.status, &again.json["legal"]),
        (409, &json!(["closing"]))
    );
    let change = async |body: Value| desk.ask_if(MIA, Method::PATCH, &path, "*", body).await;
    assert_eq!(change(json!({ "headcount": 3 })).await.json["headcount"], 3);
    assert_eq!(change(json!({ "stages": ["one"] })).await.status, 409);
    assert_eq!(change(json!({ "manager": "max" })).await.status, 403);
    assert_eq!(change(json!({ "headcount": 0 })).await.status, 422);
    assert_eq!(change(json!({ "colour": "red" })).await.status, 422);
    let (candidate, application) = desk.application(&position, EMAIL).await;
    let twice = json!({ "candidate": candidate, "position": position });
    let twice = desk.post(RITA, "/v1/applications", twice).await;
    assert_eq!(
        (twice.status, &twice.json["application"]),
        (409, &json!(application))
    );
    let closed = desk
        .step(MIA, &format!("{path}/closing"), "*", Value::Null)
        .await;
    assert_eq!(closed.json["state"], "closed");
    let moving = format!("/v1/applications/{application}/moves");
    let stuck = desk.step(MIA, &moving, "*", json!({ "to": "offer" })).await;
    assert_eq!(stuck.json["legal"], json!(["rejection", "withdrawal"]));
}

#[tokio::test]
async fn duplicates_are_found_and_retention_keeps_to_consent() {
    let desk = Desk::set().await;
    let new = desk.new_candidate(EMAIL);
    let first = desk.post(RITA, "/v1/candidates", new.clone()).await.id();
    let mut twin = new.clone();
    twin["email"] = json!("zebedee.quill@EXAMPLE.org");
    let refused = desk.post(RITA, "/v1/candidates", twin.clone()).await;
    assert_eq!(
        (refused.status, &refused.json["duplicates"]),
        (409, &json!([first]))
    );
    twin["allow_duplicate"] = json!(true);
    let second = desk.post(RITA, "/v1/candidates", twin).await.id();
    let groups = desk.get(RITA, "/v1/candidates/duplicates").await.json;
    let twins = groups["duplicates"][0]["candidates"].as_array().unwrap();
    // They were made in one millisecond, so that their ids are in no order.
    assert_eq!(twins.len(), 2);
    assert!(twins.contains(&json!(first)) && twins.contains(&json!(second)));
    let found = desk
        .post(RITA, "/v1/candidates/search", json!({ "email": EMAIL }))
        .await
        .json;
    assert_eq!(found["candidates"].as_array().unwrap().len(), 2);
    let found = desk
        .post(RITA, "/v1/candidates/search", json!({ "name": "quillF" }))
        .await
        .json;
    assert_eq!(found["candidates"].as_array().unwrap().len(), 2);
    assert_eq!(
        desk.post(RITA, "/v1/candidates/search", json!({}))
            .await
            .status,
        422
    );

    let mut late = desk.new_candidate("late@example.org");
    late["retain_until"] = json!(desk.api.clock.now() + Duration::from_hours(24 * 365 * 3));
    let refused = desk.post(RITA, "/v1/candidates", late).await;
    assert_eq!(
        (refused.status, &refused.json["errors"][0]["pointer"]),
        (422, &json!("/retain_until"))
    );
    let mut foul = new;
    foul["email"] = json!("nobody");
    assert_eq!(desk.post(RITA, "/v1/candidates", foul).await.status, 422);
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let desk = Desk::set().await;
    for n in 0..7 {
        let email = format!("c{n}@example.org");
        desk.clock
            .advance(Duration::from_secs(u64::from(n % 3 == 0)));
        desk.post(RITA, "/v1/candidates", desk.new_candidate(&email))
            .await;
    }
    for sort in ["created_at", "-created_at", "-retain_until"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/v1/candidates?limit=3&sort={sort}{cursor}");
            let page = desk.get(RITA, &path).await.json;
            let ids = page["candidates"].as_array().unwrap();
            seen.extend(
                ids.iter()
                    .map(|candidate| candidate["id"].as_str().unwrap().to_owned()),
            );
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let mut once = seen.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!((seen.len(), once.len()), (7, 7), "{sort}");
    }
    assert_eq!(desk.get(RITA, "/v1/candidates?limit=0").await.status, 400);
    assert_eq!(desk.get(RITA, "/v1/candidates?sort=name").await.status, 400);
    assert_eq!(
        desk.get(RITA, "/v1/candidates?colour=red").await.status,
        400
    );
    assert_eq!(desk.get(RITA, "/v1/candidates/1").await.status, 400);
}

#[tokio::test]
async fn an_erased_candidate_leaves_nothing_that_tells_of_them() {
    let desk = Desk::set().await;
    let position = desk.position("mia").await;
    let (candidate, application) = desk.application(&position, EMAIL).await;
    let path = format!("/v1/applications/{application}");
    desk.post(
        MIA,
        &format!("{path}/assessments"),
        json!({ "score": 2, "note": NOTE }),
    )
    .await;
    desk.put(&application, b"%PDF-1.7 Zebedee").await;
    let erase = format!("/v1/candidates/{candidate}/erasure");
    for _ in 0..2 {
        let erased = desk.post(RITA, &erase, Value::Null).await;
        assert_eq!(
            (erased.status, &erased.json["state"]),
            (200, &json!("erased"))
        );
        assert!(erased.json["name"].is_null());
    }
    let left = desk.get(RITA, &path).await.json;
    assert_eq!(
        (&left["state"], &left["reason"]),
        (&json!("withdrawn"), &json!("erased"))
    );
    assert!(left["salary_expectation"].is_null());
    let assessments = desk.get(MIA, &format!("{path}/assessments")).await.json;
    assert_eq!(assessments["assessments"][0]["note"], Value::Null);
    assert_eq!(
        desk.get(RITA, &format!("{path}/documents")).await.json["documents"],
        json!([])
    );
    let swept = desk
        .post(ADA, "/v1/clean-up", json!({ "unreferenced_seconds": 0 }))
        .await
        .json;
    assert_eq!(swept["removed"]["unreferenced_files"], 1);
    let trail = desk
        .get(
            ADA,
            &format!("/v1/audit?object={candidate}&action=candidate.erased"),
        )
        .await;
    assert_eq!(trail.json["entries"].as_array().unwrap().len(), 1);
    assert_eq!(trail.json["entries"][0]["after"]["documents_removed"], 1);
    // What went with them has an entry of its own.
    for what in [
        &format!("object={application}&action=application.withdrawn"),
        "action=document.removed",
    ] {
        let trail = desk.get(ADA, &format!("/v1/audit?{what}")).await;
        assert_eq!(trail.json["entries"].as_array().unwrap().len(), 1, "{what}");
    }
}

#[tokio::test]
async fn a_candidate_whose_time_is_over_is_erased() {
    let desk = Desk::set().await;
    let id = desk
        .post(RITA, "/v1/candidates", desk.new_candidate(EMAIL))
        .await
        .id();
    desk.clock.advance(Duration::from_hours(49));
    let preview = desk.get(ADA, "/v1/clean-up").await.json;
    assert_eq!(
        (&preview["dry_run"], &preview["removed"]["candidates"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(
        desk.get(RITA, &format!("/v1/candidates/{id}")).await.json["state"],
        "active"
    );
    desk.post(ADA, "/v1/clean-up", json!({})).await;
    assert_eq!(
        desk.get(RITA, &format!("/v1/candidates/{id}")).await.json["state"],
        "erased"
    );
}
