use std::collections::{BTreeSet, HashMap};

use crate::content::collection::{Link, Relationship};
use crate::content::document::{Identifier, Linkage, Resource};
use crate::content::store::Store;
use crate::failure::{Failure, Via, frame};

/// A compound document in the making: the primary resources first, then what they lead to.
#[derive(Debug)]
pub(crate) struct Compound {
    resources: Vec<Resource>,
    /// Where each of them is.
    positions: HashMap<Identifier, usize>,
    primary: usize,
}

/// Why a document is not completed.
#[derive(Debug)]
pub(crate) enum IncludeError {
    /// More than [`Compound::MOST`] resources would come along.
    TooMany,
    Failure(Failure),
}

impl Compound {
    /// How many resources are included at most.
    pub(crate) const MOST: usize = 1_000;

    pub(crate) fn new(primary: Vec<Resource>) -> Self {
        let identifiers = primary.iter().map(Resource::identifier);
        Self {
            positions: identifiers.zip(0..).collect(),
            primary: primary.len(),
            resources: primary,
        }
    }

    /// Follows every path from the primary resources. Each resource is brought in once, and only
    /// if another one's linkage names it. One statement a step, however many resources.
    pub(crate) async fn follow(
        &mut self,
        paths: &[Vec<&'static Relationship>],
        store: &Store,
    ) -> Result<(), IncludeError> {
        for path in paths {
            let mut level: Vec<usize> = (0..self.primary).collect();
            for relationship in path {
                level = self.step(&level, relationship, store).await?;
                if self.included().len() > Self::MOST {
                    return Err(IncludeError::TooMany);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn primary(&self) -> &[Resource] {
        &self.resources[..self.primary]
    }

    pub(crate) fn included(&self) -> &[Resource] {
        &self.resources[self.primary..]
    }

    /// From the resources at `level` over one relationship; the resources reached.
    async fn step(
        &mut self,
        level: &[usize],
        relationship: &'static Relationship,
        store: &Store,
    ) -> Result<Vec<usize>, IncludeError> {
        if !matches!(relationship.link, Link::Own(_)) {
            return self.step_to_many(level, relationship, store).await;
        }
        let level = level.iter();
        let wanted: BTreeSet<Identifier> = level
            .filter_map(|at| self.resources[*at].one(relationship))
            .collect();
        let missing = wanted
            .iter()
            .filter(|identifier| !self.positions.contains_key(*identifier));
        let missing: Vec<&str> = missing.map(|identifier| &*identifier.id).collect();
        let records = store.records(relationship.target(), &missing).await;
        for record in records.via(frame!("Compound::step"))? {
            self.add(record.into_resource()?);
        }
        Ok(wanted
            .iter()
            .filter_map(|identifier| self.positions.get(identifier).copied())
            .collect())
    }

    /// Over a relationship that is not written down at this end.
    async fn step_to_many(
        &mut self,
        level: &[usize],
        relationship: &'static Relationship,
        store: &Store,
    ) -> Result<Vec<usize>, IncludeError> {
        let owners = level.iter().map(|at| (self.resources[*at].id.clone(), *at));
        let owners: HashMap<String, usize> = owners.collect();
        let ids: Vec<&str> = owners.keys().map(String::as_str).collect();
        let found = store.related(relationship, &ids, Self::MOST + 1).await;
        let found = found.via(frame!("Compound::step_to_many"))?;
        if found.len() > Self::MOST {
            return Err(IncludeError::TooMany);
        }
        for at in level {
            if let Some(linkage) = self.resources[*at].linkage(relationship) {
                *linkage = Linkage::Many(Vec::new());
            }
        }
        let mut reached = Vec::new();
        for (owner, record) in found {
            let resource = record.into_resource()?;
            let identifier = resource.identifier();
            reached.push(self.add(resource));
            let Some(owner) = owners.get(&owner) else {
                continue;
            };
            if let Some(Linkage::Many(identifiers)) = self.resources[*owner].linkage(relationship) {
                identifiers.push(identifier);
            }
        }
        reached.sort_unstable();
        reached.dedup();
        Ok(reached)
    }

    /// Where a resource is, brought in if it is not there yet.
    fn add(&mut self, resource: Resource) -> usize {
        let next = self.resources.len();
        let at = *self.positions.entry(resource.identifier()).or_insert(next);
        if at == next {
            self.resources.push(resource);
        }
        at
    }
}

impl Resource {
    fn linkage(&mut self, relationship: &Relationship) -> Option<&mut Linkage> {
        let at = self.position(relationship)?;
        self.linkages.get_mut(at)
    }

    /// What a to-one relationship names.
    pub(crate) fn one(&self, relationship: &Relationship) -> Option<Identifier> {
        match self.linkages.get(self.position(relationship)?)? {
            Linkage::One(identifier) => identifier.clone(),
            Linkage::Many(_) | Linkage::Unresolved => None,
        }
    }

    fn position(&self, relationship: &Relationship) -> Option<usize> {
        let mut all = self.collection.relationships.iter();
        all.position(|other| other.name == relationship.name)
    }
}

impl From<Failure> for IncludeError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}
