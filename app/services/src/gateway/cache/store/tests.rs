mod server;

use std::collections::BTreeMap;

use http::header::{ACCEPT, CACHE_CONTROL, ETAG, VARY};
use http::{HeaderMap, HeaderName, StatusCode};
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;
use watchfire_schemas::{Batch, SeverityNumber, SystemClock};
use watchfire_telemetry::LogOutput;

use self::server::{Server, until};
use super::*;
use crate::fault::{Fault, FaultKind, FaultSwitch};
use crate::gateway::cache::{Cache, Found};
use crate::telemetry::GATEWAY;

/// One gateway's cache, before a Redis.
struct Gateway {
    cache: Cache,
    store: Arc<Store>,
    telemetry: Telemetry,
    batches: mpsc::Receiver<Batch>,
    faults: FaultSwitch,
    stop: CancellationToken,
}

impl Gateway {
    fn before(url: &str) -> Self {
        let (sender, batches) = mpsc::channel(64);
        let telemetry = Telemetry::service(GATEWAY)
            .log_output(LogOutput::Nowhere)
            .hand_over(sender)
            .start()
            .unwrap();
        let url = CacheUrl::parse(url).unwrap();
        let (clock, faults) = (Arc::new(SystemClock), Arc::new(Faults::none(1)));
        let services = BTreeMap::from([(GATEWAY, Arc::clone(&faults))]);
        let faults_switch = FaultSwitch::new(services, mpsc::unbounded_channel().0, clock.clone());
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let patience = Duration::from_secs(30);
        let with = (clock as Arc<dyn Clock>, faults);
        let store = Store::with_patience(url, with, &telemetry, tasks.clone(), patience);
        tasks.spawn(Arc::clone(&store).keep(stop.clone()));
        Self {
            cache: Cache::new(&mut Registry::default(), Some(Arc::clone(&store))),
            store,
            telemetry,
            batches,
            faults: faults_switch,
            stop,
        }
    }

    /// Before a Redis that answers.
    async fn up(url: &str) -> Self {
        let gateway = Self::before(url);
        until("the store is up", || gateway.store.is_up()).await;
        gateway
    }

    /// Looks for an answer as a request does.
    async fn far(&self, address: &str, asked: &HeaderMap) -> Found {
        let looking = self.cache.find_far(address, asked);
        self.telemetry.scope(looking).await
    }

    fn count(&self, operation: &'static str, outcome: &'static str) -> u64 {
        let labels = Labels { operation, outcome };
        self.store.calls.get_or_create_owned(&labels).get()
    }

    /// Waits for a log line that holds `part`.
    async fn line(&mut self, part: &str) -> String {
        let told = async {
            loop {
                let Some(Batch::Logs(records)) = self.batches.recv().await else {
                    continue;
                };
                let mut lines = records.into_iter().map(|record| record.message);
                if let Some(line) = lines.find(|line| line.contains(part)) {
                    return line;
                }
            }
        };
        let told = tokio::time::timeout(server::PATIENCE, told).await;
        told.unwrap_or_else(|_| panic!("no line tells: {part}"))
    }

    /// The warnings that it has told until now.
    async fn warnings(mut self) -> Vec<String> {
        self.stop.cancel();
        crate::telemetry::stop(vec![self.telemetry.clone()]).await;
        let mut told = Vec::new();
        while let Ok(batch) = self.batches.try_recv() {
            if let Batch::Logs(records) = batch {
                let warnings = records.into_iter();
                let warnings = warnings.filter(|record| record.severity == SeverityNumber::WARN);
                told.extend(warnings.map(|record| record.message));
            }
        }
        told
    }
}

fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (name.clone(), value.parse().unwrap()))
        .collect()
}

fn asking(accept: &str) -> HeaderMap {
    headers(&[(ACCEPT, accept)])
}

fn entry(body: Vec<u8>, asked: &HeaderMap) -> Arc<Entry> {
    let control = "max-age=60, stale-if-error=60";
    let told = headers(&[(CACHE_CONTROL, control), (VARY, "accept"), (ETAG, "\"v1\"")]);
    let entry = Entry::new(StatusCode::OK, told, body.into(), asked, Instant::now());
    Arc::new(entry.unwrap())
}

