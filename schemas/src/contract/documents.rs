use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use jsonschema::{Registry, Retrieve, Uri};
use serde_json::Value;

use super::CompileError;
use crate::LOG_RECORD_V1;

/// What a `$ref` may lead to outside of its own schema: the contract of a log line, and the
/// documents that were registered to be referred to. Nothing is ever fetched.
#[derive(Debug, Clone)]
pub struct Documents {
    log_record: Arc<Value>,
    shared: BTreeMap<String, Arc<Value>>,
}

impl Default for Documents {
    fn default() -> Self {
        let log_record = serde_json::from_str(LOG_RECORD_V1).expect("our own schema is JSON");
        Self {
            log_record: Arc::new(log_record),
            shared: BTreeMap::new(),
        }
    }
}

impl Documents {
    /// Adds a document under its address, in place of one that had it.
    pub fn insert(&mut self, address: &str, schema: Value) {
        self.shared.insert(bare(address), Arc::new(schema));
    }

    /// If a schema's `$schema` is a registered document and not a draft: that document where it
    /// can be found.
    pub(super) fn registry_of_meta_schema(
        &self,
        schema: &Value,
    ) -> Result<Option<Registry<'_>>, CompileError> {
        let said = schema.get("$schema").and_then(Value::as_str);
        let Some(meta_schema) = said.and_then(|said| self.shared.get(&bare(said))) else {
            return Ok(None);
        };
        let address = bare(said.unwrap_or_default());
        let refused =
            |error: jsonschema::ReferencingError| CompileError::at("/$schema", error.to_string());
        let registry = Registry::new()
            .retriever(self.clone())
            .add(address, &**meta_schema)
            .map_err(refused)?;
        registry.prepare().map(Some).map_err(refused)
    }

    /// The document at an address, whatever its fragment.
    pub(super) fn get(&self, address: &str) -> Option<&Value> {
        let address = bare(address);
        let found = self.shared.get(&address).map(|document| &**document);
        found.or_else(|| is_log_record(&address).then_some(&*self.log_record))
    }
}

fn bare(address: &str) -> String {
    let end = address.find('#').unwrap_or(address.len());
    address[..end].to_owned()
}

/// A schema without an `$id` has no folder that a relative reference could start from, and one
/// with an `$id` has another; so the contract of a log line is known by its last part.
fn is_log_record(address: &str) -> bool {
    let last = address.rsplit('/').next().unwrap_or_default();
    matches!(last, "log_record.v1" | "log_record.v1.schema.json")
        || address == "urn:watchfire:schema:log_record:v1"
}

impl Retrieve for Documents {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        self.get(uri.as_str()).cloned().ok_or_else(|| {
            "nothing is fetched; register it as a schema without event_name and service, with its \
             address as $id or uri, and refer to it then"
                .into()
        })
    }
}
