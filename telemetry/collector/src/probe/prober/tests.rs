use std::sync::Mutex as StdMutex;

use async_trait::async_trait;
use tokio::net::TcpListener;
use watchfire_schemas::{ManualClock, MetricMetadata};

use super::*;
use crate::Refusal;
use crate::hand_over::STALE;
use crate::probe::ProbeEntry;

#[derive(Debug, Default)]
struct Kept(StdMutex<Vec<SeriesSamples>>);

#[async_trait]
impl Destination for Kept {
    async fn take(
        &self,
        receiver: &'static str,
        series: Vec<SeriesSamples>,
        _metadata: Vec<MetricMetadata>,
    ) -> Result<(), Refusal> {
        assert_eq!(receiver, "probe");
        self.0.lock().unwrap().extend(series);
        Ok(())
    }
}

impl Kept {
    /// The values of a series so far.
    fn values(&self, name: &str) -> Vec<f64> {
        let all = self.0.lock().unwrap();
        let of_name = all.iter().filter(|one| one.labels.name() == name);
        of_name.map(|one| one.samples[0].v).collect()
    }

    async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let patience = Duration::from_mins(1);
        let waiting = async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(patience, waiting)
            .await
            .expect("it happens within a minute");
    }
}

fn probe(text: &str) -> ProbeConfig {
    let entry: ProbeEntry = serde_json::from_str(text).unwrap();
    entry.meaning().unwrap()
}

#[tokio::test]
async fn success_and_failure_are_told_and_what_is_gone_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let text =
        format!(r#"{{"kind": "tcp", "name": "door", "target": "{address}", "every": "50ms"}}"#);
    let kept = Arc::new(Kept::default());
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_secs(1)));
    let meters = GatherMeters::default();
    let destination = Arc::clone(&kept) as Arc<dyn Destination>;
    let prober = Prober::with_destination(destination, vec![probe(&text)], &clock, &meters);
    prober.start();
    prober.start();
    kept.until(|kept| kept.values("probe_success").contains(&1.0))
        .await;
    drop(listener);
    kept.until(|kept| kept.values("probe_success").last() == Some(&0.0))
        .await;
    prober.stop().await;
    // Nobody knows the protocol of a connection that was not made.
    let protocol = kept.values("probe_ip_protocol");
    assert_eq!(protocol.last().unwrap().to_bits(), STALE.to_bits());
    let all = kept.0.lock().unwrap();
    let expected = [
        ("job", "probe"),
        ("instance", &address.to_string()),
        ("probe", "door"),
    ];
    assert!(
        all.iter()
            .any(|one| one.labels == LabelSet::metric("probe_success", expected))
    );
}
