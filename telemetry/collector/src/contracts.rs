//! The contracts that teams registered: where they are kept, and how a record is held to them.

mod files;
mod held;
mod refused;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

use watchfire_schemas::{
    RegisterError, RegisteredSchema, SchemaDefinition, SchemaSet, SchemaVersion,
};

use crate::OpenError;
use files::SchemaFiles;
pub(crate) use held::Held;
pub use refused::{RefusedRecord, RefusedRecords};

/// The registered schemas. A request takes the set of the moment once and holds all its records
/// to it, so registering one is never in the way of intake.
#[derive(Debug, Default)]
pub struct Contracts {
    current: RwLock<Arc<SchemaSet>>,
    /// None: nothing outlives the process (in tests).
    files: Option<SchemaFiles>,
    /// Those of the configuration: they can be changed only there.
    configured: Vec<(String, SchemaVersion)>,
    /// Held while a change is written and put in place, so that changes come one after another.
    changing: Mutex<()>,
    pub(crate) refused: RefusedRecords,
}

/// Why a change to the registered schemas is not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The schema, or what is said of it.
    #[error(transparent)]
    Refused(RegisterError),
    /// There is no such schema.
    #[error("there is no schema {0}")]
    Unknown(String),
    /// The configuration says otherwise.
    #[error("{0} is in the configuration; change it there")]
    Configured(String),
    /// The data directory cannot be written.
    #[error("{path} cannot be written")]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Contracts {
    /// Reads the schemas that were registered before from `dir`, and adds those of the
    /// configuration; of two with one name and version, the latter counts.
    pub fn open(dir: &Path, configured: Vec<SchemaDefinition>) -> Result<Self, OpenError> {
        let files = SchemaFiles::open(dir)?;
        let names: Vec<_> = configured
            .iter()
            .map(|one| (one.name.clone(), one.version.clone()))
            .collect();
        let stored = files.load()?.into_iter();
        let stored = stored.filter(|one| !names.contains(&(one.name.clone(), one.version.clone())));
        let definitions = stored.chain(configured).collect();
        let set = SchemaSet::of(definitions).map_err(|faults| OpenError::Damaged {
            path: dir.to_owned(),
            reason: faults
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; "),
        })?;
        Ok(Self {
            current: RwLock::new(Arc::new(set)),
            files: Some(files),
            configured: names,
            ..Self::default()
        })
    }

    /// The schemas of this moment.
    pub fn current(&self) -> Arc<SchemaSet> {
        Arc::clone(&self.current.read().expect("no holder of this lock panics"))
    }

    /// Whether a schema comes from the configuration.
    pub fn is_configured(&self, definition: &SchemaDefinition) -> bool {
        let is_this = |(name, version): &(String, SchemaVersion)| {
            (name, version) == (&definition.name, &definition.version)
        };
        self.configured.iter().any(is_this)
    }

    /// Records that were refused since start, by schema.
    pub fn refused(&self) -> &RefusedRecords {
        &self.refused
    }

    /// Registers a schema, or changes the policy, the scope or the activity of one. It is on disk
    /// and judges when this returns.
    pub fn register(
        &self,
        definition: SchemaDefinition,
    ) -> Result<Arc<RegisteredSchema>, ChangeError> {
        let _changing = self.changing.lock().expect("no holder of this lock panics");
        if self.is_configured(&definition) {
            return Err(ChangeError::Configured(definition.id()));
        }
        let (set, added) = self
            .current()
            .with(definition)
            .map_err(ChangeError::Refused)?;
        if let Some(files) = &self.files {
            files.save(&added.definition)?;
        }
        self.put(set);
        Ok(added)
    }

    /// Forgets a schema. Lines that it put into quarantine stay there.
    pub fn remove(&self, name: &str, version: &SchemaVersion) -> Result<(), ChangeError> {
        let _changing = self.changing.lock().expect("no holder of this lock panics");
        let current = self.current();
        let Some(schema) = current.get(name, version) else {
            return Err(ChangeError::Unknown(format!("{name}.v{version}")));
        };
        if self.is_configured(&schema.definition) {
            return Err(ChangeError::Configured(schema.id().to_owned()));
        }
        let set = current
            .without(name, version)
            .map_err(ChangeError::Refused)?;
        if let Some(files) = &self.files {
            files.remove(&schema.definition)?;
        }
        self.put(set);
        Ok(())
    }

    fn put(&self, set: SchemaSet) {
        *self.current.write().expect("no holder of this lock panics") = Arc::new(set);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition(version: &str, policy: &str) -> SchemaDefinition {
        let given = json!({"name": "order", "version": version, "service": "shop",
            "policy": policy, "schema": {"required": ["order.id"]}});
        serde_json::from_value(given).unwrap()
    }

    fn ids(contracts: &Contracts) -> Vec<String> {
        let current = contracts.current();
        current
            .iter()
            .map(|schema| schema.id().to_owned())
            .collect()
    }

    #[test]
    fn what_is_registered_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let open = |configured| Contracts::open(dir.path(), configured).unwrap();
        let contracts = open(Vec::new());
        contracts.register(definition("1", "warn")).unwrap();
        contracts.register(definition("2", "warn")).unwrap();
        contracts.register(definition("2", "reject")).unwrap();
        let version = SchemaVersion::new("1");
        contracts.remove("order", &version).unwrap();
        let again = contracts.remove("order", &version);
        assert!(matches!(again, Err(ChangeError::Unknown(_))), "{again:?}");
        assert_eq!(ids(&contracts), ["order.v2"]);
        drop(contracts);

        let contracts = open(vec![definition("3", "warn")]);
        assert_eq!(ids(&contracts), ["order.v2", "order.v3"]);
        let current = contracts.current();
        let kept = current.get("order", &SchemaVersion::new("2")).unwrap();
        assert_eq!(kept.definition, definition("2", "reject"));
        let refused = contracts.register(definition("3", "reject"));
        assert!(
            matches!(refused, Err(ChangeError::Configured(_))),
            "{refused:?}"
        );
    }

    #[test]
    fn a_file_that_was_spoilt_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("order@1.json"), "{\"name\": 5}").unwrap();
        let error = Contracts::open(dir.path(), Vec::new()).unwrap_err();
        assert!(error.to_string().contains("order@1.json"), "{error}");
    }
}
