//! Why a page is not there.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use watchfire_alerts::{ActError, StoreError};
use watchfire_logsearch::QueryError;

use crate::contracts::ContractRefusal;
use crate::params::BadParam;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("there is no {0}")]
    NotFound(String),
    #[error("{0}")]
    Param(#[from] BadParam),
    #[error("{0}")]
    Refused(String),
    #[error("the database did not answer")]
    Database(#[source] StoreError),
    #[error("saved searches could not be read or written")]
    Saved(#[source] sqlx::Error),
    #[error("the event store did not answer: {0}")]
    Events(#[source] QueryError),
    #[error("the page could not be written")]
    Template(#[source] askama::Error),
}

impl Fault {
    const fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Param(_) | Self::Events(QueryError::TooCostly { .. }) => StatusCode::BAD_REQUEST,
            Self::Refused(_) => StatusCode::CONFLICT,
            Self::Events(QueryError::Busy { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Events(QueryError::TimedOut) => StatusCode::GATEWAY_TIMEOUT,
            Self::Database(_) | Self::Saved(_) | Self::Events(_) | Self::Template(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Database(error)
    }
}

impl From<ActError> for Fault {
    fn from(error: ActError) -> Self {
        match error {
            ActError::NotFound { what, id } => Self::NotFound(format!("{what} {id}")),
            ActError::Refused(reason) => Self::Refused(reason),
            ActError::Invalid { member, reason } => Self::Param(BadParam::new(member, reason)),
            ActError::Store(source) => Self::Database(source),
        }
    }
}

impl From<ContractRefusal> for Fault {
    fn from(refusal: ContractRefusal) -> Self {
        match refusal {
            ContractRefusal::NotFound(schema) => Self::NotFound(format!("schema {schema}")),
            other => Self::Refused(other.to_string()),
        }
    }
}

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultView<'a> {
    status: u16,
    title: &'a str,
    text: &'a str,
    style: &'a str,
    icon: &'a str,
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(error = %self, cause = ?std::error::Error::source(&self), "a page failed: {self}");
        }
        let text = self.to_string();
        let view = FaultView {
            status: status.as_u16(),
            title: status.canonical_reason().unwrap_or("Error"),
            text: &text,
            style: &crate::assets::STYLE.href,
            icon: &crate::assets::ICON.href,
        };
        let body = view.render().unwrap_or(text.clone());
        (status, Html(body)).into_response()
    }
}
