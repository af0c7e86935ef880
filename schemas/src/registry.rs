//! Every registered schema, compiled, and which of them a record is held against.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::contract::Reading;
use crate::{
    CompileError, Contract, DefinitionError, Documents, SchemaDefinition, SchemaVersion, Violation,
};

/// A schema that was registered, ready to judge.
pub struct RegisteredSchema {
    /// As it was registered.
    pub definition: SchemaDefinition,
    /// `order.v2`.
    id: String,
    judge: Judge,
}

struct Judge {
    contract: Contract,
    reading: Reading,
}

/// Why a schema is not taken.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Something about it besides the schema itself.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// The schema itself.
    #[error("{id}: {source}")]
    Schema {
        /// Which one, with its version.
        id: String,
        /// What is wrong with it.
        source: CompileError,
    },
    /// More than may be.
    #[error("{0}")]
    Limit(String),
    /// The version exists and says something else.
    #[error("{0}")]
    Conflict(String),
}

/// Who sent a record, as far as it decides which contracts it is held against.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'r> {
    /// `event_name`.
    pub event_name: Option<&'r str>,
    /// `service.name`.
    pub service: &'r str,
    /// `schema.version` or `event_version`.
    pub version: Option<&'r Value>,
}

/// The schemas of one moment. It never changes: a registration makes another.
#[derive(Debug, Clone, Default)]
pub struct SchemaSet {
    /// By name and version.
    all: BTreeMap<(String, SchemaVersion), Arc<RegisteredSchema>>,
    /// Active ones by event name, and those without one by service; by name, newest version first.
    by_event: HashMap<String, Vec<Arc<RegisteredSchema>>>,
    by_service: HashMap<String, Vec<Arc<RegisteredSchema>>>,
    documents: Documents,
    bytes: usize,
}

impl RegisteredSchema {
    /// Compiles it. `documents` are what it may refer to.
    pub fn compile(
        definition: SchemaDefinition,
        documents: &Documents,
    ) -> Result<Self, RegisterError> {
        definition.check()?;
        let id = definition.id();
        let size = definition.schema.to_string().len();
        if size > SchemaSet::MOST_BYTES {
            let most = SchemaSet::MOST_BYTES;
            return Err(RegisterError::Limit(format!(
                "{id} has {size} bytes, a schema may have {most}"
            )));
        }
        let rules = (definition.formats, definition.uri.as_deref());
        let compile = || {
            let contract = Contract::build(&id, &definition.schema, rules, documents)?;
            let reading = match &definition.at {
                Some(key) => Reading::one(key),
                None => Reading::of(&definition.schema, documents),
            };
            Ok(Judge { contract, reading })
        };
        let judge = compile().map_err(|source| RegisterError::Schema {
            id: id.clone(),
            source,
        })?;
        Ok(Self {
            definition,
            id,
            judge,
        })
    }

    /// Its name with its version: `order.v2`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How a record breaks it; empty if it keeps it. `sent` is the record as its emitter wrote it.
    pub fn violations(&self, sent: &Value) -> Vec<Violation> {
        let judge = &self.judge;
        let view = judge.reading.read(sent);
        let Some(key) = &self.definition.at else {
            return judge.violations(&view, "");
        };
        let place = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
        match view.get(key) {
            Some(value) => judge.violations(value, &place),
            None => vec![Violation {
                instance_path: String::new(),
                schema_path: String::new(),
                message: format!("{key:?} is a required property"),
            }],
        }
    }

    fn is_for(&self, subject: Subject<'_>) -> bool {
        let fits = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        fits(&self.definition.event_name, subject.event_name)
            && fits(&self.definition.service, Some(subject.service))
    }
}

impl Judge {
    fn violations(&self, value: &Value, place: &str) -> Vec<Violation> {
        if self.contract.is_kept_by(value) {
            return Vec::new();
        }
        let mut violations = self.contract.violations(value);
        for violation in &mut violations {
            violation.instance_path.insert_str(0, place);
        }
        violations
    }
}

impl fmt::Debug for RegisteredSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RegisteredSchema").field(&self.id).finish()
    }
}

impl SchemaSet {
    /// The largest schema.
    pub const MOST_BYTES: usize = 256 << 10;
    /// How many schemas there may be, each version counted.
    pub const MOST: usize = 10_000;
    /// How large all of them together may be.
    pub const MOST_BYTES_IN_ALL: usize = 64 << 20;

