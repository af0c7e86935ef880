use http::Method;
use serde_json::{Value, json};

use super::desk::{ADA, AUDREY, Desk, EMAIL, IVO, MIA, RITA, SECRET, Who};
use crate::recruitment::access::RULES;
use crate::recruitment::role::Grant;

const EACH: [Who; 5] = [RITA, MIA, IVO, ADA, AUDREY];

/// A path of a route, about what is not there.
fn path(route: &str) -> String {
    let id = "0192f4c8-6f00-7000-8000-000000000001";
    route
        .replace("{id}", id)
        .replace("{subject}", "ivo")
        .replace("{digest}", &"ab".repeat(32))
}

#[tokio::test]
async fn each_role_is_refused_what_the_table_refuses_and_nothing_else() {
    let desk = Desk::set().await;
    let mut refused = 0;
    for (method, route, action) in RULES {
        for who in EACH {
            let answer = desk
                .ask(who, method.clone(), &path(route), Value::Null)
                .await;
            let never = who.1.grant(*action) == Grant::Never;
            assert_eq!(
                answer.status == 403,
                never,
                "{method} {route} {who:?}: {}",
                answer.json
            );
            assert_ne!(answer.status, 401, "{method} {route} {who:?}");
            refused += usize::from(never);
        }
    }
    assert!(refused > 60, "{refused}");
}

