/// Why a half of a call is on no edge of the service graph. A closed set: it becomes a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unpaired {
    /// A client's span: no server's came in time, and nothing in it names the other end.
    NoServer,
    /// A server's span that has a parent: no client's came in time.
    NoClient,
    /// Forgotten before its time, since too many waited.
    NoRoom,
    /// A client's span from just after a start: its server's may have come before.
    Restart,
}

impl Unpaired {
    pub(crate) const ALL: [Self; 4] = [Self::NoServer, Self::NoClient, Self::NoRoom, Self::Restart];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NoServer => "no_server",
            Self::NoClient => "no_client",
            Self::NoRoom => "no_room",
            Self::Restart => "restart",
        }
    }
}