    /// All of them, compiled in an order in which each finds what it refers to. Every fault is
    /// told.
    pub fn of(definitions: Vec<SchemaDefinition>) -> Result<Self, Vec<RegisterError>> {
        let mut set = Self::default();
        for definition in definitions
            .iter()
            .filter(|one| one.is_shared() && one.active)
        {
            set.share(definition);
        }
        let mut faults = Vec::new();
        for definition in definitions {
            let added = RegisteredSchema::compile(definition, &set.documents);
            match added.and_then(|schema| set.insert(schema)) {
                Ok(()) => {}
                Err(fault) => faults.push(fault),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        set.index();
        Ok(set)
    }

    /// The set with one more. A version that was not said is the one after the newest. A version
    /// that exists may change its policy, its scope and whether it judges; never what it says.
    pub fn with(
        &self,
        mut definition: SchemaDefinition,
    ) -> Result<(Self, Arc<RegisteredSchema>), RegisterError> {
        if definition.version.is_empty() {
            definition.version = self.next_version(&definition.name);
        }
        definition.check()?;
        let key = (definition.name.clone(), definition.version.clone());
        let mut set = self.clone();
        if let Some(old) = set.all.remove(&key) {
            if old.definition.schema != definition.schema {
                return Err(RegisterError::Conflict(format!(
                    "{} says something else already; a version never changes, register the next one",
                    definition.id()
                )));
            }
            definition.registered_at = old.definition.registered_at;
            set.bytes -= old.definition.schema.to_string().len();
        }
        if definition.is_shared() {
            set.share(&definition);
        }
        let schema = RegisteredSchema::compile(definition, &set.documents)?;
        set.insert(schema)?;
        set.index();
        let added = Arc::clone(&set.all[&key]);
        Ok((set, added))
    }

    /// The set without one version, if nothing that is left refers to it.
    pub fn without(&self, name: &str, version: &SchemaVersion) -> Result<Self, RegisterError> {
        let key = (name.to_owned(), version.clone());
        let mut definitions: Vec<_> = self.definitions().collect();
        definitions.retain(|one| (&one.name, &one.version) != (&key.0, &key.1));
        let was_shared = self
            .all
            .get(&key)
            .is_some_and(|old| old.definition.is_shared());
        if was_shared {
            return Self::of(definitions).map_err(|faults| {
                let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
                RegisterError::Conflict(format!("it is referred to: {}", faults.join("; ")))
            });
        }
        let mut set = self.clone();
        if let Some(old) = set.all.remove(&key) {
            set.bytes -= old.definition.schema.to_string().len();
        }
        set.index();
        Ok(set)
    }

    /// Whether no record is held against anything but the contract of a log line.
    pub fn is_empty(&self) -> bool {
        self.by_event.is_empty() && self.by_service.is_empty()
    }

    /// By name and version.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<RegisteredSchema>> {
        self.all.values()
    }

    /// One version.
    pub fn get(&self, name: &str, version: &SchemaVersion) -> Option<&Arc<RegisteredSchema>> {
        self.all.get(&(name.to_owned(), version.clone()))
    }

    /// The version that follows the newest of a name.
    pub fn next_version(&self, name: &str) -> SchemaVersion {
        let versions = self.all.keys().filter(|(other, _)| other == name);
        let newest = versions.map(|(_, version)| version).max();
        newest.cloned().unwrap_or_default().next()
    }

    /// The schemas that a record is held against: of each name that fits, the version that the
    /// record says it has, or else the newest.
    pub fn applying<'s>(&'s self, subject: Subject<'_>) -> Vec<&'s Arc<RegisteredSchema>> {
        let by_event = subject.event_name.and_then(|name| self.by_event.get(name));
        let by_service = self.by_service.get(subject.service);
        let lists = [by_event, by_service].into_iter().flatten();
        let mut applying: Vec<&Arc<RegisteredSchema>> = Vec::new();
        let wanted = subject.version.and_then(version_text);
        for schema in lists.flatten().filter(|schema| schema.is_for(subject)) {
            let definition = &schema.definition;
            let chosen = applying
                .iter_mut()
                .find(|other| other.definition.name == definition.name);
            match chosen {
                None => applying.push(schema),
                // They come newest first; only the version that was asked for is preferred to it.
                Some(chosen) if wanted.as_ref() == Some(&definition.version) => *chosen = schema,
                Some(_) => {}
            }
        }
        applying
    }

    /// Everything as it was registered.
    pub fn definitions(&self) -> impl Iterator<Item = SchemaDefinition> + '_ {
        self.all.values().map(|schema| schema.definition.clone())
    }

    fn share(&mut self, definition: &SchemaDefinition) {
        if let Some(address) = definition.address() {
            self.documents.insert(address, definition.schema.clone());
        }
    }

    fn insert(&mut self, schema: RegisteredSchema) -> Result<(), RegisterError> {
        let definition = &schema.definition;
        let key = (definition.name.clone(), definition.version.clone());
        if self.all.contains_key(&key) {
            return Err(RegisterError::Conflict(format!(
                "{} comes twice",
                schema.id
            )));
        }
        self.bytes += definition.schema.to_string().len();
        if self.all.len() >= Self::MOST || self.bytes > Self::MOST_BYTES_IN_ALL {
            return Err(RegisterError::Limit(format!(
                "there may be {} schemas of {} bytes in all",
                Self::MOST,
                Self::MOST_BYTES_IN_ALL
            )));
        }
        self.all.insert(key, Arc::new(schema));
        Ok(())
    }

    fn index(&mut self) {
        self.by_event.clear();
        self.by_service.clear();
        // The map is ordered by name and version, so backwards it is newest first.
        for schema in self.all.values().rev() {
            let definition = &schema.definition;
            let (index, key) = match (&definition.event_name, &definition.service) {
                (Some(event), _) => (&mut self.by_event, event),
                (None, Some(service)) => (&mut self.by_service, service),
                (None, None) => continue,
            };
            if definition.active {
                index
                    .entry(key.clone())
                    .or_default()
                    .push(Arc::clone(schema));
            }
        }
    }
}

fn version_text(version: &Value) -> Option<SchemaVersion> {
    match version {
        Value::String(text) => Some(SchemaVersion::new(text)),
        Value::Number(number) => Some(SchemaVersion::new(&number.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
