//! The ways in over the network.

mod body;
mod clients;
mod inflate;
mod ndjson;
mod otlp;
mod otlp_grpc;
mod otlp_http;
mod problem;
mod remote_write;
mod rpc_status;
mod shippers;

pub(crate) use body::BodyError;
pub(crate) use clients::router as clients_router;
pub(crate) use ndjson::router as ndjson_router;
pub(crate) use otlp_grpc::router as otlp_grpc_router;
pub(crate) use otlp_http::router as otlp_http_router;
pub(crate) use remote_write::router as remote_write_router;
pub(crate) use shippers::router as shippers_router;
