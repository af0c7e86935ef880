//! The pages. Each module holds what its page asks for, how it becomes a view, and the view.

pub(crate) mod alerts;
pub(crate) mod exception;
pub(crate) mod exceptions;
pub(crate) mod explore;
pub(crate) mod fault;
pub(crate) mod incident;
pub(crate) mod incidents;
pub(crate) mod log_view;
pub(crate) mod logs;
pub(crate) mod marks;
pub(crate) mod missing;
pub(crate) mod overview;
pub(crate) mod posted;
pub(crate) mod posted_exception;
pub(crate) mod posted_incident;
pub(crate) mod posted_schema;
pub(crate) mod query_bar;
pub(crate) mod reliability;
pub(crate) mod runbook;
pub(crate) mod schemas;
pub(crate) mod service;
pub(crate) mod services;
pub(crate) mod settings;
pub(crate) mod status;
pub(crate) mod trace;
pub(crate) mod traces;

use askama::Template;
use axum::response::Html;

pub(crate) use fault::Fault;

/// What every page answers.
pub(crate) type Page = Result<Html<String>, Fault>;

/// Writes a view.
pub(crate) fn render(view: &impl Template) -> Page {
    view.render().map(Html).map_err(Fault::Template)
}
