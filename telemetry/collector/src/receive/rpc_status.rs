use bytes::Bytes;
use prost::Message;

use crate::Refusal;

/// The codes of gRPC that are answered here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    InvalidArgument = 3,
    ResourceExhausted = 8,
    Internal = 13,
    Unavailable = 14,
}

/// `google.rpc.Status`, what OTLP answers errors with.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`: without it, clients take an exhausted resource for lost for good.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl RpcStatus {
    pub(super) fn new(code: Code, message: &str) -> Self {
        Self {
            code: code as i32,
            message: message.to_owned(),
            details: Vec::new(),
        }
    }

    pub(super) fn of(refusal: &Refusal) -> Self {
        let code = match refusal {
            Refusal::Overload { .. } => Code::ResourceExhausted,
            Refusal::DiskFull { .. }
            | Refusal::Unwritable { .. }
            | Refusal::Broken
            | Refusal::Stopping => Code::Unavailable,
            Refusal::Fault => Code::Internal,
        };
        let mut status = Self::new(code, &refusal.to_string());
        if let Some(after) = refusal.retry_after() {
            let retry_delay = Some(Delay {
                seconds: i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
                nanos: i32::try_from(after.subsec_nanos()).unwrap_or_default(),
            });
            status.details.push(Detail {
                type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
                value: RetryInfo { retry_delay }.encode_to_vec(),
            });
        }
        status
    }

    /// As gRPC carries it: in the trailers, the details in a header of their own.
    pub(super) fn into_tonic(self) -> tonic::Status {
        let details = Bytes::from(self.encode_to_vec());
        tonic::Status::with_details(tonic::Code::from_i32(self.code), self.message, details)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_overload_says_when_to_try_again() {
        let refusal = Refusal::Overload {
            budget: 1,
            retry_after: Duration::from_millis(1_500),
        };
        let status = RpcStatus::of(&refusal);
        let bytes = status.encode_to_vec();
        let again = RpcStatus::decode(&bytes[..]).unwrap();
        let retry = RetryInfo::decode(&again.details[0].value[..]).unwrap();
        assert_eq!(
            retry.retry_delay,
            Some(Delay {
                seconds: 1,
                nanos: 500_000_000
            })
        );
        assert_eq!(status.into_tonic().code(), tonic::Code::ResourceExhausted);
    }
}
