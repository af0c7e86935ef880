use watchfire_schemas::{ChangeEvent, Timestamp};

/// The attribute of a deploy that says when what it brings was committed: a time, or a list of
/// times, one a commit.
const COMMITTED_AT: &str = "committed_at";

/// How long each commit of a deploy took until it ran, in seconds.
pub(crate) fn lead_times(deploy: &ChangeEvent) -> Vec<f64> {
    let Some(told) = deploy.attributes.get(COMMITTED_AT) else {
        return Vec::new();
    };
    let texts: Vec<&str> = match told {
        serde_json::Value::String(text) => vec![text],
        serde_json::Value::Array(all) => all.iter().filter_map(|one| one.as_str()).collect(),
        _ => Vec::new(),
    };
    let took = |text: &str| {
        let committed: Timestamp = text.parse().ok()?;
        let seconds = deploy.at.seconds_since(committed);
        (seconds >= 0.0).then_some(seconds)
    };
    texts.into_iter().filter_map(took).collect()
}
