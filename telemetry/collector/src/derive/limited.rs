/// Which label of a derived series became `other`, since it would have had one value too many. A
/// closed set: it becomes a label itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limited {
    /// Services, of which 5,000 are told apart.
    Service,
    /// Operations: 500 of a service, 20,000 in all.
    Operation,
    /// Groups of exceptions: 2,000 of a service.
    ExceptionGroup,
    /// Ends of calls that are no services, 2,000, and edges of the service graph, 5,000.
    Peer,
    /// Labels of counters that somebody asked for: 1,000 values each.
    SavedCounter,
}

impl Limited {
    pub(crate) const ALL: [Self; 5] = [
        Self::Service,
        Self::Operation,
        Self::ExceptionGroup,
        Self::Peer,
        Self::SavedCounter,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Operation => "operation",
            Self::ExceptionGroup => "exception_group",
            Self::Peer => "peer",
            Self::SavedCounter => "saved_counter",
        }
    }
}
