use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::launch::ServiceName;
use crate::stage::Stage;

/// What runs, in the order in which it stops: what asks before what is asked.
#[derive(Debug)]
pub(super) struct Stages {
    pub(super) traffic: Stage,
    pub(super) gateway: Stage,
    /// They do not ask each other, and stop together.
    pub(super) services: BTreeMap<ServiceName, Stage>,
    /// What the services themselves depend on, and what steers them.
    pub(super) last: Stage,
}

impl Stages {
    pub(super) fn of(services: &[ServiceName]) -> Self {
        let behind = services
            .iter()
            .filter(|service| **service != ServiceName::Gateway);
        Self {
            traffic: Stage::default(),
            gateway: Stage::default(),
            services: behind.map(|service| (*service, Stage::default())).collect(),
            last: Stage::default(),
        }
    }

    pub(super) async fn stop(&self) {
        self.traffic.stop().await;
        self.gateway.stop().await;
        join_all(self.services.values().map(Stage::stop)).await;
        self.last.stop().await;
    }
}
