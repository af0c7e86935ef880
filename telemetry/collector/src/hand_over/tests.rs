use std::sync::Mutex;

use super::*;

/// Takes what it is handed, after it has refused some of it.
#[derive(Debug, Default)]
struct Store {
    refusals: Mutex<Vec<Refusal>>,
    taken: Mutex<Vec<usize>>,
    learnt: Mutex<Vec<String>>,
}

#[async_trait]
impl Destination for Store {
    async fn take(
        &self,
        _receiver: &'static str,
        series: Vec<SeriesSamples>,
        metadata: Vec<MetricMetadata>,
    ) -> Result<(), Refusal> {
        if let Some(refusal) = self.refusals.lock().unwrap().pop() {
            return Err(refusal);
        }
        self.taken.lock().unwrap().push(series.len());
        self.learnt
            .lock()
            .unwrap()
            .extend(metadata.into_iter().map(|one| one.help));
        Ok(())
    }
}

fn series(count: usize) -> Vec<SeriesSamples> {
    let one = one_sample(
        LabelSet::default(),
        MetricKind::Gauge,
        Timestamp::from_secs(1),
        1.0,
    );
    vec![one; count]
}

/// Sends batches of these sizes; the sizes that were taken, and how many samples were lost.
async fn handed(sizes: &[usize], refusals: Vec<Refusal>, patience: Duration) -> (Vec<usize>, u64) {
    let store = Arc::new(Store {
        refusals: Mutex::new(refusals),
        ..Store::default()
    });
    let meters = GatherMeters::default();
    let (out, mut writer) = hand_over("test", Arc::clone(&store) as Arc<dyn Destination>, &meters);
    writer.patience = patience;
    let sending = async move {
        for size in sizes {
            out.send(series(*size), Vec::new()).await;
        }
    };
    tokio::join!(sending, writer.run());
    let taken = store.taken.lock().unwrap().clone();
    (taken, meters.lost.get())
}

#[tokio::test]
async fn small_batches_become_one() {
    assert_eq!(handed(&[1, 2, 3], Vec::new(), PATIENCE).await, (vec![6], 0));
    assert_eq!(handed(&[], Vec::new(), PATIENCE).await, (vec![], 0));
}

#[tokio::test]
async fn more_than_there_is_room_for_waits() {
    let (taken, lost) = handed(&[ROOM, ROOM + 1, 5], Vec::new(), PATIENCE).await;
    assert_eq!((taken.iter().sum::<usize>(), lost), (2 * ROOM + 6, 0));
}

#[tokio::test]
async fn what_is_refused_for_a_while_is_tried_again() {
    let retry_after = Duration::ZERO;
    let full = vec![Refusal::DiskFull { retry_after }; 4];
    assert_eq!(handed(&[3], full.clone(), PATIENCE).await, (vec![3], 0));
    assert_eq!(handed(&[3], full, Duration::ZERO).await, (vec![], 3));
    assert_eq!(
        handed(&[3], vec![Refusal::Fault], PATIENCE).await,
        (vec![], 3)
    );
}

#[tokio::test]
async fn what_is_known_of_a_metric_is_told_once() {
    let store = Arc::new(Store::default());
    let meters = GatherMeters::default();
    let (out, writer) = hand_over("test", Arc::clone(&store) as Arc<dyn Destination>, &meters);
    let sending = async move {
        for help in ["a", "a", "b", "a"] {
            let about = MetricMetadata {
                family: "m".to_owned(),
                kind: MetricKind::Gauge,
                help: help.to_owned(),
                unit: String::new(),
            };
            out.send(Vec::new(), vec![about]).await;
        }
    };
    tokio::join!(sending, writer.run());
    assert_eq!(*store.learnt.lock().unwrap(), ["a", "b", "a"]);
}
