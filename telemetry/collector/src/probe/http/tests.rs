use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::probe::{ProbeEntry, ProbeKind};

/// Answers one connection after the other with what the script says. Gives the requests back.
async fn served(
    script: &[&'static str],
    settings: &str,
) -> (Result<(), String>, Findings, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let script = script.to_vec();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut requests = Vec::new();
        for answer in script {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            let length = stream.read(&mut buffer).await.unwrap();
            requests.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        requests
    });
    let entry = format!(
        r#"{{"kind": "http", "name": "p", "target": "http://{address}/a/b?c=d"{settings}}}"#
    );
    let entry: ProbeEntry = serde_json::from_str(&entry).unwrap();
    let ProbeKind::Http(probe) = entry.meaning().unwrap().kind else {
        panic!("not HTTP")
    };
    let mut findings = Findings::default();
    let result = probe.run(&mut findings).await;
    let requests = tasks.join_next().await.unwrap().unwrap();
    (result, findings, requests)
}

const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const MOVED: &str = "HTTP/1.1 302 Found\r\nLocation: ../c\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn an_answer_is_described_phase_by_phase() {
    let (result, findings, requests) = served(&[FINE], r#", "headers": {"X-Probe": "1"}"#).await;
    assert_eq!(result, Ok(()));
    assert_eq!(findings.value("probe_http_status_code"), Some(200.0));
    assert_eq!(findings.value("probe_http_content_length"), Some(5.0));
    assert_eq!(findings.value("probe_http_ssl"), Some(0.0));
    assert_eq!(findings.value("probe_ip_protocol"), Some(4.0));
    assert_eq!(
        findings.phases(),
        ["resolve", "connect", "processing", "transfer"]
    );
    assert!(
        requests[0].starts_with("GET /a/b?c=d HTTP/1.1\r\nx-probe: 1\r\nhost: 127.0.0.1:"),
        "{requests:?}"
    );
}

#[tokio::test]
async fn redirects_are_followed_unless_told_otherwise() {
    let (result, findings, requests) = served(&[MOVED, FINE], "").await;
    assert_eq!(result, Ok(()));
    assert_eq!(findings.value("probe_http_redirects"), Some(1.0));
    assert!(
        requests[1].starts_with("GET /a/../c HTTP/1.1\r\n"),
        "{requests:?}"
    );
    let (result, findings, _) = served(&[MOVED], r#", "follow_redirects": false"#).await;
    assert_eq!(result.unwrap_err(), "the answer is 302 Found");
    assert_eq!(findings.value("probe_http_status_code"), Some(302.0));
    let (result, ..) = served(&[MOVED; 11], "").await;
    assert_eq!(result.unwrap_err(), "more than 10 redirects");
}

#[tokio::test]
async fn status_and_body_must_be_as_expected() {
    let (result, findings, requests) = served(
        &[FINE],
        r#", "expected_body": "^h.l+o$", "method": "POST", "body": "x""#,
    )
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(findings.value("probe_failed_due_to_regex"), Some(0.0));
    assert!(requests[0].starts_with("POST "), "{requests:?}");
    let (result, findings, _) = served(&[FINE], r#", "expected_body": "bye""#).await;
    assert_eq!(result.unwrap_err(), "the body does not match \"bye\"");
    assert_eq!(findings.value("probe_failed_due_to_regex"), Some(1.0));
    let (result, ..) = served(&[FINE], r#", "expected_status": [204, 404]"#).await;
    assert_eq!(result.unwrap_err(), "the answer is 200 OK");
}

#[tokio::test]
async fn what_is_no_http_is_told() {
    let (result, findings, _) = served(&["SSH-2.0-x\r\n"], "").await;
    assert!(
        result
            .unwrap_err()
            .starts_with("the connection broke off: ")
    );
    assert_eq!(findings.value("probe_http_status_code"), None);
    assert_eq!(findings.phases(), ["resolve", "connect", "processing"]);
}

#[test]
fn a_redirect_leads_somewhere() {
    let url: Uri = "https://x.example:8443/a/b?c".parse().unwrap();
    let check = |location: &str, expected: &str| {
        assert_eq!(
            joined(&url, location).unwrap().to_string(),
            expected,
            "{location}"
        );
    };
    check("http://y.example/z#part", "http://y.example/z");
    check("//y.example/z", "https://y.example/z");
    check("/z?q", "https://x.example:8443/z?q");
    check("z", "https://x.example:8443/a/z");
    assert!(joined(&url, "/ \n").is_err());
}
