use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Api, NAME, is_name, refused};
use crate::messages::catalogue::{TemplateSource, TemplateVersion};
use crate::messages::channel::Channel;
use crate::messages::wording::{Fault, Wording};
use crate::problem::{Body, InPath, InQuery, Problem};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    channel: Channel,
    default_locale: String,
    locales: BTreeMap<String, Wording>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    version: Option<i64>,
}

/// How many templates there may be, each with so many versions: all are held in memory.
const MOST_TEMPLATES: usize = 1_000;
const MOST_VERSIONS: usize = 100;
/// How many locales a template may have.
const MOST_LOCALES: usize = 100;

/// Makes a version, unless the newest is just that.
pub(super) async fn put(
    State(api): State<Arc<Api>>,
    InPath(name): InPath<String>,
    Body(written): Body<Written>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let what = "the template cannot be kept";
    if !is_name(&name) {
        return Err(Problem::unprocessable(format!(
            "the name in the path: {NAME}"
        )));
    }
    let wrong = written.locales.keys().find(|locale| !is_locale(locale));
    if let Some(locale) = wrong {
        let fault = Fault::new(
            format!("/locales/{}", escaped(locale)),
            "expected a locale such as de or de-CH",
        );
        return Err(refused(what, &fault));
    }
    if written.locales.len() > MOST_LOCALES {
        let detail = format!("expected {MOST_LOCALES} locales at most");
        return Err(refused(what, &Fault::new("/locales", detail)));
    }
    let newest = api.catalogue.template(&name, None);
    if let Some(newest) = &newest {
        if newest.channel != written.channel {
            let detail = format!(
                "the template is one for {}, in all its versions",
                newest.channel.as_str()
            );
            return Err(Problem::new(StatusCode::CONFLICT, detail));
        }
        if newest.locales == written.locales && newest.default_locale == written.default_locale {
            return Ok((StatusCode::OK, Json(json!(newest))));
        }
    }
    room_for(&api, &name, newest.is_none())?;
    let source = TemplateSource {
        name,
        channel: written.channel,
        default_locale: written.default_locale,
        locales: written.locales,
    };
    let now = api.store.clock.now();
    // What is stored has been read before.
    let read = TemplateVersion::new(source.clone(), 0, now);
    let read = read.map_err(|fault| refused(what, &fault))?;
    let version = api.store.add_template(&source, now).await?;
    let template = Arc::new(read.numbered(version));
    api.catalogue.add_template(Arc::clone(&template));
    let status = if newest.is_none() {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(json!(template))))
}

/// Refuses what would be more than may be.
fn room_for(api: &Api, name: &str, is_new: bool) -> Result<(), Problem> {
    let detail = if is_new && api.catalogue.templates().len() >= MOST_TEMPLATES {
        format!("there are {MOST_TEMPLATES} templates already, which is as many as may be")
    } else if api.catalogue.versions(name).len() >= MOST_VERSIONS {
        format!("the template has {MOST_VERSIONS} versions already, which is as many as may be")
    } else {
        return Ok(());
    };
    Err(Problem::new(StatusCode::CONFLICT, detail))
}

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    InPath(name): InPath<String>,
    InQuery(asked): InQuery<Asked>,
) -> Result<Json<Value>, Problem> {
    let template = api.catalogue.template(&name, asked.version);
    let template =
        template.ok_or_else(|| Problem::not_found("there is no such template or version"))?;
    Ok(Json(json!(template)))
}

pub(super) async fn versions(
    State(api): State<Arc<Api>>,
    InPath(name): InPath<String>,
) -> Result<Json<Value>, Problem> {
    let versions = api.catalogue.versions(&name);
    if versions.is_empty() {
        return Err(Problem::not_found("there is no such template"));
    }
    Ok(Json(json!({ "versions": versions })))
}

pub(super) async fn list(State(api): State<Arc<Api>>) -> Json<Value> {
    Json(json!({ "templates": api.catalogue.templates() }))
}

/// A language of two or three letters, and perhaps more: `de`, `de-CH`, `zh-Hant-TW`.
fn is_locale(text: &str) -> bool {
    const LONGEST: usize = 35;
    let mut parts = text.split('-');
    let language = parts.next().unwrap_or_default();
    let is_language =
        (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_part = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    text.len() <= LONGEST && is_language && parts.all(is_part)
}

/// As a step of a JSON pointer.
fn escaped(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}
