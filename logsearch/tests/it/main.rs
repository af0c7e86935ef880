//! The store as its users see it.

mod crash;
mod paging;
mod queries;
mod store;
