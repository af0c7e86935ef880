use tracing::level_filters::LevelFilter;
use tracing::span;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::{EnvFilter, registry::LookupSpan};

use crate::builder::StartError;

/// What carries our own telemetry away. What these crates say of themselves never enters a
/// pipeline, or an export would cause the next.
const CARRIERS: [&str; 6] = ["hyper", "tonic", "h2", "reqwest", "opentelemetry", "rustls"];

/// Noisy and rarely wanted: off unless the directive names it.
const QUIET: &str = "tower";

/// Which events become log records, by an [`EnvFilter`] directive. Spans down to INFO are always
/// on, whatever the directive says of events: a quiet log must not cost the traces.
#[derive(Debug)]
pub(crate) struct EventFilter {
    events: EnvFilter,
    /// Whether anything is traced.
    spans: bool,
}

impl EventFilter {
    pub(crate) fn parse(directive: &str, spans: bool) -> Result<Self, StartError> {
        let mut events = EnvFilter::builder()
            .parse(directive)
            .map_err(|error| StartError::Filter(error.to_string()))?;
        let off = |name: &str| {
            format!("{name}=off")
                .parse()
                .expect("a crate's name and a level are a directive")
        };
        for name in CARRIERS {
            events = events.add_directive(off(name));
        }
        if !directive.contains(QUIET) {
            events = events.add_directive(off(QUIET));
        }
        Ok(Self { events, spans })
    }

    fn is_wanted(&self, metadata: &Metadata<'_>) -> bool {
        self.spans && is_wanted_span(metadata)
    }
}

fn is_wanted_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span()
        && *metadata.level() <= Level::INFO
        && !CARRIERS
            .iter()
            .any(|name| metadata.target().starts_with(name))
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for EventFilter {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let interest = Layer::<S>::register_callsite(&self.events, metadata);
        if self.is_wanted(metadata) {
            Interest::always()
        } else {
            interest
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, ctx: Context<'_, S>) -> bool {
        self.is_wanted(metadata) || Layer::enabled(&self.events, metadata, ctx)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Layer::<S>::max_level_hint(&self.events).map(|level| level.max(LevelFilter::INFO))
    }

    fn on_new_span(&self, attrs: &span::Attributes<'_>, id: &span::Id, ctx: Context<'_, S>) {
        Layer::on_new_span(&self.events, attrs, id, ctx);
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, ctx: Context<'_, S>) {
        Layer::on_record(&self.events, id, values, ctx);
    }

    fn event_enabled(&self, event: &Event<'_>, ctx: Context<'_, S>) -> bool {
        Layer::event_enabled(&self.events, event, ctx)
    }

    fn on_enter(&self, id: &span::Id, ctx: Context<'_, S>) {
        Layer::on_enter(&self.events, id, ctx);
    }

    fn on_exit(&self, id: &span::Id, ctx: Context<'_, S>) {
        Layer::on_exit(&self.events, id, ctx);
    }

    fn on_close(&self, id: span::Id, ctx: Context<'_, S>) {
        Layer::on_close(&self.events, id, ctx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_that_does_not_parse_is_told() {
        assert!(EventFilter::parse("info,sqlx=warn", true).is_ok());
        let error = EventFilter::parse("info,sqlx=loud", true).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the log filter does not parse: ")
        );
    }
}
