use watchfire_alerts::StoreError;

use crate::Console;

/// Takes down what is known of the incidents that have ended since the last time. The binary does
/// this every few seconds; what could not be written is tried again then.
pub async fn keep_incident_facts(console: &Console) -> Result<(), StoreError> {
    for id in console.alerts.incidents_without_facts().await? {
        let Some(incident) = console.alerts.incident(&id).await? else {
            continue;
        };
        let facts = super::gathered(console, &incident, console.clock.now()).await;
        match serde_json::to_value(&facts) {
            Ok(facts) => console.alerts.keep_incident_facts(&id, &facts).await?,
            Err(error) => {
                tracing::error!(incident = %id, %error, "facts of incident {id} could not be written");
            }
        }
    }
    Ok(())
}
