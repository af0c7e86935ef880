use watchfire_schemas::LogRecord;
use watchfire_telemetry::Distortion;

use super::{FaultKind, Faults};

/// Of a type that the contract of a log line gives it: a number.
const TYPED: &str = "http.response.status_code";

/// What [`FaultKind::ClockSkew`] and [`FaultKind::SchemaBreak`] make of a service's telemetry.
impl Distortion for Faults {
    fn is_on(&self) -> bool {
        self.distorts()
    }

    fn clock_offset(&self) -> i64 {
        self.offset_seconds().unwrap_or(0)
    }

    /// As a release does that writes the status in words.
    fn distort(&self, record: &mut LogRecord) {
        if self.hits(FaultKind::SchemaBreak) {
            let words = match record.attributes.get(TYPED) {
                Some(status) => format!("status {status}"),
                None => "no status".to_owned(),
            };
            record.attributes.insert(TYPED.to_owned(), words.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::{Contract, SeverityNumber, Timestamp};

    use super::*;
    use crate::fault::Fault;

    #[test]
    fn a_line_of_a_broken_schema_does_not_keep_the_contract() {
        let faults = Faults::none(1);
        let contract = Contract::log_record_v1();
        let violations = |faults: &Faults| {
            let mut record = LogRecord::new(
                Timestamp::from_secs(9),
                SeverityNumber::INFO,
                "shop",
                "sold",
            );
            record.attributes.insert(TYPED.to_owned(), 200.into());
            faults.distort(&mut record);
            let line = serde_json::from_str(&record.to_line()).unwrap();
            contract.violations(&line)
        };
        assert_eq!(violations(&faults), []);
        faults.set(Some(Fault::new("shop", FaultKind::SchemaBreak)));
        let found = violations(&faults);
        assert_eq!(found[0].instance_path, "/http.response.status_code");
    }

    #[test]
    fn a_clock_is_off_by_what_was_asked_for() {
        let faults = Faults::none(1);
        assert_eq!(faults.clock_offset(), 0);
        let mut fault = Fault::new("shop", FaultKind::ClockSkew);
        faults.set(Some(fault.clone()));
        assert_eq!(faults.clock_offset(), 20);
        fault.offset_seconds = Some(-90);
        faults.set(Some(fault));
        assert_eq!(faults.clock_offset(), -90);
    }
}
