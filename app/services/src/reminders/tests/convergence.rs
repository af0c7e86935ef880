use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Service, delete, put};

/// A device that changes its own copy, and is in step only when it sends and fetches.
#[derive(Debug, Default)]
struct Device {
    session: String,
    name: &'static str,
    /// What it has from the server.
    records: BTreeMap<String, Value>,
    /// What it has not seen acknowledged.
    unsent: Vec<Value>,
    token: Option<String>,
    changes: usize,
}

#[derive(Debug, Clone)]
enum Step {
    Put {
        device: usize,
        id: u8,
    },
    Delete {
        device: usize,
        id: u8,
    },
    /// It may hear no answer, and then sends the same again.
    Send {
        device: usize,
        is_answered: bool,
    },
    Fetch {
        device: usize,
        limit: usize,
    },
}

const DEVICES: [&str; 3] = ["phone", "watch", "tablet"];

impl Device {
    fn change(&mut self, id: u8, is_put: bool) {
        let id = format!("r{id}");
        let base = self
            .records
            .get(&id)
            .map_or(0, |record| record["version"].as_u64().unwrap());
        // One change of a record at a time: the next needs the version that this one leads to.
        if self.unsent.iter().any(|change| change["id"] == *id) {
            return;
        }
        self.changes += 1;
        let change = format!("{}-{}", self.name, self.changes);
        self.unsent.push(if is_put {
            put(&change, base, &id, &change)
        } else {
            delete(&change, base, &id)
        });
    }

    async fn send(&mut self, service: &Service, is_answered: bool) {
        if self.unsent.is_empty() {
            return;
        }
        let results = service.send(&self.session, &json!(self.unsent)).await;
        if !is_answered {
            return;
        }
        for (change, result) in self.unsent.iter().zip(&results) {
            let outcome = result["result"]["outcome"].as_str().unwrap();
            assert_ne!(outcome, "refused", "{change} {result}");
        }
        self.unsent.clear();
    }

    /// Whether there is more.
    async fn fetch(&mut self, service: &Service, limit: usize) -> bool {
        let mut path = format!("/v1/sync/fetch?limit={limit}");
        if let Some(token) = &self.token {
            path = format!("{path}&token={token}");
        }
        let page = service.get(&path, &self.session).await;
        assert_eq!(page.status, 200, "{page:?}");
        for record in page.body["changes"].as_array().unwrap() {
            let id = record["id"].as_str().unwrap().to_owned();
            self.records.insert(id, record.clone());
        }
        self.token = Some(page.token().to_owned());
        page.body["more"] == true
    }

    fn live(&self) -> BTreeMap<&String, &Value> {
        let records = self.records.iter();
        records
            .filter(|(_, record)| record["deleted"] == false)
            .collect()
    }
}

fn step() -> impl Strategy<Value = Step> {
    let device = || 0..DEVICES.len();
    prop_oneof![
        3 => (device(), 0..4_u8).prop_map(|(device, id)| Step::Put { device, id }),
        1 => (device(), 0..4_u8).prop_map(|(device, id)| Step::Delete { device, id }),
        3 => (device(), any::<bool>())
            .prop_map(|(device, is_answered)| Step::Send { device, is_answered }),
        2 => (device(), 1..4_usize).prop_map(|(device, limit)| Step::Fetch { device, limit }),
    ]
}

async fn converge(steps: Vec<Step>) {
    let service = Service::start().await;
    let mut devices = Vec::new();
    for name in DEVICES {
        let session = service.session("anna", name, None).await;
        devices.push(Device {
            session,
            name,
            ..Device::default()
        });
    }
    for step in steps {
        match step {
            Step::Put { device, id } => devices[device].change(id, true),
            Step::Delete { device, id } => devices[device].change(id, false),
            Step::Send {
                device,
                is_answered,
            } => devices[device].send(&service, is_answered).await,
            Step::Fetch { device, limit } => drop(devices[device].fetch(&service, limit).await),
        }
    }
    for device in &mut devices {
        device.send(&service, true).await;
    }
    for device in &mut devices {
        while device.fetch(&service, 2).await {}
    }
    let mut newcomer = Device {
        session: devices[0].session.clone(),
        ..Device::default()
    };
    while newcomer.fetch(&service, 3).await {}
    for device in &devices {
        assert_eq!(device.live(), newcomer.live(), "{}", device.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn devices_come_to_hold_the_same_whatever_the_order(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(converge(steps));
    }
}
