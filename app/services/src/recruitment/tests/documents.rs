use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::desk::{ADA, Answer, Desk, EMAIL, RITA};

const CV: &[u8] = b"%PDF-1.7 a curriculum vitae";

async fn link(desk: &Desk, document: &str) -> String {
    let link = desk
        .post(
            RITA,
            &format!("/v1/documents/{document}/links"),
            Value::Null,
        )
        .await;
    assert_eq!(link.status, 201);
    link.json["url"].as_str().unwrap().to_owned()
}

async fn read(desk: &Desk, url: &str, headers: &[(&str, &str)]) -> Answer {
    desk.send(Method::GET, url, headers, Vec::new()).await
}

#[tokio::test]
async fn a_document_is_put_and_read_through_a_link() {
    let desk = Desk::set().await;
    let position = desk.position("mia").await;
    let (_, application) = desk.application(&position, EMAIL).await;
    let put = desk.put(&application, CV).await;
    assert_eq!(
        (put.status, put.json["size"].as_u64()),
        (201, Some(CV.len() as u64))
    );
    assert_eq!(desk.put(&application, CV).await.status, 200);
    let url = link(&desk, &put.id()).await;
    let whole = read(&desk, &url, &[]).await;
    assert_eq!((whole.status, whole.bytes.as_slice()), (200, CV));
    assert_eq!(
        whole.header("content-disposition"),
        "attachment; filename=\"cv.pdf\""
    );
    assert_eq!(
        whole.header("cache-control"),
        "private, max-age=300, immutable"
    );
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let tag = whole.header("etag").to_owned();
    let known = read(&desk, &url, &[("if-none-match", &tag)]).await;
    assert_eq!((known.status, known.bytes.len()), (304, 0));
    let part = read(&desk, &url, &[("range", "bytes=1-3")]).await;
    assert_eq!((part.status, part.bytes.as_slice()), (206, &CV[1..4]));
    assert_eq!(
        part.header("content-range"),
        format!("bytes 1-3/{}", CV.len())
    );
    let stale = read(
        &desk,
        &url,
        &[("range", "bytes=1-3"), ("if-range", "\"x\"")],
    )
    .await;
    assert_eq!(stale.status, 200);
    let beyond = read(&desk, &url, &[("range", "bytes=999-")]).await;
    assert_eq!(
        (beyond.status, beyond.header("content-range")),
        (416, "bytes */27")
    );
}

#[tokio::test]
async fn a_link_that_is_forged_late_or_about_what_is_gone_is_refused() {
    let desk = Desk::set().await;
    let position = desk.position("mia").await;
    let (_, application) = desk.application(&position, EMAIL).await;
    let document = desk.put(&application, CV).await.id();
    let url = link(&desk, &document).await;
    let other = url.replace(&document, "0192f4c8-6f00-7000-8000-000000000001");
    assert_eq!(read(&desk, &other, &[]).await.status, 403);
    assert_eq!(read(&desk, &format!("{url}x"), &[]).await.status, 403);
    assert_eq!(
        read(&desk, &format!("/v1/files/{document}"), &[])
            .await
            .status,
        400
    );
    desk.ask(
        RITA,
        Method::DELETE,
        &format!("/v1/documents/{document}"),
        Value::Null,
    )
    .await;
    assert_eq!(read(&desk, &url, &[]).await.status, 404);
    desk.clock.advance(Duration::from_mins(5));
    assert_eq!(read(&desk, &url, &[]).await.status, 403);
}

#[tokio::test]
async fn what_is_not_what_it_says_is_not_kept() {
    let desk = Desk::set().await;
    let position = desk.position("mia").await;
    let (_, application) = desk.application(&position, EMAIL).await;
    let at = |digest: &str| format!("/v1/applications/{application}/documents/{digest}?kind=cv");
    let wrong = desk
        .put_at(&at(&"ab".repeat(32)), "application/pdf", CV)
        .await;
    assert_eq!(wrong.status, 422);
    let right = wrong.json["digest"].as_str().unwrap().to_owned();
    assert_eq!(desk.put_at(&at(&right), "image/png", CV).await.status, 415);
    assert_eq!(desk.put_at(&at(&right), "text/html", CV).await.status, 415);
    assert_eq!(
        desk.put_at(&at("xyz"), "application/pdf", CV).await.status,
        400
    );
    let page = desk.put(&application, b"<html><script>").await;
    assert_eq!(page.status, 415);
    let mut large = CV.to_vec();
    large.resize((10 << 20) + 1, b' ');
    assert_eq!(desk.put(&application, &large).await.status, 413);
    large.pop();
    assert_eq!(desk.put(&application, &large).await.status, 201);
    assert_eq!(desk.api.files.stored().await.unwrap().len(), 1);
    let incoming = std::fs::read_dir(desk.folder.path().join("files/incoming")).unwrap();
    assert_eq!(incoming.count(), 0);
}

