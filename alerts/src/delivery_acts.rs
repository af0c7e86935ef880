//! What a human does about deliveries: tries a destination, looks at what died, sends it again.

use crate::{ActError, Alerts, Delivery, StoreError};

impl Alerts {
    /// What was given up and reached nobody by that way, the newest first.
    pub async fn dead_letters(&self, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        self.outbox.dead_letters(limit).await
    }

    /// One message and what came of it.
    pub async fn delivery(&self, id: i64) -> Result<Option<Delivery>, StoreError> {
        self.outbox.delivery(id).await
    }

    /// Sends what was given up once more, under the same id as before.
    pub async fn send_again(&self, id: i64) -> Result<Delivery, ActError> {
        let known = self.delivery(id).await.map_err(ActError::Store)?;
        let not_found = || ActError::NotFound {
            what: "message",
            id: id.to_string(),
        };
        known.ok_or_else(not_found)?;
        if !self.outbox.send_again(id).await.map_err(ActError::Store)? {
            let reason = "only what was given up can be sent again, and only if nothing later of \
                          the same incident has been delivered";
            return Err(ActError::Refused(reason.to_owned()));
        }
        let known = self.delivery(id).await.map_err(ActError::Store)?;
        known.ok_or_else(not_found)
    }

    /// Sends a message that says that nothing is wrong, by the real way. Gives the messages: what
    /// comes of them is asked with [`Self::delivery`].
    pub async fn test_destination(&self, name: &str) -> Result<Vec<Delivery>, ActError> {
        let sent = self.outbox.test(name, &self.config.external_url).await;
        let ids = sent.map_err(ActError::Store)?;
        let ids = ids.ok_or_else(|| ActError::NotFound {
            what: "destination",
            id: name.chars().take(200).collect(),
        })?;
        let mut deliveries = Vec::with_capacity(ids.len());
        for id in ids {
            deliveries.extend(self.delivery(id).await.map_err(ActError::Store)?);
        }
        Ok(deliveries)
    }
}
