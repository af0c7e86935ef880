use crate::server::Server;

/// A foreign name or a foreign page is refused, on every HTTP listener.
#[tokio::test(flavor = "multi_thread")]
async fn only_our_own_pages_may_act() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--allowed-host=watchfire.internal"]);
    let check = async |url: String, headers: &[(&str, &str)], status: u16| {
        let mut request = server.client.post(url).body("{}");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let found = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(found == 403, status == 403, "{headers:?}: {found} {text}");
    };
    let console = server.url("/api/v1/changes");
    let otlp = server.otlp_url("/v1/logs");
    for url in [console, otlp] {
        check(url.clone(), &[("origin", "http://evil.example")], 403).await;
        check(url.clone(), &[("host", "evil.example")], 403).await;
        check(url.clone(), &[("sec-fetch-site", "cross-site")], 403).await;
        check(url.clone(), &[("host", "watchfire.internal")], 200).await;
        check(url.clone(), &[], 200).await;
    }
    let page = server
        .client
        .get(server.url("/"))
        .header("host", "rebound.example")
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 403);
    server.stop();
}
