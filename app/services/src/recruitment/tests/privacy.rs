use crate::sql;
use http::Method;
use serde_json::{Value, json};

use super::desk::{Desk, EMAIL, MIA, NAME, NOTE, PHONE, RITA, SECRET};

/// All that a person, or who could pass for one, is known by: it was sent and answered, and must
/// not stand in a log record, a span or a metric, nor in the trail.
#[tokio::test]
async fn what_is_told_of_the_work_tells_of_nobody() {
    let desk = Desk::set().await;
    let application = work(&desk).await;
    let sig = link_and_erase(&desk, &application).await;
    let trail: Vec<(String, String)> = sql::query_as("SELECT before, after FROM audit")
        .fetch_all(&mut desk.api.database.writer().await.unwrap())
        .await
        .unwrap();
    let token = desk.token(RITA);

    let told = desk.told().await + &format!("{trail:?}");
    assert!(
        told.contains(&application)
            && told.contains(" erased by rita")
            && told.contains("assessment")
    );
    let secrets = [
        NAME,
        "Quillfeather",
        "Zebedee",
        EMAIL,
        "example.org",
        PHONE,
        "555 0123",
        "5550123",
        NOTE,
        "91234",
        SECRET,
    ];
    for secret in secrets.into_iter().chain([token.as_str(), sig.as_str()]) {
        assert!(!told.contains(secret), "{secret} is told");
    }
}

/// Sends all that is personal, some of it where it is refused; the id of an application.
async fn work(desk: &Desk) -> String {
    let position = desk.position("mia").await;
    let (candidate, application) = desk.application(&position, EMAIL).await;
    let twin = desk.new_candidate(EMAIL);
    assert_eq!(desk.post(RITA, "/v1/candidates", twin).await.status, 409);
    let foul = json!({ "name": NAME, "email": [EMAIL], "phone": PHONE });
    assert_eq!(desk.post(RITA, "/v1/candidates", foul).await.status, 422);
    let sought = json!({ "name": NAME, "email": EMAIL });
    desk.post(RITA, "/v1/candidates/search", sought).await;
    let path = format!("/v1/candidates/{candidate}");
    let new = json!({ "name": NAME, "phone": "+1 212 555 0123" });
    let changed = desk.ask_if(RITA, Method::PATCH, &path, "*", new).await;
    assert_eq!(changed.status, 200);
    let path = format!("/v1/applications/{application}");
    let assessment = json!({ "score": 2, "note": NOTE });
    desk.post(MIA, &format!("{path}/assessments"), assessment)
        .await;
    application
}

/// Uploads a document and reads it; then the candidate is rejected and erased. The link's signature.
async fn link_and_erase(desk: &Desk, application: &str) -> String {
    let path = format!("/v1/applications/{application}");
    let document = desk.put(application, b"%PDF-1.7 Zebedee").await.id();
    let linking = format!("/v1/documents/{document}/links");
    let link = desk.post(RITA, &linking, Value::Null).await.json;
    let url = link["url"].as_str().unwrap();
    let read = desk.send(Method::GET, url, &[], Vec::new()).await;
    assert_eq!(read.status, 200);
    let rejection = json!({ "reason": "other", "note": NOTE });
    let rejected = desk
        .step(MIA, &format!("{path}/rejection"), "*", rejection)
        .await;
    let candidate = rejected.json["candidate"].as_str().unwrap().to_owned();
    desk.post(
        RITA,
        &format!("/v1/candidates/{candidate}/erasure"),
        Value::Null,
    )
    .await;
    url.rsplit('=').next().unwrap().to_owned()
}
