use std::io::Write as _;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use watchfire_schemas::{Attributes, ChangeEvent, ChangeKind, Clock as _, SystemClock};

use super::SendError;
use crate::api::Api;
use crate::cli::SendDeployArgs;

/// Records a deploy and says so.
pub(super) async fn send(server: &str, args: &SendDeployArgs) -> Result<bool, SendError> {
    let api = Api::new(server)?;
    let summary = args.summary.clone();
    let change = ChangeEvent {
        id: String::new(),
        at: args.at.unwrap_or_else(|| SystemClock.now()),
        kind: ChangeKind::Deploy,
        service: args.service.clone(),
        summary: summary.unwrap_or_else(|| format!("version {}", args.version)),
        version: Some(args.version.clone()),
        author: args.author.clone(),
        link: args.link.clone(),
        attributes: attributes(args),
    };
    let body = serde_json::to_vec(&change).expect("a change is plain data");
    let json = HeaderValue::from_static("application/json");
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, json)]);
    let recorded: ChangeEvent = api.post("/api/v1/changes", headers, body).await?;
    let told = writeln!(
        std::io::stdout(),
        "deploy of {} {} at {} is recorded as {}",
        recorded.service,
        args.version,
        recorded.at,
        recorded.id
    );
    // It is recorded whether somebody reads this or not.
    drop(told);
    Ok(true)
}

/// What is said beside the fields of a change.
fn attributes(args: &SendDeployArgs) -> Attributes {
    let mut attributes = Attributes::new();
    if !args.committed_at.is_empty() {
        let times = args.committed_at.iter().map(ToString::to_string);
        attributes.insert("committed_at".to_owned(), times.collect());
    }
    attributes
}
