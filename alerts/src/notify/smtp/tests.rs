//! Against a mail server on this machine that says what its script says.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;
use crate::notify::SecretSource;

struct Server {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

/// Offers what it is told to, and answers commands that begin with a word as given, else 250.
async fn server(offers: &'static [&'static str], answers: &'static [(&str, &str)]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let mut task = JoinSet::new();
    let told = Arc::clone(&heard);
    task.spawn(async move {
        let (stream, _) = listener.accept().await.expect("somebody comes");
        let mut stream = BufReader::new(stream);
        stream
            .write_all(b"220 ready\r\n")
            .await
            .expect("it is read");
        let mut in_mail = false;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_owned();
            told.lock().expect("no panic").push(line.clone());
            let scripted = answers.iter().find(|(word, _)| line.starts_with(word));
            let answer = match scripted {
                _ if in_mail && line != "." => continue,
                Some((_, answer)) => (*answer).to_owned(),
                None if line.starts_with("EHLO") => {
                    let all = [&["me"], offers].concat();
                    let last = all.len() - 1;
                    let lines = all.iter().enumerate().map(|(at, offer)| {
                        format!("250{}{offer}", if at == last { ' ' } else { '-' })
                    });
                    lines.collect::<Vec<_>>().join("\r\n")
                }
                None if line == "DATA" => "354 go on".to_owned(),
                None => "250 fine".to_owned(),
            };
            in_mail = line == "DATA" && answer.starts_with("354");
            let answer = format!("{answer}\r\n");
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    });
    Server {
        port,
        heard,
        _task: task,
    }
}

impl Server {
    fn mailbox(&self) -> Mailbox {
        let mut mailbox = Mailbox::new(&format!("127.0.0.1:{}", self.port), None).expect("fine");
        mailbox.require_tls = false;
        mailbox
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("no panic").clone()
    }
}

fn mail() -> Mail {
    Mail {
        from: "Watchfire <watchfire@example.org>".to_owned(),
        to: vec!["ada@example.org".to_owned(), "gone@example.org".to_owned()],
        subject: "down".to_owned(),
        message_id: "1@example.org".to_owned(),
        in_reply_to: None,
        date: watchfire_schemas::Timestamp::from_secs(1_795_327_200),
        headers: Vec::new(),
        text: "it is down".to_owned(),
        html: String::new(),
    }
}

const PATIENCE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_mins(1));

#[tokio::test]
async fn a_mail_is_handed_over() {
    let server = server(&[], &[]).await;
    assert_eq!(send(&server.mailbox(), &mail(), PATIENCE).await, Ok(250));
    let heard = server.heard();
    assert_eq!(
        heard[..5],
        [
            "EHLO localhost",
            "MAIL FROM:<watchfire@example.org>",
            "RCPT TO:<ada@example.org>",
            "RCPT TO:<gone@example.org>",
            "DATA"
        ]
    );
    assert!(heard.contains(&"Subject: down".to_owned()));
}

#[tokio::test]
async fn one_wrong_address_does_not_keep_the_others_from_being_told() {
    let answers = &[("RCPT TO:<gone", "550 no such user")];
    let server = server(&[], answers).await;
    assert_eq!(send(&server.mailbox(), &mail(), PATIENCE).await, Ok(250));
}

async fn check_failure(answers: &'static [(&str, &str)], reason: FailureReason, text: &str) {
    let server = server(&[], answers).await;
    let failure = send(&server.mailbox(), &mail(), PATIENCE).await;
    let failure = failure.expect_err("it is not taken");
    assert_eq!((failure.reason, failure.text.as_str()), (reason, text));
}

#[tokio::test]
async fn a_reply_says_whether_to_come_again() {
    check_failure(
        &[("DATA", "451 come later")],
        FailureReason::TryLater,
        "SMTP 451: the mail was not taken: come later",
    )
    .await;
    check_failure(
        &[("RCPT", "550 no such user")],
        FailureReason::Refused,
        "SMTP 550: a recipient was not taken: no such user",
    )
    .await;
    check_failure(
        &[("MAIL", "nonsense")],
        FailureReason::UnexpectedAnswer,
        "the answer is not a mail server's",
    )
    .await;
}

#[tokio::test]
async fn without_tls_nothing_is_sent_where_it_is_required() {
    let server = server(&[], &[]).await;
    let mut mailbox = server.mailbox();
    mailbox.require_tls = true;
    let failure = send(&mailbox, &mail(), PATIENCE).await.expect_err("no TLS");
    assert_eq!(failure.reason, FailureReason::Refused);
    assert_eq!(server.heard(), ["EHLO localhost"]);
}

async fn check_login(
    offer: &'static [&'static str],
    answers: &'static [(&str, &str)],
    expected: &[&str],
) {
    let server = server(offer, answers).await;
    let mut mailbox = server.mailbox();
    mailbox.username = "tim".to_owned();
    mailbox.password = Some(SecretSource::Written("hush".into()));
    mailbox.secret = Some(SecretSource::Written("tanstaaftanstaaf".into()));
    assert_eq!(send(&mailbox, &mail(), PATIENCE).await, Ok(250));
    assert_eq!(server.heard()[1..=expected.len()], *expected);
}

#[tokio::test]
async fn each_way_to_log_in_is_spoken() {
    check_login(
        &["AUTH PLAIN LOGIN"],
        &[("AUTH PLAIN", "235 welcome")],
        &["AUTH PLAIN AHRpbQBodXNo"],
    )
    .await;
    check_login(
        &["AUTH LOGIN"],
        &[
            ("AUTH LOGIN", "334 VXNlcm5hbWU6"),
            ("dGlt", "334 UGFzc3dvcmQ6"),
            ("aHVzaA==", "235 welcome"),
        ],
        &["AUTH LOGIN", "dGlt", "aHVzaA=="],
    )
    .await;
    check_login(
        &["AUTH CRAM-MD5 PLAIN"],
        &[
            (
                "AUTH CRAM-MD5",
                "334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+",
            ),
            (
                "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw",
                "235 welcome",
            ),
        ],
        &[
            "AUTH CRAM-MD5",
            "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_refused_login_condemns_the_destination() {
    let answers = &[("AUTH PLAIN", "535 no")];
    let server = server(&["AUTH PLAIN"], answers).await;
    let mut mailbox = server.mailbox();
    mailbox.username = "tim".to_owned();
    mailbox.password = Some(SecretSource::Written("hush".into()));
    let failure = send(&mailbox, &mail(), PATIENCE).await.expect_err("no");
    assert_eq!(failure.reason, FailureReason::Auth);
}

#[test]
fn a_dot_at_the_start_of_a_line_is_doubled() {
    assert_eq!(stuffed(b".a\r\nb.\r\n..\r\n"), b"..a\r\nb.\r\n...\r\n.\r\n");
}
