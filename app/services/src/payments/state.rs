use serde::Serialize;

/// Where a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Accepted; the provider has yet to be asked, or to answer.
    Requested,
    /// The money is held and waits for its capture.
    Authorised,
    Capturing,
    /// The money is ours. Refunds leave the payment here.
    Captured,
    Cancelling,
    Cancelled,
    /// The provider, or the bank behind it, said no.
    Declined,
    /// The provider does not take what we sent.
    Failed,
}

/// What can happen to a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The provider holds the money.
    Authorised,
    /// The provider has taken the money.
    Captured,
    /// The provider did not take it, for a reason of the payer's.
    Declined,
    /// The provider did not take it, for a reason of ours.
    Rejected,
    /// A client asks for the money that is held.
    AskCapture,
    CaptureRefused,
    /// A client gives up the money that is held.
    AskCancel,
    Cancelled,
    CancelRefused,
}

impl State {
    pub(crate) const ALL: [Self; 8] = [
        Self::Requested,
        Self::Authorised,
        Self::Capturing,
        Self::Captured,
        Self::Cancelling,
        Self::Cancelled,
        Self::Declined,
        Self::Failed,
    ];

    /// The state after `step`; none if it cannot happen here, or has happened already.
    pub(crate) fn after(self, step: Step) -> Option<Self> {
        match (self, step) {
            (Self::Requested, Step::Authorised)
            | (Self::Capturing, Step::CaptureRefused)
            | (Self::Cancelling, Step::CancelRefused) => Some(Self::Authorised),
            (Self::Requested | Self::Capturing, Step::Captured) => Some(Self::Captured),
            (Self::Requested, Step::Declined) => Some(Self::Declined),
            (Self::Requested, Step::Rejected) => Some(Self::Failed),
            (Self::Authorised, Step::AskCapture) => Some(Self::Capturing),
            (Self::Authorised, Step::AskCancel) => Some(Self::Cancelling),
            (Self::Cancelling, Step::Cancelled) => Some(Self::Cancelled),
            _ => None,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Authorised => "authorised",
            Self::Capturing => "capturing",
            Self::Captured => "captured",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
            Self::Declined => "declined",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STEPS: [Step; 9] = [
        Step::Authorised,
        Step::Captured,
        Step::Declined,
        Step::Rejected,
        Step::AskCapture,
        Step::CaptureRefused,
        Step::AskCancel,
        Step::Cancelled,
        Step::CancelRefused,
    ];

    #[test]
    fn a_state_is_read_as_it_is_written() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
            assert_eq!(serde_json::json!(state), state.as_str());
        }
        assert_eq!(State::parse("done"), None);
    }

    proptest! {
        /// In whatever order and however often things are told: the money is taken at most once,
        /// what has ended stays, and the same step told again changes nothing.
        #[test]
        fn a_payment_ends_once(steps in prop::collection::vec(prop::sample::select(&STEPS[..]), 0..40)) {
            let mut state = State::Requested;
            let mut captures = 0;
            for step in steps {
                let Some(next) = state.after(step) else { continue };
                let has_ended = matches!(state, State::Captured | State::Cancelled | State::Declined | State::Failed);
                prop_assert!(!has_ended, "{state:?} went on to {next:?}");
                captures += u32::from(next == State::Captured);
                prop_assert!(captures <= 1);
                prop_assert_eq!(next.after(step), None);
                state = next;
            }
        }
    }
}
