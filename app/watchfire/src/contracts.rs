//! The console's view of the collector's contracts.

use std::sync::Arc;

use watchfire_collector::{ChangeError, Contracts, QuarantineReplay};
use watchfire_dashboards::{ContractRefusal, ContractSource, RefusedSample, Rejected, SchemaEntry};
use watchfire_schemas::{
    RegisterError, ReplayReport, ReplayRequest, SchemaDefinition, SchemaVersion,
};

#[derive(Debug)]
pub(crate) struct CollectorContracts {
    pub(crate) contracts: Arc<Contracts>,
    pub(crate) replay: QuarantineReplay,
}

impl CollectorContracts {
    fn entry(&self, definition: &SchemaDefinition) -> SchemaEntry {
        SchemaEntry {
            definition: definition.clone(),
            is_configured: self.contracts.is_configured(definition),
        }
    }
}

impl ContractSource for CollectorContracts {
    fn schemas(&self) -> Vec<SchemaEntry> {
        let current = self.contracts.current();
        let schemas = current.iter().map(|schema| self.entry(&schema.definition));
        schemas.collect()
    }

    fn register(&self, definition: SchemaDefinition) -> Result<SchemaEntry, ContractRefusal> {
        let added = self.contracts.register(definition).map_err(refusal)?;
        Ok(self.entry(&added.definition))
    }

    fn remove(&self, name: &str, version: &SchemaVersion) -> Result<(), ContractRefusal> {
        self.contracts.remove(name, version).map_err(refusal)
    }

    fn rejected(&self, schema: &str) -> Rejected {
        let refused = self.contracts.refused();
        let samples = refused
            .last(schema)
            .into_iter()
            .map(|record| RefusedSample {
                at: record.at,
                service: record.service,
                path: record.violation.instance_path,
                message: record.violation.message,
                line: record.line,
            });
        Rejected {
            paths: refused.by_path(schema),
            services: refused.by_service(schema),
            samples: samples.collect(),
        }
    }

    fn start_replay(&self, request: ReplayRequest) -> Result<u64, ContractRefusal> {
        use watchfire_collector::StartError;
        self.replay.start(request).map_err(|error| match error {
            StartError::Running(_) => ContractRefusal::Conflict(error.to_string()),
            StartError::Stopping => ContractRefusal::Unavailable(error.to_string()),
        })
    }

    fn replays(&self) -> Vec<ReplayReport> {
        self.replay.reports()
    }
}

fn refusal(error: ChangeError) -> ContractRefusal {
    let told = error.to_string();
    match error {
        ChangeError::Refused(RegisterError::Schema { source, .. }) => ContractRefusal::Invalid {
            path: Some(source.path().to_owned()),
            reason: told,
        },
        ChangeError::Refused(RegisterError::Conflict(_)) | ChangeError::Configured(_) => {
            ContractRefusal::Conflict(told)
        }
        ChangeError::Refused(RegisterError::Definition(_) | RegisterError::Limit(_)) => {
            ContractRefusal::Invalid {
                path: None,
                reason: told,
            }
        }
        ChangeError::Unknown(schema) => ContractRefusal::NotFound(schema),
        ChangeError::Unwritable { source, .. } => {
            tracing::error!(error = %source, "a schema could not be kept: {told}");
            ContractRefusal::Unavailable(format!("{told}: {source}"))
        }
    }
}