fn now() -> Now {
    Now {
        here: Instant::now(),
        everywhere: SystemClock.now(),
    }
}

#[test]
fn a_value_holds_its_answers_with_their_age() {
    let (json, html) = (asking("application/json"), asking("text/html"));
    let now = now();
    let entries = [entry(b"{}\n".to_vec(), &json), entry(Vec::new(), &html)];
    let (value, lasts) = value::encode("/a", entries.iter().map(|entry| &**entry), now).unwrap();
    assert!(lasts <= Duration::from_mins(2) && lasts > Duration::from_mins(1));
    let later = Now {
        here: now.here + Duration::from_secs(70),
        everywhere: now.everywhere + Duration::from_secs(70),
    };
    let held = value::decode("/a", value.clone(), later).unwrap();
    assert_eq!(held.len(), 2);
    assert_eq!(&held[0].body[..], b"{}\n");
    assert_eq!(held[0].etag().unwrap(), "\"v1\"");
    assert!(held[0].is_for(&json) && held[1].is_for(&html) && !held[1].is_for(&json));
    let left = held[0].of_use_for(later.here);
    assert!(
        left < Duration::from_secs(51) && left > Duration::from_secs(40),
        "{left:?}"
    );

    assert!(
        value::decode("/b", value.clone(), now).is_none(),
        "of another address"
    );
    for end in [0, 1, value.len() - 1] {
        assert!(
            value::decode("/a", value[..end].to_vec(), now).is_none(),
            "{end}"
        );
    }
    let mut longer = value.clone();
    longer.push(b'x');
    assert!(value::decode("/a", longer, now).is_none());
}

#[test]
fn what_is_of_no_use_to_others_has_no_value() {
    let now = now();
    let old = Now {
        here: now.here + Duration::from_mins(3),
        everywhere: now.everywhere,
    };
    let one = entry(b"1".to_vec(), &HeaderMap::new());
    assert!(value::encode("/a", [&*one], old).is_none(), "too old");
    let large = entry(vec![0; 3 << 20], &HeaderMap::new());
    assert!(value::encode("/a", [&*large], now).is_none(), "too large");
    let (value, _) = value::encode("/a", [&*large, &*one], now).unwrap();
    assert_eq!(value::decode("/a", value, now).unwrap().len(), 1);
}

#[test]
fn a_key_is_readable_and_bounded() {
    assert_eq!(key("/api/places?page=1"), "watchfire:v1:/api/places?page=1");
    let long = key(&"/a".repeat(5000));
    assert!(
        long.starts_with("watchfire:v1:sha256:") && long.len() < 80,
        "{long}"
    );
}

#[tokio::test]
async fn what_one_gateway_keeps_another_shows_until_it_is_taken_out() {
    let Some(server) = Server::any().await else {
        return;
    };
    let (one, other) = (
        Gateway::up(server.url()).await,
        Gateway::up(server.url()).await,
    );
    let (address, json) = (format!("/kept/{}", server.run), asking("application/json"));
    let found = other.far(&address, &json).await;
    assert!(
        matches!(found, Found::Missing { old: None, .. }),
        "{found:?}"
    );

    one.cache
        .keep(&address, &json, &entry(b"{}".to_vec(), &json));
    until("it is stored", || one.count("SET", "stored") == 1).await;
    let Found::Fresh(found) = other.far(&address, &json).await else {
        panic!("the other gateway finds it");
    };
    assert_eq!(
        (&found.body[..], found.etag().unwrap().as_bytes()),
        (&b"{}"[..], &b"\"v1\""[..])
    );
    let html = other.far(&address, &asking("text/html")).await;
    assert!(
        matches!(html, Found::Missing { old: None, .. }),
        "of another kind: {html:?}"
    );

    let here = || other.cache.find(&address, &json, Instant::now());
    assert!(matches!(here(), Found::Fresh(_)), "it is near now");
    let later = Instant::now() + Duration::from_secs(3);
    let due = other.cache.find(&address, &json, later);
    assert!(matches!(due, Found::Unconfirmed), "{due:?}");

    server.command(&["DEL", &key(&address)]).await;
    let found = other.far(&address, &json).await;
    assert!(
        matches!(
            found,
            Found::Missing {
                old: Some(_),
                if_error: true
            }
        ),
        "{found:?}"
    );
    assert!(
        matches!(here(), Found::Missing { old: None, .. }),
        "it is gone here too"
    );
}

