use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};

use super::met::HeldUp;
use super::{FaultKind, Faults};
use crate::failure::{Failure, Kind, frame};
use crate::problem::Problem;

/// Why a request fails that the switchboard hits.
#[derive(Debug, thiserror::Error)]
enum Injected {
    #[error("the fault switchboard makes requests of this service fail")]
    Errors,
    #[error("the configuration that was brought out last does not know this input")]
    BadDeploy,
}

impl Kind for Injected {
    fn kind(&self) -> &'static str {
        match self {
            Self::Errors => "InjectedFault",
            Self::BadDeploy => "ConfigurationError::UnknownInput",
        }
    }
}

/// What leaks is worth a word once it holds requests up so long, in milliseconds.
const WORTH_TELLING: u128 = 200;

/// What of a service's faults meets its requests wherever they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All that can hit a request.
    All,
    /// Leaks; the service has places of its own where the others bite.
    Leaks,
}

/// Aims `faults` at the requests of a router that [`afflict`]s them further in.
pub(crate) fn aimed_at(router: Router, faults: Arc<Faults>, extent: Extent) -> Router {
    router.layer(Extension((faults, extent)))
}

/// A router whose requests fail and wait as the faults say that are aimed at them, within the
/// request's span. Without any, they go through.
pub(crate) fn afflict(router: Router) -> Router {
    router.layer(middleware::from_fn(meet))
}

async fn meet(request: Request, next: Next) -> Response {
    let Some((faults, extent)) = request.extensions().get::<(Arc<Faults>, Extent)>() else {
        return next.run(request).await;
    };
    if let Some(held_up) = faults.leaks() {
        tell(held_up);
        tokio::time::sleep(held_up.by).await;
    }
    if *extent == Extent::Leaks {
        return next.run(request).await;
    }
    if let Some(slower) = faults.slows_by() {
        tokio::time::sleep(slower).await;
    }
    let injected = if faults.hits(FaultKind::Errors) {
        Injected::Errors
    } else if faults.hits(FaultKind::BadDeploy) {
        Injected::BadDeploy
    } else {
        return next.run(request).await;
    };
    Problem::from(Failure::new(injected, frame!("meet"))).into_response()
}

fn tell(held_up: HeldUp) {
    let milliseconds = held_up.by.as_millis();
    if milliseconds >= WORTH_TELLING {
        tracing::warn!(
            "duration_ms" = milliseconds as u64,
            "leak.mib" = held_up.mib,
            "leak.files" = held_up.files,
            "waits {milliseconds} ms for memory: answered requests still hold {} MiB and {} files",
            held_up.mib,
            held_up.files
        );
    }
}
