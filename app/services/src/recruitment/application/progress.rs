use crate::recruitment::application::ApplicationState;
use crate::recruitment::position::PositionState;
use crate::recruitment::text::Slug;

/// Where an application stands, as far as its next step depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress<'a> {
    pub(crate) state: ApplicationState,
    pub(crate) stage: &'a str,
    /// Those of the position, in order.
    pub(crate) stages: &'a [Slug],
    pub(crate) position: PositionState,
    /// How many can still be hired.
    pub(crate) vacancies: i64,
}

/// What is asked to happen to an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    To(&'a str),
    Reject,
    Withdraw,
    Hire,
}

impl<'a> Progress<'a> {
    /// Every step that is legal here. An application goes on to the next stage or back to any before,
    /// as long as its position is open; it may be hired from the last stage while there is a vacancy,
    /// and rejected or withdrawn as long as it is active.
    pub(crate) fn legal(self) -> Vec<Step<'a>> {
        if self.state != ApplicationState::Active {
            return Vec::new();
        }
        let mut legal = Vec::new();
        let here = self
            .stages
            .iter()
            .position(|stage| stage.as_str() == self.stage);
        if let Some(here) = here.filter(|_| self.position == PositionState::Open) {
            let reachable = self.stages.iter().take(here + 2).enumerate();
            let others = reachable.filter(|(n, _)| *n != here);
            legal.extend(others.map(|(_, stage)| Step::To(stage.as_str())));
            if here + 1 == self.stages.len() && self.vacancies > 0 {
                legal.push(Step::Hire);
            }
        }
        legal.extend([Step::Reject, Step::Withdraw]);
        legal
    }

    pub(crate) fn allows(self, step: Step<'_>) -> bool {
        self.legal().contains(&step)
    }
}

impl Step<'_> {
    /// How a client names it.
    pub(crate) fn name(self) -> String {
        match self {
            Self::To(stage) => format!("move to {stage}"),
            Self::Reject => "rejection".to_owned(),
            Self::Withdraw => "withdrawal".to_owned(),
            Self::Hire => "hire".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages() -> Vec<Slug> {
        let names = ["screening", "interview", "offer"].into_iter();
        names
            .map(|name| Slug::try_from(name.to_owned()).unwrap())
            .collect()
    }

    /// The legal steps of an active application in an open position with one vacancy, changed by `how`.
    fn check(stage: &str, how: impl Fn(&mut Progress<'_>), expected: &str) {
        let stages = stages();
        let mut progress = Progress {
            state: ApplicationState::Active,
            stage,
            stages: &stages,
            position: PositionState::Open,
            vacancies: 1,
        };
        how(&mut progress);
        let legal: Vec<String> = progress.legal().into_iter().map(Step::name).collect();
        assert_eq!(legal.join(", "), expected);
    }

    #[test]
    fn an_application_goes_on_by_one_stage_and_back_by_any() {
        check(
            "screening",
            |_| (),
            "move to interview, rejection, withdrawal",
        );
        check(
            "interview",
            |_| (),
            "move to screening, move to offer, rejection, withdrawal",
        );
        check(
            "offer",
            |_| (),
            "move to screening, move to interview, hire, rejection, withdrawal",
        );
    }

    #[test]
    fn what_is_full_closed_or_over_goes_nowhere() {
        let full = "move to screening, move to interview, rejection, withdrawal";
        check("offer", |progress| progress.vacancies = 0, full);
        let closed = "rejection, withdrawal";
        check(
            "offer",
            |progress| progress.position = PositionState::Closed,
            closed,
        );
        for state in [
            ApplicationState::Rejected,
            ApplicationState::Withdrawn,
            ApplicationState::Hired,
        ] {
            check("offer", |progress| progress.state = state, "");
        }
    }
}
