use std::collections::BTreeMap;

use watchfire_schemas::Timestamp;

use crate::content::collection::{Collection, Link, PLACES, POINTS_OF_INTEREST};
use crate::feed::Source;
use crate::statement::{Operation, Statement};
use crate::traffic::{Outcome, Request};

/// What an answer weighs, by what it shows: head, and each resource.
const HEAD_BYTES: u64 = 330;
const RESOURCE_BYTES: u64 = 640;

/// How many resources there are of what the traffic lists.
#[derive(Debug)]
pub(super) struct Catalogue {
    by_kind: BTreeMap<(&'static str, String), u64>,
    by_place: BTreeMap<String, u64>,
}

/// What the content service did for a request.
pub(super) struct Work {
    pub(super) statements: Vec<Statement>,
    /// How many are shown, of how many, of what: if it was a list.
    pub(super) listed: Option<(usize, u64, &'static str)>,
    pub(super) bytes: u64,
    pub(super) status: u16,
}

impl Catalogue {
    /// Of what there was at `at`.
    pub(super) fn new(source: &Source, at: Timestamp) -> Self {
        let (mut by_kind, mut by_place) = (BTreeMap::new(), BTreeMap::new());
        for resource in [PLACES.resource, POINTS_OF_INTEREST.resource] {
            for record in source.present(resource, at) {
                let kind = (resource, record.text("kind").to_owned());
                *by_kind.entry(kind).or_default() += 1;
                if resource == POINTS_OF_INTEREST.resource {
                    let place = record.text("place").to_owned();
                    *by_place.entry(place).or_default() += 1;
                }
            }
        }
        Self { by_kind, by_place }
    }

    fn total(&self, resource: &str, kinds: &[&str]) -> u64 {
        let is_asked =
            |of: &str, kind: &str| of == resource && (kinds.is_empty() || kinds.contains(&kind));
        let counts = self
            .by_kind
            .iter()
            .filter(|((of, kind), _)| is_asked(of, kind));
        counts.map(|(_, count)| count).sum()
    }

    /// What a request makes the content service do.
    pub(super) fn work(&self, request: &Request) -> Work {
        let mut segments = request.route.split('/').skip(1);
        let resource = segments.next().unwrap_or_default();
        let collection =
            Collection::of(resource).expect("the traffic asks for collections that are there");
        let relationship = segments
            .nth(1)
            .and_then(|name| collection.relationship(name));
        let by_id = Statement::new(Operation::Select, collection.table);
        if request.outcome == Outcome::NotFound {
            return Work {
                statements: vec![by_id],
                listed: None,
                bytes: 210,
                status: 404,
            };
        }
        if let Some(list) = request.list {
            let total = self.total(resource, list.kinds);
            let mut work = Work::list(collection, list.page_size, total);
            let included = list.include.and_then(|name| collection.relationship(name));
            work.statements
                .extend(included.map(|to| Statement::new(Operation::Select, to.target().table)));
            return work;
        }
        let Some(relationship) = relationship else {
            return Work::of(vec![by_id], 1);
        };
        let target = relationship.target();
        match relationship.link {
            Link::Own(_) => Work::of(
                vec![by_id, Statement::new(Operation::Select, target.table)],
                1,
            ),
            Link::Theirs(_) | Link::Pairs(_) => {
                let total = self.by_place.get(&request.id).copied().unwrap_or(0);
                let mut work = Work::list(target, total as usize, total);
                work.statements.insert(0, by_id);
                work
            }
        }
    }
}

impl Work {
    fn of(statements: Vec<Statement>, shown: u64) -> Self {
        Self {
            statements,
            listed: None,
            bytes: HEAD_BYTES + shown * RESOURCE_BYTES,
            status: 200,
        }
    }

    fn list(collection: &'static Collection, page_size: usize, total: u64) -> Self {
        let shown = page_size.min(total as usize);
        let operations = [Operation::Count, Operation::Select];
        let statements = operations.map(|operation| Statement::new(operation, collection.table));
        let listed = Some((shown, total, collection.resource));
        Self {
            listed,
            ..Self::of(statements.to_vec(), shown as u64)
        }
    }
}
