//! The collector from outside: over its routers and a real gRPC client, into the real stores.

mod contracts;
mod durability;
mod grpc;
mod otlp_http;
mod remote_write;
mod stage;