#[tokio::test]
async fn what_is_not_ours_is_written_over() {
    let Some(server) = Server::any().await else {
        return;
    };
    let gateway = Gateway::up(server.url()).await;
    let (address, asked) = (format!("/malformed/{}", server.run), HeaderMap::new());
    server.command(&["SET", &key(&address), "{}\nx"]).await;
    let found = gateway.far(&address, &asked).await;
    assert!(matches!(found, Found::Missing { .. }), "{found:?}");
    assert_eq!(gateway.count("GET", "malformed"), 1);
    gateway
        .cache
        .keep(&address, &asked, &entry(b"y".to_vec(), &asked));
    until("it is stored", || gateway.count("SET", "stored") == 1).await;
    let found = gateway.far(&address, &asked).await;
    assert!(matches!(found, Found::Fresh(_)), "{found:?}");
    server.command(&["DEL", &key(&address)]).await;
}

#[tokio::test]
async fn a_store_that_is_down_is_told_once_and_is_back_by_itself() {
    let Some(server) = Server::any().await else {
        return;
    };
    let gateway = Gateway::up(server.url()).await;
    let (address, asked) = (format!("/down/{}", server.run), HeaderMap::new());
    gateway
        .cache
        .keep(&address, &asked, &entry(b"y".to_vec(), &asked));
    until("it is stored", || gateway.count("SET", "stored") == 1).await;
    let down = Fault::new(GATEWAY, FaultKind::DependencyDown);
    gateway.faults.begin(down).unwrap();
    for _ in 0..9 {
        let found = gateway.far(&address, &asked).await;
        assert!(
            matches!(found, Found::Fresh(_)),
            "what is near is shown: {found:?}"
        );
    }
    assert!(!gateway.store.is_up());
    assert_eq!(
        (
            gateway.count("GET", "error"),
            gateway.count("GET", "unavailable")
        ),
        (1, 8)
    );
    gateway.faults.end_all();
    until("it is up again", || gateway.store.is_up()).await;
    let found = gateway.far(&address, &asked).await;
    assert!(matches!(found, Found::Fresh(_)));
    assert_eq!(gateway.count("GET", "hit"), 1);
    let lines = gateway.warnings().await;
    assert!(
        lines.len() == 1 && lines[0].contains("is out of use"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_full_store_is_told_once_and_no_answer_is_lost() {
    let Some(server) = Server::own(&["--maxmemory", "1", "--maxmemory-policy", "noeviction"]).await
    else {
        return;
    };
    let gateway = Gateway::up(server.url()).await;
    let asked = HeaderMap::new();
    for address in ["/1", "/2", "/3"] {
        gateway
            .cache
            .keep(address, &asked, &entry(b"y".to_vec(), &asked));
    }
    until("all are refused", || gateway.count("SET", "refused") == 3).await;
    let later = Instant::now() + Duration::from_secs(5);
    let found = gateway.cache.find("/1", &asked, later);
    assert!(
        matches!(found, Found::Fresh(_)),
        "it is ours alone: {found:?}"
    );
    assert!(gateway.store.is_up());
    let lines = gateway.warnings().await;
    assert!(
        lines.len() == 1 && lines[0].contains("refuses SET"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_wrong_password_is_told_without_it() {
    let Some(server) = Server::own(&["--requirepass", "right"]).await else {
        return;
    };
    let with = |password: &str| {
        server
            .url()
            .replace("redis://", &format!("redis://:{password}@"))
    };
    let mut gateway = Gateway::before(&with("s3cret"));
    let line = gateway.line("is out of use").await;
    assert!(
        line.contains("AuthenticationFailed") && !line.contains("s3cret"),
        "{line}"
    );
    let found = gateway.far("/a", &HeaderMap::new()).await;
    assert!(matches!(found, Found::Missing { .. }));
    drop(Gateway::up(&with("right")).await);
}

#[tokio::test]
async fn a_store_that_never_replies_holds_nobody_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let gateway = Gateway::before(&url);
    let found = gateway.far("/a", &HeaderMap::new()).await;
    assert!(matches!(found, Found::Missing { .. }));
    assert_eq!(gateway.count("GET", "unavailable"), 1);
}
