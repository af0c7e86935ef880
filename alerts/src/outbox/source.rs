use serde::{Deserialize, Serialize};
use watchfire_schemas::ChangeEvent;

use crate::notification::NewNotification;
use crate::receivers::GroupNotice;

/// What a message is made of, kept beside it: another destination that stands in makes its own of
/// it. It holds no secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    Incident(Box<NewNotification>),
    Group(Box<GroupNotice>),
    Change(Box<ChangeEvent>),
}

impl Source {
    /// What another destination would be told instead; none if it matters only here.
    pub(super) fn for_another(&self, destination: &str) -> Option<NewNotification> {
        let mut row = match self {
            Self::Incident(row) => (**row).clone(),
            Self::Group(notice) => crate::receivers::as_incident(notice),
            Self::Change(_) => return None,
        };
        destination.clone_into(&mut row.destination);
        Some(row)
    }

    pub(super) fn written(&self) -> String {
        serde_json::to_string(self).expect("its keys are texts")
    }

    /// None for what was kept before sources were, too.
    pub(super) fn read(text: Option<&str>) -> Option<Self> {
        serde_json::from_str(text?).ok()
    }
}
