use serde::{Deserialize, Serialize};

/// What somebody is to the recruitment service. A token names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    Recruiter,
    HiringManager,
    Interviewer,
    Admin,
    Auditor,
}

/// What can be done, or seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    ReadPositions,
    CreatePosition,
    ChangePosition,
    ReadCandidates,
    /// A candidate's e-mail address and telephone number.
    ReadContact,
    /// By name or e-mail address, duplicates among them.
    SearchCandidates,
    CreateCandidate,
    ChangeCandidate,
    EraseCandidate,
    ReadApplications,
    ReadSalary,
    CreateApplication,
    /// To another stage, or to an end by the employer.
    MoveApplication,
    WithdrawApplication,
    AssignInterviewer,
    ReadAssessments,
    /// Also those that others wrote.
    ReadEveryAssessment,
    WriteAssessment,
    ReadDocuments,
    AddDocument,
    RemoveDocument,
    ReadTrail,
    CleanUp,
    IssueTokens,
}

/// On what a role may do an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grant {
    Every,
    /// On positions whose hiring manager the caller is, and what belongs to them.
    Own,
    /// On applications that the caller is assigned to interview, and what belongs to them.
    Assigned,
    Never,
}

use Grant::{Assigned, Every, Never, Own};

/// Who may do what. Columns in the order of [`Role::ALL`].
#[rustfmt::skip]
pub(crate) const TABLE: &[(Action, [Grant; 5])] = &[
    //                             recruiter manager interviewer admin auditor
    (Action::ReadPositions,       [Every, Own,   Assigned, Every, Never]),
    (Action::CreatePosition,      [Every, Never, Never,    Every, Never]),
    (Action::ChangePosition,      [Every, Own,   Never,    Every, Never]),
    (Action::ReadCandidates,      [Every, Own,   Assigned, Every, Never]),
    (Action::ReadContact,         [Every, Own,   Never,    Every, Never]),
    (Action::SearchCandidates,    [Every, Never, Never,    Every, Never]),
    (Action::CreateCandidate,     [Every, Never, Never,    Every, Never]),
    (Action::ChangeCandidate,     [Every, Never, Never,    Every, Never]),
    (Action::EraseCandidate,      [Every, Never, Never,    Every, Never]),
    (Action::ReadApplications,    [Every, Own,   Assigned, Every, Never]),
    (Action::ReadSalary,          [Every, Own,   Never,    Every, Never]),
    (Action::CreateApplication,   [Every, Never, Never,    Every, Never]),
    (Action::MoveApplication,     [Every, Own,   Never,    Every, Never]),
    (Action::WithdrawApplication, [Every, Never, Never,    Every, Never]),
    (Action::AssignInterviewer,   [Every, Own,   Never,    Every, Never]),
    (Action::ReadAssessments,     [Every, Own,   Assigned, Every, Never]),
    (Action::ReadEveryAssessment, [Every, Own,   Never,    Every, Never]),
    (Action::WriteAssessment,     [Every, Own,   Assigned, Every, Never]),
    (Action::ReadDocuments,       [Every, Own,   Assigned, Every, Never]),
    (Action::AddDocument,         [Every, Never, Never,    Every, Never]),
    (Action::RemoveDocument,      [Every, Never, Never,    Every, Never]),
    (Action::ReadTrail,           [Never, Never, Never,    Every, Every]),
    (Action::CleanUp,             [Never, Never, Never,    Every, Never]),
    (Action::IssueTokens,         [Never, Never, Never,    Every, Never]),
];

impl Role {
    pub(crate) const ALL: [Self; 5] = [
        Self::Recruiter,
        Self::HiringManager,
        Self::Interviewer,
        Self::Admin,
        Self::Auditor,
    ];

    /// On what this role may do `action`. What the table does not hold nobody may.
    pub(crate) fn grant(self, action: Action) -> Grant {
        let column = Self::ALL.iter().position(|role| *role == self);
        let row = TABLE.iter().find(|(known, _)| *known == action);
        column.zip(row).map_or(Never, |(n, (_, grants))| grants[n])
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Recruiter => "recruiter",
            Self::HiringManager => "hiring-manager",
            Self::Interviewer => "interviewer",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(role: Role, action: Action, expected: Grant) {
        assert_eq!(role.grant(action), expected, "{role:?} {action:?}");
    }

    #[test]
    fn each_action_is_in_the_table_once() {
        for (n, (action, _)) in TABLE.iter().enumerate() {
            assert!(
                !TABLE[..n].iter().any(|(other, _)| other == action),
                "{action:?}"
            );
        }
    }

    #[test]
    fn roles_may_what_their_names_promise() {
        check(Role::Recruiter, Action::CreatePosition, Every);
        check(Role::Recruiter, Action::ReadTrail, Never);
        check(Role::HiringManager, Action::MoveApplication, Own);
        check(Role::Interviewer, Action::ReadSalary, Never);
        check(Role::Interviewer, Action::ReadApplications, Assigned);
        check(Role::Admin, Action::CleanUp, Every);
        for (action, _) in TABLE {
            let expected = if *action == Action::ReadTrail {
                Every
            } else {
                Never
            };
            check(Role::Auditor, *action, expected);
        }
    }
}
