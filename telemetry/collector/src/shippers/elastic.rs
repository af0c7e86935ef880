//! Elasticsearch's bulk: `POST /elasticsearch/_bulk`, pairs of lines, an action and a document.

use serde_json::{Value, json};
use watchfire_schemas::{LogRecord, Timestamp};

use super::line::{Around, of_object};

/// What becomes of one action.
#[derive(Debug)]
pub(crate) struct BulkItem {
    /// `create` or `index`, as it was asked.
    pub(crate) action: String,
    pub(crate) index: String,
    /// The record, or why there is none.
    pub(crate) record: Result<LogRecord, String>,
}

/// The items of a bulk request. `index` is the one of the address, if it names one.
pub(crate) fn items(
    body: &[u8],
    index: Option<&str>,
    arrived: Timestamp,
) -> Result<Vec<BulkItem>, String> {
    let lines = body.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.map(|(at, line)| (at + 1, line.trim_ascii()));
    let mut lines = lines.filter(|(_, line)| !line.is_empty());
    let mut items = Vec::new();
    while let Some((number, line)) = lines.next() {
        let wrong = |what: &str| format!("line {number}: {what}");
        let action: Value =
            serde_json::from_slice(line).map_err(|error| wrong(&error.to_string()))?;
        let (name, about) = action
            .as_object()
            .and_then(|object| object.iter().next())
            .ok_or_else(|| wrong("expected an action such as {\"create\":{}}"))?;
        let named = about.get("_index").and_then(Value::as_str);
        let record = match name.as_str() {
            "create" | "index" => {
                let (_, line) = lines
                    .next()
                    .ok_or_else(|| wrong("the action's document is missing"))?;
                record(line, arrived)
            }
            "update" => {
                lines.next();
                Err("documents cannot be changed here".to_owned())
            }
            "delete" => Err("documents cannot be deleted here".to_owned()),
            other => return Err(wrong(&format!("the action {other:?} is not known"))),
        };
        items.push(BulkItem {
            action: name.clone(),
            index: named.or(index).unwrap_or("logs").to_owned(),
            record,
        });
    }
    Ok(items)
}

fn record(line: &[u8], arrived: Timestamp) -> Result<LogRecord, String> {
    let object = match serde_json::from_slice(line) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err("expected a JSON object".to_owned()),
        Err(error) => return Err(error.to_string()),
    };
    let around = Around {
        at: None,
        arrived,
        labels: watchfire_schemas::Attributes::new(),
    };
    Ok(of_object(object, &around))
}

/// Elasticsearch's answer to a bulk request.
pub(crate) fn answer(items: &[BulkItem], took_ms: u64) -> Value {
    let told = items.iter().enumerate().map(|(number, item)| {
        let mut told = json!({"_index": item.index, "_id": number.to_string()});
        match &item.record {
            Ok(_) => {
                told["status"] = 201.into();
                told["result"] = "created".into();
            }
            Err(reason) => {
                told["status"] = 400.into();
                told["error"] = json!({"type": "document_parsing_exception", "reason": reason});
            }
        }
        json!({ item.action.as_str(): told })
    });
    let errors = items.iter().any(|item| item.record.is_err());
    json!({"took": took_ms, "errors": errors, "items": told.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_has_its_item() {
        let body = b"{\"create\":{\"_index\":\"logs-shop\"}}
{\"@timestamp\":\"2023-11-14T22:13:20Z\",\"message\":\"hi\",\"log\":{\"level\":\"warn\"},\"service\":{\"name\":\"shop\"}}
{\"index\":{}}
{broken
{\"delete\":{\"_id\":\"1\"}}
";
        let items = items(body, Some("fallback"), Timestamp::default()).unwrap();
        let record = items[0].record.as_ref().unwrap();
        assert_eq!(
            (record.severity.as_str(), &*record.service, &*record.message),
            ("WARN", "shop", "hi")
        );
        let answer = answer(&items, 3);
        assert_eq!(answer["errors"], true);
        assert_eq!(answer["items"][0]["create"]["status"], 201);
        assert_eq!(answer["items"][1]["index"]["_index"], "fallback");
        assert_eq!(
            answer["items"][2]["delete"]["error"]["reason"],
            "documents cannot be deleted here"
        );
    }

    #[test]
    fn what_is_no_bulk_request_says_which_line() {
        let check = |body: &str, expected: &str| {
            let said = items(body.as_bytes(), None, Timestamp::default()).unwrap_err();
            assert!(said.starts_with(expected), "{said}");
        };
        check(
            "{\"create\":{}}\n",
            "line 1: the action's document is missing",
        );
        check("[]\n", "line 1: expected an action");
        check(
            "{\"create\":{}}\n{}\n{\"pin\":{}}\n",
            "line 3: the action \"pin\"",
        );
    }
}
