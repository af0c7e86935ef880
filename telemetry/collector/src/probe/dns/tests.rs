use super::*;
use crate::probe::dns_message::RecordType;

/// Asks a server that gives these bytes after the question, with these flags, over UDP and over TCP.
async fn asked(flags: u16, answer: &'static [u8], expected: &[&str]) -> Result<Findings, String> {
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = udp.local_addr().unwrap();
    let tcp = tokio::net::TcpListener::bind(address).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    let replied = move |question: &[u8], flags: u16| {
        let mut message = question.to_vec();
        message[2..4].copy_from_slice(&flags.to_be_bytes());
        message[7] = u8::from(!answer.is_empty());
        message.extend(answer);
        message
    };
    tasks.spawn(async move {
        let mut buffer = [0; 512];
        let (length, from) = udp.recv_from(&mut buffer).await.unwrap();
        // What is not for us comes first.
        udp.send_to(b"noise", from).await.unwrap();
        udp.send_to(&replied(&buffer[..length], flags), from)
            .await
            .unwrap();
    });
    tasks.spawn(async move {
        let (mut stream, _) = tcp.accept().await.unwrap();
        let mut question = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut question).await.unwrap();
        let message = replied(&question, flags & !0x0200);
        stream.write_u16(message.len() as u16).await.unwrap();
        stream.write_all(&message).await.unwrap();
    });
    let probe = DnsProbe {
        server: Some((address.ip().to_string(), address.port())),
        name: "x.example".to_owned(),
        record: RecordType::named("A").unwrap(),
        expected: expected.iter().map(ToString::to_string).collect(),
        over_tcp: false,
    };
    let mut findings = Findings::default();
    probe.run(7, &mut findings).await.map(|()| findings)
}

const ADDRESS: &[u8] = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01";

#[tokio::test]
async fn an_answer_is_judged() {
    let findings = asked(0x8180, ADDRESS, &["192.0.2.1"]).await.unwrap();
    assert_eq!(findings.value("probe_dns_query_succeeded"), Some(1.0));
    assert_eq!(findings.value("probe_dns_answer_rrs"), Some(1.0));
    assert_eq!(findings.value("probe_ip_protocol"), Some(4.0));
    assert_eq!(findings.phases(), ["resolve", "connect", "request"]);
    let missing = asked(0x8180, ADDRESS, &["192.0.2.2"]).await.unwrap_err();
    assert_eq!(missing, "\"192.0.2.2\" is not among the answers: 192.0.2.1");
    assert_eq!(
        asked(0x8180, b"", &[]).await.unwrap_err(),
        "x.example has no such record"
    );
    assert_eq!(
        asked(0x8183, b"", &[]).await.unwrap_err(),
        "the server says NXDOMAIN"
    );
}

#[tokio::test]
async fn what_a_datagram_does_not_hold_is_asked_for_again() {
    let findings = asked(0x8380, ADDRESS, &["192.0.2.1"]).await.unwrap();
    assert_eq!(findings.value("probe_dns_query_succeeded"), Some(1.0));
}
