use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Api, NAME, is_name, refused};
use crate::messages::channel::Channel;
use crate::messages::experiment::{Experiment, Measured, Variant};
use crate::messages::store::Founded;
use crate::messages::wording::Fault;
use crate::problem::{Body, InPath, Problem};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    name: String,
    channel: Channel,
    outcome: Measured,
    variants: Vec<Variant>,
}

/// How many experiments there may be: all are held in memory.
const MOST: usize = 1_000;
const VARIANTS: std::ops::RangeInclusive<usize> = 2..=10;
const HEAVIEST: u32 = 1_000_000;

pub(super) async fn found(
    State(api): State<Arc<Api>>,
    Body(written): Body<Written>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    check(&api, &written).map_err(|fault| refused("the experiment cannot be made", &fault))?;
    let experiment = Experiment {
        name: written.name,
        channel: written.channel,
        outcome: written.outcome,
        variants: written.variants,
        created_at: api.store.clock.now(),
    };
    if api.catalogue.experiments().len() >= MOST {
        let detail = format!("there are {MOST} experiments already, which is as many as may be");
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    if api.store.add_experiment(&experiment).await? == Founded::Exists {
        let detail = "there is an experiment of this name, and none is ever changed";
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    let body = json!(experiment);
    api.catalogue.add_experiment(Arc::new(experiment));
    Ok((StatusCode::CREATED, Json(body)))
}

fn check(api: &Api, written: &Written) -> Result<(), Fault> {
    if !is_name(&written.name) {
        return Err(Fault::new("/name", NAME));
    }
    if !VARIANTS.contains(&written.variants.len()) {
        return Err(Fault::new("/variants", "expected 2 to 10 variants"));
    }
    let mut names = BTreeSet::new();
    for (n, variant) in written.variants.iter().enumerate() {
        let fault =
            |member: &str, detail: &str| Err(Fault::new(format!("/variants/{n}/{member}"), detail));
        if !is_name(&variant.name) {
            return fault("name", NAME);
        }
        if !names.insert(&variant.name) {
            return fault("name", "another variant has this name");
        }
        if !(1..=HEAVIEST).contains(&variant.weight) {
            return fault("weight", "expected a number from 1 to 1000000");
        }
        match api.catalogue.template(&variant.template, None) {
            None => return fault("template", "there is no template of this name"),
            Some(template) if template.channel != written.channel => {
                return fault("template", "the template is one for another channel");
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The experiment with what its variants have brought so far.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    InPath(name): InPath<String>,
) -> Result<Json<Value>, Problem> {
    let experiment = api.catalogue.experiment(&name);
    let experiment =
        experiment.ok_or_else(|| Problem::not_found("there is no experiment of this name"))?;
    let counts = api.store.counts(&experiment).await?;
    let mut body = json!(*experiment);
    body["results"] = json!(experiment.results(&counts));
    Ok(Json(body))
}

pub(super) async fn list(State(api): State<Arc<Api>>) -> Json<Value> {
    let experiments = api.catalogue.experiments();
    Json(
        json!({ "experiments": experiments.iter().map(|experiment| json!(**experiment)).collect::<Vec<_>>() }),
    )
}
