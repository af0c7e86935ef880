use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::Mix;
use super::journey::Journey;
use super::visitor::{Ask, Visitor};
use crate::feed::Source;

/// Readers of a travel site.
#[derive(Debug)]
pub(super) struct Places {
    mix: Mix,
}

impl Places {
    pub(super) fn new(source: &Source, seed: u64) -> Self {
        Self {
            mix: Mix::new(source, seed),
        }
    }
}

impl Journey for Places {
    fn prepare<'a>(&'a mut self, _: &'a Visitor) -> BoxFuture<'a, bool> {
        std::future::ready(true).boxed()
    }

    fn next(&mut self, visitor: Visitor) -> BoxFuture<'static, ()> {
        let asked = self.mix.next_request();
        async move {
            let ask = Ask::get(asked.path_and_query()).accepting("application/vnd.api+json");
            visitor.send(ask).await;
        }
        .boxed()
    }
}
