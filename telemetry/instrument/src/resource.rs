use opentelemetry::KeyValue;
use serde_json::Value;
use watchfire_schemas::Attributes;

/// Who emits: the attributes that every record, span and series of a service carries.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    /// `service.name`.
    pub(crate) service: String,
    /// The rest: version, environment, instance, host.
    pub(crate) attributes: Attributes,
}

impl Resource {
    pub(crate) const VERSION: &'static str = "service.version";
    pub(crate) const ENVIRONMENT: &'static str = "deployment.environment.name";
    pub(crate) const INSTANCE: &'static str = "service.instance.id";
    const HOST: &'static str = "host.name";

    /// A service on this host. An empty name becomes `unknown_service`, as OpenTelemetry has it.
    pub(crate) fn of(service: &str) -> Self {
        let service = if service.is_empty() {
            "unknown_service"
        } else {
            service
        };
        let mut resource = Self {
            service: service.chars().take(256).collect(),
            attributes: Attributes::new(),
        };
        if let Some(host) = host_name() {
            resource.set(Self::HOST, &host);
        }
        resource
    }

    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.attributes
            .insert(key.to_owned(), Value::String(value.to_owned()));
    }

    pub(crate) fn instance(&self) -> &str {
        self.attributes
            .get(Self::INSTANCE)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// As OpenTelemetry's SDK has it.
    pub(crate) fn to_sdk(&self) -> opentelemetry_sdk::Resource {
        let rest = self.attributes.iter().filter_map(|(key, value)| {
            let value = value.as_str()?.to_owned();
            Some(KeyValue::new(key.clone(), value))
        });
        opentelemetry_sdk::Resource::builder_empty()
            .with_attribute(KeyValue::new("service.name", self.service.clone()))
            .with_attributes(rest)
            .build()
    }
}

fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}
