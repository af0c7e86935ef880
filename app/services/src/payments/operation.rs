use serde::{Deserialize, Serialize};

/// What can be asked of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OperationType {
    /// Hold the money.
    Authorise,
    /// Take the money at once.
    Charge,
    /// Take money that is held.
    Capture,
    /// Give up money that is held.
    Void,
    /// Give money back.
    Refund,
}

/// Names one operation for all time, to the provider too: its idempotency key. It is made of the
/// payment or refund that it is for, so that whoever asks again asks for the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OperationKey {
    /// The payment, or the refund.
    pub(crate) subject: String,
    pub(crate) operation: OperationType,
    /// The event that asks for it: what is refused may be asked for again, by another event.
    pub(crate) turn: i64,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Succeeded,
    /// For a reason of the payer's: no money, no card.
    Declined,
    /// The provider does not take the request as it is.
    Rejected,
}

/// An operation that has ended, as the provider tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settled {
    pub(crate) key: String,
    pub(crate) status: Outcome,
    /// The provider's id of the charge that the operation made, or was about.
    #[serde(default)]
    pub(crate) charge: Option<String>,
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

impl OperationType {
    const ALL: [Self; 5] = [
        Self::Authorise,
        Self::Charge,
        Self::Capture,
        Self::Void,
        Self::Refund,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Authorise => "authorise",
            Self::Charge => "charge",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund => "refund",
        }
    }
}

impl OperationKey {
    pub(crate) fn new(subject: &str, operation: OperationType, turn: i64) -> Self {
        let subject = subject.to_owned();
        Self {
            subject,
            operation,
            turn,
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let (subject, operation, turn) = (parts.next()?, parts.next()?, parts.next()?);
        let mut all = OperationType::ALL.into_iter();
        let operation = all.find(|known| known.as_str() == operation)?;
        let turn = turn.parse().ok().filter(|_| parts.next().is_none())?;
        Some(Self::new(subject, operation, turn))
    }
}

impl std::fmt::Display for OperationKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}:{}:{}",
            self.subject,
            self.operation.as_str(),
            self.turn
        )
    }
}

impl Outcome {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Declined => "declined",
            Self::Rejected => "rejected",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written() {
        for operation in OperationType::ALL {
            let key = OperationKey::new("pay_1", operation, 2);
            assert_eq!(OperationKey::parse(&key.to_string()), Some(key));
        }
        for text in [
            "",
            "pay_1",
            "pay_1:charge",
            "pay_1:steal:1",
            "pay_1:charge:x",
            "a:charge:1:2",
        ] {
            assert_eq!(OperationKey::parse(text), None, "{text}");
        }
    }
}
