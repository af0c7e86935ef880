use http::Method;
use serde_json::{Value, json};

use super::desk::{Desk, EMAIL, MIA, NAME, NOTE, PHONE, RITA, SECRET};

/// All that a person, or who could pass for one, is known by: it was sent and answered, and must
/// not stand in a log record, a span or a metric, nor in the trail.
#[tokio::test]
async fn what_is_told_of_the_work_tells_of_nobody() {
    let desk = Desk::set().await;
    let position = desk.position("mia").await;
    let (candidate, application) = desk.application(&position, EMAIL).await;
    let path = format!("/v1/applications/{application}");
    desk.post(RITA, "/v1/candidates", desk.new_candidate(EMAIL))
        .await;
    desk.post(
        RITA,
        "/v1/candidates",
        json!({ "name": NAME, "email": [EMAIL], "phone": PHONE }),
    )
    .await;
    desk.post(
        RITA,
        "/v1/candidates/search",
        json!({ "name": NAME, "email": EMAIL }),
    )
    .await;
    let new = json!({ "name": NAME, "phone": "+1 212 555 0123" });
    let patched = desk
        .ask_if(
            RITA,
            Method::PATCH,
            &format!("/v1/candidates/{candidate}"),
            "*",
            new,
        )
        .await;
    assert_eq!(patched.status, 200);
    desk.post(
        MIA,
        &format!("{path}/assessments"),
        json!({ "score": 2, "note": NOTE }),
    )
    .await;
    let document = desk.put(&application, b"%PDF-1.7 Zebedee").await.id();
    let link = desk
        .post(
            RITA,
            &format!("/v1/documents/{document}/links"),
            Value::Null,
        )
        .await
        .json;
    let url = link["url"].as_str().unwrap();
    let read = desk.send(Method::GET, url, &[], Vec::new()).await;
    assert_eq!(read.status, 200);
    let rejection = json!({ "reason": "other", "note": NOTE });
    desk.ask_if(
        MIA,
        Method::POST,
        &format!("{path}/rejection"),
        "*",
        rejection,
    )
    .await;
    desk.post(
        RITA,
        &format!("/v1/candidates/{candidate}/erasure"),
        Value::Null,
    )
    .await;
    let trail: Vec<(String, String)> = sqlx::query_as("SELECT before, after FROM audit")
        .fetch_all(desk.api.database.writer())
        .await
        .unwrap();
    let token = desk.token(RITA);
    let sig = url.rsplit('=').next().unwrap().to_owned();

    let told = desk.told().await + &format!("{trail:?}");
    assert!(
        told.contains(&application) && told.contains("assessment"),
        "{told}"
    );
    let secrets = [
        NAME,
        "Quillfeather",
        "Zebedee",
        EMAIL,
        "example.org",
        PHONE,
        "0123",
        NOTE,
        "91234",
        SECRET,
    ];
    for secret in secrets.into_iter().chain([token.as_str(), sig.as_str()]) {
        assert!(!told.contains(secret), "{secret} is told");
    }
}
