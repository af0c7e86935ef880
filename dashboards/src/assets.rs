//! Static files: compiled in, named by a hash of their content, cached for good.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};

/// A file and the address that changes when it does.
#[derive(Debug)]
pub(crate) struct Asset {
    pub(crate) href: String,
    etag: String,
    content_type: &'static str,
    body: &'static str,
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

pub(crate) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("console", "css", CSS, include_str!("../static/console.css")));
pub(crate) static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("console", "js", JS, include_str!("../static/console.js")));
/// What pages with a query of the event store have in common.
pub(crate) static QUERY_STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("query", "css", CSS, include_str!("../static/query.css")));
pub(crate) static QUERY_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("query", "js", JS, include_str!("../static/query.js")));
/// What only the page of logs needs.
pub(crate) static LOGS_STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("logs", "css", CSS, include_str!("../static/logs.css")));
pub(crate) static LOGS_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("logs", "js", JS, include_str!("../static/logs.js")));
/// What only the page for expressions needs.
pub(crate) static EXPLORE_STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("explore", "css", CSS, include_str!("../static/explore.css")));
pub(crate) static EXPLORE_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("explore", "js", JS, include_str!("../static/explore.js")));
/// What only the page of response times needs.
pub(crate) static RELIABILITY_STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "reliability",
        "css",
        CSS,
        include_str!("../static/reliability.css"),
    )
});
/// What the pages of incidents need.
pub(crate) static INCIDENT_STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "incident",
        "css",
        CSS,
        include_str!("../static/incident.css"),
    )
});
/// What the pages of alerts, rules, silences and runbooks need.
pub(crate) static ALERTS_STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("alerts", "css", CSS, include_str!("../static/alerts.css")));
pub(crate) static ICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "beacon",
        "svg",
        "image/svg+xml",
        include_str!("../static/beacon.svg"),
    )
});
/// What the map of services needs.
pub(crate) static MAP_STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("map", "css", CSS, include_str!("../static/map.css")));
pub(crate) static MAP_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("map", "js", JS, include_str!("../static/map.js")));
/// What only the page of one trace needs.
pub(crate) static TRACE_STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("trace", "css", CSS, include_str!("../static/trace.css")));
pub(crate) static TRACE_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("trace", "js", JS, include_str!("../static/trace.js")));
/// What only the page of traces needs.
pub(crate) static TRACES_STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("traces", "css", CSS, include_str!("../static/traces.css")));
pub(crate) static TRACES_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("traces", "js", JS, include_str!("../static/traces.js")));

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Asset> {
    [
        &STYLE,
        &SCRIPT,
        &QUERY_STYLE,
        &QUERY_SCRIPT,
        &LOGS_STYLE,
        &LOGS_SCRIPT,
        &EXPLORE_STYLE,
        &EXPLORE_SCRIPT,
        &RELIABILITY_STYLE,
        &INCIDENT_STYLE,
        &ALERTS_STYLE,
        &MAP_STYLE,
        &MAP_SCRIPT,
        &TRACE_STYLE,
        &TRACE_SCRIPT,
        &TRACES_STYLE,
        &TRACES_SCRIPT,
        &ICON,
    ]
    .map(|asset| &**asset)
    .into_iter()
}

impl Asset {
    fn new(name: &str, extension: &str, content_type: &'static str, body: &'static str) -> Self {
        let hash = fnv1a(body.as_bytes());
        Self {
            href: format!("/static/{name}.{hash:016x}.{extension}"),
            etag: format!("\"{hash:016x}\""),
            content_type,
            body,
        }
    }

    #[cfg(test)]
    pub(crate) const fn text(&self) -> &'static str {
        self.body
    }
}

/// FNV-1a: enough to tell versions of our own files apart.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// `GET /static/{name}`.
pub(crate) async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let wanted = format!("/static/{name}");
    let Some(asset) = all().find(|asset| asset.href == wanted) else {
        return (StatusCode::NOT_FOUND, "there is no such file\n").into_response();
    };
    let cache = [
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::ETAG, asset.etag.as_str()),
    ];
    let known = headers.get(header::IF_NONE_MATCH);
    if known.is_some_and(|known| known.as_bytes() == asset.etag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, cache).into_response();
    }
    let content_type = [(header::CONTENT_TYPE, asset.content_type)];
    (cache, content_type, asset.body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_within_their_weight() {
        for (asset, most) in [
            (&STYLE, 30_000),
            (&SCRIPT, 15_000),
            (&QUERY_STYLE, 5_000),
            (&QUERY_SCRIPT, 7_000),
            (&LOGS_STYLE, 7_000),
            (&LOGS_SCRIPT, 10_000),
            (&EXPLORE_STYLE, 10_000),
            (&EXPLORE_SCRIPT, 12_000),
            (&RELIABILITY_STYLE, 6_000),
            (&INCIDENT_STYLE, 6_000),
            (&ALERTS_STYLE, 6_000),
            (&MAP_STYLE, 5_000),
            (&MAP_SCRIPT, 3_000),
            (&TRACE_STYLE, 9_000),
            (&TRACE_SCRIPT, 12_000),
            (&TRACES_STYLE, 8_000),
            (&TRACES_SCRIPT, 8_000),
        ] {
            assert!(
                asset.body.len() < most,
                "{}: {}",
                asset.href,
                asset.body.len()
            );
        }
    }

    #[tokio::test]
    async fn a_file_is_cached_for_good_and_an_unknown_one_is_not_there() {
        let name = STYLE.href.rsplit('/').next().unwrap().to_owned();
        let found = serve(Path(name.clone()), HeaderMap::new()).await;
        assert_eq!(found.status(), StatusCode::OK);
        assert!(
            found.headers()[header::CACHE_CONTROL]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
        let mut known = HeaderMap::new();
        known.insert(header::IF_NONE_MATCH, STYLE.etag.parse().unwrap());
        assert_eq!(
            serve(Path(name), known).await.status(),
            StatusCode::NOT_MODIFIED
        );
        let other = serve(Path("console.css".to_owned()), HeaderMap::new()).await;
        assert_eq!(other.status(), StatusCode::NOT_FOUND);
    }
}