#[tokio::test]
async fn one_content_is_kept_once_and_as_long_as_something_refers_to_it() {
    let desk = Desk::set().await;
    let position = desk.position("mia").await;
    let (_, one) = desk.application(&position, EMAIL).await;
    let (_, other) = desk.application(&position, "other@example.org").await;
    let (first, second) = (
        desk.put(&one, CV).await.id(),
        desk.put(&other, CV).await.id(),
    );
    let sweep = async || {
        let swept = desk
            .post(ADA, "/v1/clean-up", json!({ "unreferenced_seconds": 0 }))
            .await;
        swept.json["removed"]["unreferenced_files"]
            .as_u64()
            .unwrap()
    };
    let remove = async |id: &str| {
        let path = format!("/v1/documents/{id}");
        desk.ask(RITA, Method::DELETE, &path, Value::Null)
            .await
            .status
    };
    assert_eq!(desk.api.files.stored().await.unwrap().len(), 1);
    assert_eq!((remove(&first).await, sweep().await), (204, 0));
    assert_eq!(
        read(&desk, &link(&desk, &second).await, &[]).await.bytes,
        CV
    );
    assert_eq!(remove(&second).await, 204);
    let usual = desk.post(ADA, "/v1/clean-up", json!({})).await.json;
    assert_eq!(
        usual["removed"]["unreferenced_files"], 0,
        "it may come again"
    );
    assert_eq!(sweep().await, 1);
    assert!(desk.api.files.stored().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_clean_up_takes_nothing_that_an_upload_brings_meanwhile() {
    let desk = Desk::set().await;
    let position = desk.position("mia").await;
    let (_, application) = desk.application(&position, EMAIL).await;
    for _ in 0..12 {
        let document = desk.put(&application, CV).await.id();
        desk.ask(
            RITA,
            Method::DELETE,
            &format!("/v1/documents/{document}"),
            Value::Null,
        )
        .await;
        let sweep = desk.post(ADA, "/v1/clean-up", json!({ "unreferenced_seconds": 0 }));
        let (put, swept) = tokio::join!(desk.put(&application, CV), sweep);
        assert_eq!((put.status, swept.status), (201, 200));
        let url = link(&desk, &put.id()).await;
        assert_eq!(read(&desk, &url, &[]).await.bytes, CV);
        desk.ask(
            RITA,
            Method::DELETE,
            &format!("/v1/documents/{}", put.id()),
            Value::Null,
        )
        .await;
    }
}

#[tokio::test]
async fn what_an_end_in_between_left_behind_is_removed_and_mended() {
    let desk = Desk::set().await;
    let position = desk.position("mia").await;
    let (_, application) = desk.application(&position, EMAIL).await;
    let put = desk.put(&application, CV).await;
    let files = desk.folder.path().join("files");
    // A file whose commit never came, and one whose arrival never ended.
    std::fs::create_dir_all(files.join("stored/cd")).unwrap();
    std::fs::write(
        files.join("stored/cd").join("cd".repeat(32)),
        b"%PDF-1.7 unknown",
    )
    .unwrap();
    std::fs::write(files.join("incoming/another.run"), b"%PDF").unwrap();
    let preview = desk.get(ADA, "/v1/clean-up").await.json["removed"].clone();
    let swept = desk.post(ADA, "/v1/clean-up", json!({})).await.json["removed"].clone();
    assert_eq!(preview, swept);
    assert_eq!(
        (&swept["unknown_files"], &swept["abandoned_files"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(desk.api.files.stored().await.unwrap().len(), 1);
    // A row whose file went before the commit.
    let digest = put.json["digest"].as_str().unwrap();
    desk.ask(
        RITA,
        Method::DELETE,
        &format!("/v1/documents/{}", put.id()),
        Value::Null,
    )
    .await;
    std::fs::remove_file(files.join("stored").join(&digest[..2]).join(digest)).unwrap();
    let again = desk.put(&application, CV).await;
    assert_eq!(
        read(&desk, &link(&desk, &again.id()).await, &[])
            .await
            .bytes,
        CV
    );
}

#[tokio::test]
async fn documents_of_what_was_decided_long_ago_go() {
    let desk = Desk::set().await;
    let position = desk.position("mia").await;
    let (_, application) = desk.application(&position, EMAIL).await;
    desk.put(&application, CV).await;
    let path = format!("/v1/applications/{application}/withdrawal");
    assert_eq!(
        desk.ask_if(RITA, Method::POST, &path, "*", Value::Null)
            .await
            .status,
        200
    );
    assert_eq!(desk.put(&application, b"%PDF-1.7 late").await.status, 409);
    let sweep = json!({ "decided_days": 1, "unreferenced_seconds": 0 });
    let swept = desk.post(ADA, "/v1/clean-up", sweep.clone()).await.json;
    assert_eq!(swept["removed"]["documents"], 0);
    desk.clock.advance(Duration::from_hours(24));
    assert_eq!(
        desk.post(ADA, "/v1/clean-up", sweep.clone()).await.json["removed"]["documents"],
        1
    );
    assert_eq!(
        desk.post(ADA, "/v1/clean-up", sweep).await.json["removed"]["unreferenced_files"],
        1
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_removed_holds_up_no_other() {
    let desk = Desk::set().await;
    let stored = desk.folder.path().join("files/stored");
    for folder in ["aa", "cd", "ff"] {
        std::fs::create_dir_all(stored.join(folder)).unwrap();
    }
    let file = |name: &str| stored.join(name).join(name.repeat(32));
    // No file can be removed that is a folder.
    std::fs::create_dir(file("cd")).unwrap();
    for name in ["aa", "ff"] {
        std::fs::write(file(name), b"%PDF-1.7 unknown").unwrap();
    }
    let swept = desk.post(ADA, "/v1/clean-up", json!({})).await;
    assert_eq!(swept.json["removed"]["unknown_files"], 2, "{}", swept.json);
    assert!(!file("aa").exists() && !file("ff").exists());
}
