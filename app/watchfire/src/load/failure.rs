use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

use serde::Serialize;

/// Why a request has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Failure {
    /// Nobody listens there.
    Refused,
    Unreachable,
    ConnectTimeout,
    Tls,
    /// This machine has no free local port.
    OutOfPorts,
    /// This process may open no more files.
    OutOfFiles,
    /// The answer did not come in time.
    Timeout,
    /// The connection ended before the answer did.
    Closed,
    Reset,
    /// What came is no HTTP.
    Protocol,
    /// No connection came free until the end.
    Unsent,
}

impl Failure {
    /// Whether the time until it was given up tells how long an answer would have taken, at least.
    pub(crate) const fn is_slowness(self) -> bool {
        matches!(self, Self::Timeout | Self::ConnectTimeout | Self::Unsent)
    }

    /// Why no connection came about.
    pub(super) fn of_connecting(error: &io::Error) -> Self {
        /// "Too many open files", in this process or in the system.
        const FILES: [i32; 2] = [23, 24];
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::AddrNotAvailable => Self::OutOfPorts,
            ErrorKind::TimedOut => Self::ConnectTimeout,
            ErrorKind::ConnectionReset => Self::Reset,
            _ if error
                .raw_os_error()
                .is_some_and(|code| FILES.contains(&code)) =>
            {
                Self::OutOfFiles
            }
            _ => Self::Unreachable,
        }
    }

    /// Why an exchange broke off.
    pub(super) fn of_exchange(error: &hyper::Error) -> Self {
        let source = error.source().and_then(|source| source.downcast_ref());
        match source.map(io::Error::kind) {
            Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => Self::Reset,
            Some(ErrorKind::UnexpectedEof) => Self::Closed,
            _ if error.is_parse() || error.is_user() => Self::Protocol,
            _ => Self::Closed,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "connection refused",
            Self::Unreachable => "unreachable",
            Self::ConnectTimeout => "no connection in time",
            Self::Tls => "TLS",
            Self::OutOfPorts => "no free local port",
            Self::OutOfFiles => "too many open files",
            Self::Timeout => "no answer in time",
            Self::Closed => "closed before the answer",
            Self::Reset => "reset",
            Self::Protocol => "no HTTP",
            Self::Unsent => "not sent for want of a free connection",
        })
    }
}
