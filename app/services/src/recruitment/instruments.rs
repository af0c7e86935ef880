use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use watchfire_telemetry::Telemetry;

use crate::recruitment::clean_up::Reason;

/// What the service tells of its work, besides what each request tells.
#[derive(Debug, Clone)]
pub(crate) struct Instruments {
    changes: Family<Done, Counter>,
    refusals: Family<Refused, Counter>,
    uploads: Family<Uploaded, Counter>,
    upload_bytes: Histogram,
    pub(crate) stored_bytes: Gauge,
    pub(crate) stored_files: Gauge,
    removed: Family<Removed, Counter>,
    removed_bytes: Counter,
    pub(crate) applications: Family<InState, Gauge>,
    stage_seconds: Histogram,
    pub(crate) clean_up_seconds: Histogram,
    pub(crate) last_clean_up: Gauge<f64, AtomicU64>,
}

/// Why a caller was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Unauthenticated,
    Forbidden,
    Signature,
}

/// How an upload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upload {
    Stored,
    /// The content was there before.
    Deduplicated,
    TooLarge,
    WrongType,
    WrongDigest,
    BrokenOff,
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Done {
    kind: &'static str,
    verb: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    why: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Uploaded {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Removed {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct InState {
    pub(crate) state: String,
}

/// A curriculum vitae of text only, up to the largest that is taken.
const SIZES: [f64; 6] = [16e3, 64e3, 256e3, 1e6, 4e6, 10_485_760.0];
/// An hour, a day, three days, one, two, four and eight weeks.
const STAGE_SECONDS: [f64; 7] = [
    3_600.0,
    86_400.0,
    259_200.0,
    604_800.0,
    1_209_600.0,
    2_419_200.0,
    4_838_400.0,
];
const ROUND_SECONDS: [f64; 6] = [0.01, 0.05, 0.25, 1.0, 5.0, 30.0];

impl Refusal {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::Signature => "signature",
        }
    }
}

impl Upload {
    fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Deduplicated => "deduplicated",
            Self::TooLarge => "too-large",
            Self::WrongType => "wrong-type",
            Self::WrongDigest => "wrong-digest",
            Self::BrokenOff => "broken-off",
            Self::Refused => "refused",
        }
    }
}

impl Instruments {
    pub(crate) fn register(telemetry: &Telemetry) -> Self {
        let instruments = Self {
            changes: Family::default(),
            refusals: Family::default(),
            uploads: Family::default(),
            upload_bytes: Histogram::new(SIZES),
            stored_bytes: Gauge::default(),
            stored_files: Gauge::default(),
            removed: Family::default(),
            removed_bytes: Counter::default(),
            applications: Family::default(),
            stage_seconds: Histogram::new(STAGE_SECONDS),
            clean_up_seconds: Histogram::new(ROUND_SECONDS),
            last_clean_up: Gauge::default(),
        };
        instruments.enter(telemetry);
        instruments
    }

    fn enter(&self, telemetry: &Telemetry) {
        let mut registry = telemetry.registry();
        registry.register(
            "recruitment_changes",
            "Changes by what was done to what",
            self.changes.clone(),
        );
        registry.register(
            "recruitment_refusals",
            "Callers who were refused",
            self.refusals.clone(),
        );
        registry.register(
            "recruitment_uploads",
            "Uploads by how they ended",
            self.uploads.clone(),
        );
        registry.register(
            "recruitment_upload_bytes",
            "Sizes of what was uploaded",
            self.upload_bytes.clone(),
        );
        registry.register(
            "recruitment_stored_bytes",
            "Bytes of content that is stored",
            self.stored_bytes.clone(),
        );
        registry.register(
            "recruitment_stored_files",
            "Files of content that is stored",
            self.stored_files.clone(),
        );
        registry.register(
            "recruitment_removed_files",
            "Files that the clean-up removed",
            self.removed.clone(),
        );
        registry.register(
            "recruitment_removed_bytes",
            "Bytes that the clean-up removed",
            self.removed_bytes.clone(),
        );
        registry.register(
            "recruitment_applications",
            "Applications by state",
            self.applications.clone(),
        );
        registry.register(
            "recruitment_stage_seconds",
            "How long applications stayed in a stage",
            self.stage_seconds.clone(),
        );
        registry.register(
            "recruitment_clean_up_seconds",
            "How long rounds of the clean-up took",
            self.clean_up_seconds.clone(),
        );
        registry.register(
            "recruitment_last_clean_up_timestamp_seconds",
            "When the clean-up last came to its end",
            self.last_clean_up.clone(),
        );
    }

    pub(crate) fn changed(&self, kind: &'static str, verb: &'static str) {
        self.changes.get_or_create(&Done { kind, verb }).inc();
    }

    pub(crate) fn refused(&self, why: Refusal) {
        self.refusals
            .get_or_create(&Refused { why: why.as_str() })
            .inc();
    }

    pub(crate) fn uploaded(&self, outcome: Upload, size: u64) {
        self.uploads
            .get_or_create(&Uploaded {
                outcome: outcome.as_str(),
            })
            .inc();
        if matches!(outcome, Upload::Stored | Upload::Deduplicated) {
            self.upload_bytes.observe(size as f64);
        }
    }

    pub(crate) fn stored(&self, size: u64) {
        self.stored_files.inc();
        self.stored_bytes
            .inc_by(i64::try_from(size).unwrap_or(i64::MAX));
    }

    pub(crate) fn removed(&self, reason: Reason, size: u64) {
        self.removed
            .get_or_create(&Removed {
                reason: reason.as_str(),
            })
            .inc();
        self.removed_bytes.inc_by(size);
    }

    pub(crate) fn left_stage(&self, seconds: f64) {
        self.stage_seconds.observe(seconds.max(0.0));
    }
}
