use std::collections::BTreeSet;

use crate::content::collection::{Link, Relationship};
use crate::content::document::{Identifier, Linkage, Resource};
use crate::content::store::Store;
use crate::failure::{Failure, Via, frame};

/// A compound document in the making: the primary resources first, then what they lead to.
#[derive(Debug)]
pub(crate) struct Compound {
    resources: Vec<Resource>,
    primary: usize,
}

impl Compound {
    pub(crate) fn new(primary: Vec<Resource>) -> Self {
        Self {
            primary: primary.len(),
            resources: primary,
        }
    }

    /// Follows every path from the primary resources. Each resource is brought in once, and only
    /// if another one's linkage names it.
    pub(crate) async fn follow(
        &mut self,
        paths: &[Vec<&'static Relationship>],
        store: &Store,
    ) -> Result<(), Failure> {
        for path in paths {
            let mut level: Vec<usize> = (0..self.primary).collect();
            for relationship in path {
                level = self
                    .step(&level, relationship, store)
                    .await
                    .via(frame!("Compound::follow"))?;
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
    ) -> Result<Vec<usize>, Failure> {
        let wanted: BTreeSet<Identifier> = match relationship.link {
            Link::Own(_) => level
                .iter()
                .filter_map(|at| self.resources[*at].one(relationship))
                .collect(),
            Link::Theirs(column) => {
                return self.step_back(level, relationship, column, store).await;
            }
        };
        let missing: Vec<String> = wanted
            .iter()
            .filter(|identifier| self.position(identifier).is_none())
            .map(|identifier| identifier.id.clone())
            .collect();
        for record in store
            .records_by(relationship.target(), "id", &missing)
            .await?
        {
            self.resources.push(record.into_resource()?);
        }
        Ok(wanted
            .iter()
            .filter_map(|identifier| self.position(identifier))
            .collect())
    }

    /// Over a relationship that is written down at its other end.
    async fn step_back(
        &mut self,
        level: &[usize],
        relationship: &'static Relationship,
        column: &'static str,
        store: &Store,
    ) -> Result<Vec<usize>, Failure> {
        let owners: Vec<String> = level
            .iter()
            .map(|at| self.resources[*at].id.clone())
            .collect();
        for at in level {
            self.resources[*at].set(relationship, Linkage::Many(Vec::new()));
        }
        let mut reached = Vec::new();
        for record in store
            .records_by(relationship.target(), column, &owners)
            .await?
        {
            let resource = record.into_resource()?;
            let identifier = resource.identifier();
            let owner = resource.owner(column);
            let at = self.position(&identifier).unwrap_or_else(|| {
                self.resources.push(resource);
                self.resources.len() - 1
            });
            reached.push(at);
            let owner = level
                .iter()
                .find(|at| Some(&self.resources[**at].id) == owner.as_ref());
            if let Some(owner) = owner {
                self.resources[*owner].add(relationship, identifier);
            }
        }
        Ok(reached)
    }

    fn position(&self, identifier: &Identifier) -> Option<usize> {
        self.resources.iter().position(|resource| {
            resource.id == identifier.id && resource.collection.resource == identifier.resource
        })
    }
}

impl Resource {
    fn linkage(&mut self, relationship: &Relationship) -> Option<&mut Linkage> {
        let all = self.collection.relationships;
        let at = all
            .iter()
            .position(|other| other.name == relationship.name)?;
        self.linkages.get_mut(at)
    }

    /// What a to-one relationship names.
    pub(crate) fn one(&self, relationship: &Relationship) -> Option<Identifier> {
        let all = self.collection.relationships;
        let at = all
            .iter()
            .position(|other| other.name == relationship.name)?;
        match self.linkages.get(at)? {
            Linkage::One(identifier) => identifier.clone(),
            Linkage::Many(_) | Linkage::Unresolved => None,
        }
    }

    /// The id that our own `column` holds.
    fn owner(&self, column: &'static str) -> Option<String> {
        let mut all = self.collection.relationships.iter();
        let relationship = all.find(|relationship| relationship.link == Link::Own(column))?;
        Some(self.one(relationship)?.id)
    }

    fn set(&mut self, relationship: &Relationship, linkage: Linkage) {
        if let Some(place) = self.linkage(relationship) {
            *place = linkage;
        }
    }

    fn add(&mut self, relationship: &Relationship, identifier: Identifier) {
        if let Some(Linkage::Many(identifiers)) = self.linkage(relationship) {
            identifiers.push(identifier);
        }
    }
}
