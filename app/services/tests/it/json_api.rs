use http::Method;
use serde_json::Value;

use crate::stage::Stage;

const JSON_API: &str = "application/vnd.api+json";

#[tokio::test]
async fn a_list_is_filtered_sorted_paged_and_complete_with_what_it_includes() {
    let stage = Stage::set().await;
    let path = "/api/places?filter[place]=portugal&filter[kind]=city&sort=-name&page[size]=3&include=parent.parent";
    let answer = stage.get(path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], JSON_API);
    assert_eq!(answer.headers["vary"], "accept");
    let ids = |value: &Value| -> Vec<String> {
        let list = value.as_array().expect("a list");
        list.iter()
            .map(|one| one["id"].as_str().expect("an id").to_owned())
            .collect()
    };
    assert_eq!(answer.json["meta"]["total"], 4);
    assert_eq!(
        ids(&answer.json["data"]),
        [
            "portugal-evora",
            "portugal-viana-do-castelo",
            "portugal-braga"
        ],
        "É comes after plain letters, as bytes go"
    );
    let mut included = ids(&answer.json["included"]);
    included.sort();
    assert_eq!(
        included,
        ["portugal", "portugal-alentejo", "portugal-minho"]
    );

    let next = answer.json["links"]["next"]
        .as_str()
        .expect("a further page");
    assert!(next.starts_with("/api/places?"), "{next}");
    let last = stage.get(next).await;
    assert_eq!(ids(&last.json["data"]), ["portugal-beja"]);
    assert_eq!(last.json["links"].get("next"), None);
    stage.strike().await;
}

#[tokio::test]
async fn relationships_lead_where_their_links_say() {
    let stage = Stage::set().await;
    let place = stage
        .get("/api/places?filter[kind]=neighbourhood&page[size]=1&include=points-of-interest")
        .await;
    let place = &place.json["data"][0];
    let linked = place["relationships"]["points-of-interest"]["data"]
        .as_array()
        .expect("linkage")
        .len();
    let link = place["relationships"]["points-of-interest"]["links"]["related"]
        .as_str()
        .expect("a link");
    let points = stage.get(link).await;
    assert_eq!(points.json["data"].as_array().map(Vec::len), Some(linked));
    let parent = stage
        .get(
            place["relationships"]["parent"]["links"]["related"]
                .as_str()
                .expect("a link"),
        )
        .await;
    assert_eq!(
        parent.json["data"]["id"],
        place["relationships"]["parent"]["data"]["id"]
    );
    let none = stage.get("/api/places/world/parent").await;
    assert_eq!((none.status, &none.json["data"]), (200, &Value::Null));
    let sparse = stage.get("/api/places/world?fields[places]=name").await;
    assert_eq!(
        sparse.json["data"]["attributes"],
        serde_json::json!({"name": "World"})
    );
    assert_eq!(sparse.json["data"].get("relationships"), None);
    stage.strike().await;
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_with_the_reason() {
    let stage = Stage::set().await;
    let check = async |method: Method, path: &str, headers: &[(&str, &str)], status: u16| {
        let answer = stage.send(method.clone(), path, headers, "").await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        assert!(
            answer.json["errors"][0]["detail"].is_string(),
            "{path}: {}",
            answer.text
        );
        assert_eq!(answer.headers["content-type"], JSON_API);
    };
    check(Method::GET, "/api/places/atlantis", &[], 404).await;
    check(Method::GET, "/api/boats", &[], 404).await;
    check(Method::GET, "/api/places/a/b/c/d", &[], 404).await;
    check(Method::GET, "/api/metrics", &[], 404).await;
    check(Method::GET, "/api/places?page[size]=0", &[], 400).await;
    check(Method::GET, "/api/places?wrong=1", &[], 400).await;
    check(Method::GET, "/api/places/%FF", &[], 400).await;
    check(Method::GET, "/api/places", &[("accept", "text/html")], 406).await;
    check(
        Method::POST,
        "/api/places",
        &[("content-type", "application/json")],
        415,
    )
    .await;
    check(Method::DELETE, "/api/places", &[], 405).await;
    let outside = stage.get("/elsewhere").await;
    assert_eq!(
        (outside.status, &outside.json["status"]),
        (404, &404.into())
    );
    assert_eq!(outside.headers["content-type"], "application/problem+json");
    stage.strike().await;
}

#[tokio::test]
async fn no_query_string_is_a_server_error() {
    let stage = Stage::set().await;
    let names = [
        "sort",
        "include",
        "filter[kind]",
        "filter[place]",
        "page[size]",
        "page[number]",
        "fields[places]",
        "fields[",
        "filter",
        "[",
        "",
    ];
    let values = [
        "",
        ",",
        "-",
        "name",
        "-name,-name",
        "parent.parent.parent.parent.parent.parent.parent",
        "%00",
        "%ff",
        "'; DROP TABLE places; --",
        "99999999999999999999",
        "-1",
        "1e3",
        "points-of-interest.place.points-of-interest",
    ];
    for resource in ["places", "places/world", "points-of-interest"] {
        for name in names {
            for value in values {
                let encoded = format!("{name}={value}").replace(' ', "+");
                let path = format!("/api/{resource}?{encoded}");
                let answer = stage.get(&path).await;
                assert!(
                    matches!(answer.status, 200 | 400),
                    "{path}: {} {}",
                    answer.status,
                    answer.text
                );
            }
        }
    }
    stage.strike().await;
}
