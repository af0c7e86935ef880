//! A receiver on this machine that does what its script says.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What to do with a request.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Status, further header lines, body.
    Answer(u16, &'static str, &'static str),
    /// Say nothing for so long, then close.
    Hang(Duration),
    /// Take the request, then reset the connection.
    Reset,
}

impl Step {
    pub(super) const OK: Self = Self::Answer(200, "", "ok");

    pub(super) const fn status(status: u16) -> Self {
        Self::Answer(status, "", "")
    }
}

#[derive(Debug, Clone)]
pub(super) struct Request {
    pub at: Instant,
    pub path: String,
    pub head: String,
    pub raw: Vec<u8>,
    pub body: Value,
}

#[derive(Debug)]
pub(super) struct Receiver {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    script: Mutex<VecDeque<Step>>,
    /// What comes when the script is over.
    then: Mutex<Step>,
    seen: Mutex<Vec<Request>>,
}

impl Receiver {
    pub(super) fn start(script: impl IntoIterator<Item = Step>) -> Self {
        Self::listen(Self::reserve(), script)
    }

    /// An address of our own that refuses connections until somebody listens on it.
    pub(super) fn reserve() -> TcpSocket {
        let socket = TcpSocket::new_v4().expect("a socket");
        let any = "127.0.0.1:0".parse().expect("an address");
        socket.bind(any).expect("a free port");
        socket
    }

    pub(super) fn listen(socket: TcpSocket, script: impl IntoIterator<Item = Step>) -> Self {
        let listener = socket.listen(64).expect("it listens");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            script: Mutex::new(script.into_iter().collect()),
            then: Mutex::new(Step::OK),
            seen: Mutex::new(Vec::new()),
        });
        let mut tasks = JoinSet::new();
        let served = Arc::clone(&shared);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&served)));
            }
        });
        Self {
            address,
            shared,
            _tasks: tasks,
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    pub(super) fn seen(&self) -> Vec<Request> {
        self.shared.seen.lock().unwrap().clone()
    }

    pub(super) fn always(&self, step: Step) {
        *self.shared.then.lock().unwrap() = step;
    }

    pub(super) async fn wait_for(&self, requests: usize) -> Vec<Request> {
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline && self.seen().len() < requests {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let seen = self.seen();
        assert!(seen.len() >= requests, "{} of {requests} came", seen.len());
        seen
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    while let Some(request) = read_request(&mut stream).await {
        let step = {
            let mut script = shared.script.lock().unwrap();
            let then = shared.then.lock().unwrap();
            script.pop_front().unwrap_or_else(|| then.clone())
        };
        shared.seen.lock().unwrap().push(request);
        match step {
            Step::Answer(status, headers, body) => {
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status} Scripted\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
                );
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            Step::Hang(time) => return tokio::time::sleep(time).await,
            Step::Reset => {
                stream.set_zero_linger().expect("the socket is open");
                return;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).to_lowercase();
    let length = head.lines().find_map(|line| {
        let length = line.strip_prefix("content-length: ")?;
        length.trim().parse::<usize>().ok()
    })?;
    while bytes.len() < head_end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let raw = bytes[head_end..].to_vec();
    Some(Request {
        at: Instant::now(),
        path: head.split(' ').nth(1)?.to_owned(),
        body: serde_json::from_slice(&raw).ok()?,
        raw,
        head,
    })
}
