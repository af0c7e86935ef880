//! The functions that Alertmanager gives to templates.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;

use super::super::builtins::{self, Arguments};
use super::super::humanize::humanize_duration;
use super::super::moment::{Local, formatted};
use super::super::run::Run;
use super::super::{TemplateError, Value};
use super::json::json;

pub(in super::super) const NAMES: [&str; 25] = [
    "toUpper",
    "toLower",
    "title",
    "trimSpace",
    "join",
    "match",
    "safeHtml",
    "safeUrl",
    "urlUnescape",
    "reReplaceAll",
    "stringSlice",
    "routeLabels",
    "date",
    "tz",
    "now",
    "since",
    "humanizeDuration",
    "toDate",
    "mustToDate",
    "toJson",
    "base64encode",
    "base64decode",
    "list",
    "append",
    "dict",
];

/// Calls a function by its name.
pub(in super::super) fn call(
    name: &str,
    arguments: &[Value],
    run: &Run<'_>,
) -> Result<Value, TemplateError> {
    let arguments = Arguments::new(name, arguments);
    if let Some(called) = builtins::call(name, &arguments) {
        return called;
    }
    match name {
        "now" => Ok(Value::Moment(run.scope().around.now.nanos())),
        "since" => {
            let now = run.scope().around.now.nanos();
            Ok(Value::Span(now.saturating_sub(moment(&arguments, 0)?)))
        }
        "date" | "tz" | "toDate" | "mustToDate" => of_times(name, &arguments),
        "stringSlice" | "list" => Ok(Value::List(Arc::new(arguments.all().to_vec()))),
        "append" => {
            let mut all = arguments.list(0)?.clone();
            all.extend(arguments.all()[1..].iter().cloned());
            Ok(Value::List(Arc::new(all)))
        }
        "dict" => dict(&arguments),
        "match" => {
            let regex = arguments.regex(0)?;
            Ok(Value::Truth(regex.is_match(&arguments.text(1)?)))
        }
        "safeHtml" | "safeUrl" => Ok(Value::Safe(arguments.text(0)?)),
        _ => of_texts(name, &arguments).map(Value::Text),
    }
}

fn of_texts(name: &str, arguments: &Arguments<'_>) -> Result<String, TemplateError> {
    Ok(match name {
        "toUpper" => arguments.text(0)?.to_uppercase(),
        "toLower" => arguments.text(0)?.to_lowercase(),
        "title" => title(&arguments.text(0)?),
        "trimSpace" => arguments.text(0)?.trim().to_owned(),
        "join" => {
            let separator = arguments.text(0)?;
            let texts = arguments.list(1)?.iter().map(ToString::to_string);
            texts.collect::<Vec<_>>().join(&separator)
        }
        "urlUnescape" => {
            unescaped(&arguments.text(0)?).ok_or_else(|| arguments.failed("invalid URL escape"))?
        }
        "reReplaceAll" => {
            let (regex, replacement) = (arguments.regex(0)?, arguments.text(1)?);
            regex
                .replace_all(&arguments.text(2)?, replacement)
                .into_owned()
        }
        "humanizeDuration" => humanize_duration(arguments.number(0)?),
        "toJson" => json(arguments.at(0)?),
        "base64encode" => URL_SAFE.encode(arguments.text(0)?),
        "base64decode" => {
            let decoded = URL_SAFE.decode(arguments.text(0)?);
            let decoded = decoded.map_err(|_| arguments.failed("illegal base64 data"))?;
            String::from_utf8_lossy(&decoded).into_owned()
        }
        // Routes of this configuration have none.
        "routeLabels" => String::new(),
        other => {
            let reason = format!("function {other:?} not defined");
            return Err(TemplateError::Failed(reason));
        }
    })
}

fn of_times(name: &str, arguments: &Arguments<'_>) -> Result<Value, TemplateError> {
    match name {
        "date" => {
            let layout = arguments.text(0)?;
            Ok(Value::Text(match arguments.at(1)? {
                Value::Local(local) => local.formatted(&layout),
                _ => formatted(moment(arguments, 1)?, &layout),
            }))
        }
        "tz" => {
            let zone = arguments.text(0)?;
            let local = Local::of(moment(arguments, 1)?, &zone);
            let unknown = || arguments.failed(&format!("unknown time zone {zone}"));
            local
                .map(|it| Value::Local(Arc::new(it)))
                .ok_or_else(unknown)
        }
        _ => {
            // Of Go's layouts only the one that is RFC 3339 is read back.
            let parsed = arguments.text(1)?.parse::<watchfire_schemas::Timestamp>();
            match (parsed, name) {
                (Ok(at), _) => Ok(Value::Moment(at.nanos())),
                (Err(_), "toDate") => Ok(Value::Moment(i64::MIN)),
                (Err(_), _) => Err(arguments.failed("cannot parse the time")),
            }
        }
    }
}

fn moment(arguments: &Arguments<'_>, index: usize) -> Result<i64, TemplateError> {
    match arguments.at(index)? {
        Value::Moment(nanos) => Ok(*nanos),
        Value::Local(local) => Ok(local.nanos()),
        other => Err(arguments.failed(&format!("expected time.Time; got {}", other.kind()))),
    }
}

fn dict(arguments: &Arguments<'_>) -> Result<Value, TemplateError> {
    let mut map = BTreeMap::new();
    for pair in arguments.all().chunks(2) {
        let [Value::Text(name), value] = pair else {
            let reason = "dict needs pairs of a text and a value";
            return Err(arguments.failed(reason));
        };
        map.insert(name.clone(), value.clone());
    }
    Ok(Value::Map(Arc::new(map)))
}

/// Each word with a capital letter and small ones after it.
fn title(text: &str) -> String {
    let mut starts = true;
    let mut titled = String::with_capacity(text.len());
    for c in text.chars() {
        if starts {
            titled.extend(c.to_uppercase());
        } else {
            titled.extend(c.to_lowercase());
        }
        starts = !(c.is_alphanumeric() || matches!(c, '_' | '\'' | '\u{2019}'));
    }
    titled
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?.to_owned();
                u8::from_str_radix(&digits, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}