#[tokio::test]
async fn who_is_not_known_is_told_so_before_anything_else() {
    let desk = Desk::set().await;
    let token = desk.token(ADA);
    for (method, route, _) in RULES {
        let answer = desk
            .send(method.clone(), &path(route), &[], Vec::new())
            .await;
        assert_eq!(answer.status, 401, "{method} {route}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    let ask = async |authorization: &str| {
        let headers = [("authorization", authorization)];
        desk.send(Method::GET, "/v1/positions", &headers, Vec::new())
            .await
    };
    assert_eq!(ask(&format!("Bearer {token}")).await.status, 200);
    assert_eq!(ask(&format!("Bearer {token}x")).await.status, 401);
    assert_eq!(ask(&format!("Bearer {SECRET}")).await.status, 401);
    assert_eq!(ask("Basic YTpi").await.status, 401);
    desk.clock.advance(std::time::Duration::from_hours(2));
    let expired = ask(&format!("Bearer {token}")).await;
    assert_eq!(
        (expired.status, &expired.json["detail"]),
        (401, &json!("the token has expired"))
    );
}

#[tokio::test]
async fn tokens_are_issued_to_who_holds_the_secret_or_is_admin() {
    let desk = Desk::set().await;
    let new = json!({ "subject": "rita", "role": "recruiter", "expires_in_seconds": 60 });
    let issue = async |bearer: &str| {
        let bearer = format!("Bearer {bearer}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        desk.send(
            Method::POST,
            "/v1/tokens",
            &headers,
            new.to_string().into_bytes(),
        )
        .await
    };
    let issued = issue(SECRET).await;
    assert_eq!(issued.status, 201);
    let bearer = format!("Bearer {}", issued.json["token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    let asked = desk
        .send(Method::GET, "/v1/positions", &headers, Vec::new())
        .await;
    assert_eq!(asked.status, 200);
    assert_eq!(issue(&desk.token(ADA)).await.status, 201);
    assert_eq!(issue(&desk.token(RITA)).await.status, 403);
    assert_eq!(issue("guess").await.status, 401);
    let whole = desk
        .post(
            ADA,
            "/v1/tokens",
            json!({ "subject": "Ann Lee", "role": "admin" }),
        )
        .await;
    assert_eq!(whole.status, 422);
}

/// What is another's must look as what is not there, but for the id that the caller named.
#[tokio::test]
async fn what_is_anothers_looks_as_what_is_not_there() {
    let desk = Desk::set().await;
    let (own, foreign) = (desk.position("mia").await, desk.position("max").await);
    let (_, application) = desk.application(&own, EMAIL).await;
    let (candidate, other) = desk.application(&foreign, "other@example.org").await;
    let document = desk.put(&other, b"%PDF-1.7 other").await.id();
    assert_eq!(
        desk.get(MIA, &format!("/v1/positions/{own}")).await.status,
        200
    );
    assert_eq!(
        desk.get(MIA, &format!("/v1/applications/{application}"))
            .await
            .status,
        200
    );

    let nobody = "0192f4c8-6f00-7000-8000-000000000001";
    let asked = [
        (Method::GET, "/v1/positions/{id}", &foreign),
        (Method::PATCH, "/v1/positions/{id}", &foreign),
        (Method::POST, "/v1/positions/{id}/closing", &foreign),
        (Method::GET, "/v1/candidates/{id}", &candidate),
        (Method::GET, "/v1/applications/{id}", &other),
        (Method::POST, "/v1/applications/{id}/moves", &other),
        (Method::POST, "/v1/applications/{id}/hire", &other),
        (Method::GET, "/v1/applications/{id}/interviewers", &other),
        (Method::GET, "/v1/applications/{id}/assessments", &other),
        (Method::POST, "/v1/applications/{id}/assessments", &other),
        (Method::GET, "/v1/applications/{id}/documents", &other),
        (Method::GET, "/v1/documents/{id}", &document),
        (Method::POST, "/v1/documents/{id}/links", &document),
    ];
    for (method, route, id) in asked {
        let body = match (&method, route.rsplit('/').next()) {
            (&Method::PATCH, _) => json!({ "headcount": 2 }),
            (_, Some("moves")) => json!({ "to": "offer" }),
            (&Method::POST, Some("assessments")) => json!({ "score": 1 }),
            _ => Value::Null,
        };
        for who in [MIA, IVO] {
            let ask = async |id: &str| {
                let path = route.replace("{id}", id);
                let answer = desk
                    .ask_if(who, method.clone(), &path, "\"1\"", body.clone())
                    .await;
                let told = answer.json["detail"]
                    .as_str()
                    .unwrap_or_default()
                    .replace(id, "");
                (answer.status, told)
            };
            let (theirs, none) = (ask(id).await, ask(nobody).await);
            assert_eq!(theirs, none, "{method} {route} {who:?}");
            assert!(
                matches!(theirs.0, 403 | 404),
                "{method} {route} {who:?}: {theirs:?}"
            );
        }
    }
    let list = desk.get(MIA, "/v1/applications").await.json;
    assert_eq!(list["applications"].as_array().unwrap().len(), 1);
    assert_eq!(
        desk.get(IVO, "/v1/candidates").await.json["candidates"],
        json!([])
    );
}

#[tokio::test]
async fn an_interviewer_sees_what_is_assigned_and_no_salary_or_address() {
    let desk = Desk::set().await;
    let position = desk.position("mia").await;
    let (candidate, application) = desk.application(&position, EMAIL).await;
    let path = format!("/v1/applications/{application}");
    assert_eq!(desk.get(IVO, &path).await.status, 404);
    let assigning = format!("{path}/interviewers/ivo");
    assert_eq!(
        desk.ask(MIA, Method::PUT, &assigning, Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(
        desk.ask(MIA, Method::PUT, &assigning, Value::Null)
            .await
            .status,
        204
    );

    let seen = desk.get(IVO, &path).await.json;
    assert!(seen["salary_expectation"].is_null(), "{seen}");
    assert_eq!(
        desk.get(MIA, &path).await.json["salary_expectation"]["amount"],
        91_234
    );
    let seen = desk
        .get(IVO, &format!("/v1/candidates/{candidate}"))
        .await
        .json;
    assert!(
        seen["name"].is_string() && seen["email"].is_null() && seen["phone"].is_null(),
        "{seen}"
    );
    assert_eq!(
        desk.get(IVO, &format!("/v1/positions/{position}"))
            .await
            .status,
        200
    );

    let assess = format!("{path}/assessments");
    assert_eq!(
        desk.post(MIA, &assess, json!({ "score": 2 })).await.status,
        201
    );
    assert_eq!(
        desk.post(IVO, &assess, json!({ "score": 4 })).await.status,
        201
    );
    assert_eq!(desk.post(IVO, &assess, json!({})).await.status, 422);
    assert_eq!(
        desk.post(IVO, &assess, json!({ "score": 6 })).await.status,
        422
    );
    let own = desk.get(IVO, &assess).await.json;
    assert_eq!(own["assessments"].as_array().unwrap().len(), 1);
    assert_eq!(
        desk.get(MIA, &assess).await.json["assessments"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        desk.ask(MIA, Method::DELETE, &assigning, Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(desk.get(IVO, &path).await.status, 404);
}
