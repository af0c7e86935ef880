//! Merging and splitting by hand.

use watchfire_schemas::Timestamp;

use super::draft::{Draft, Other};
use super::{human_act, human_act::Actor, refused, unwritten};
use crate::incident::{IncidentAlert, IncidentRecord, entry, pages};
use crate::{ActError, Alerts, IncidentStatus, JoinReason, OnsetSource, TimelineKind};

impl Alerts {
    /// The other incident takes everything over; this one is resolved and points at it.
    pub(super) async fn merge(
        &self,
        draft: &mut Draft,
        into: &str,
        who: &Actor,
        now: Timestamp,
    ) -> Result<(), ActError> {
        let from = &mut draft.incident;
        if let Some(known) = &from.merged_into {
            return refused(&format!("it was merged into {known} already"));
        }
        if into == from.id {
            return Err(human_act::invalid(
                "merge.into",
                "an incident cannot be merged into itself",
            ));
        }
        let before = self.known(into).await?;
        if let Some(other) = &before.merged_into {
            return refused(&format!("incident {into} was itself merged into {other}"));
        }
        if from.is_open() && !before.is_open() {
            return refused(&format!(
                "incident {into} is resolved and this one is not: open it again first"
            ));
        }
        let mut taking = before.clone();
        taking.absorb(from, &who.name);
        self.date_anew(&mut taking, now).await?;
        if taking.is_open() && pages(taking.severity) && taking.body.page_due.is_none() {
            taking.body.page_due = Some(now);
        }
        if from.is_open() {
            from.status = IncidentStatus::Resolved;
            from.resolved_at = Some(now);
        }
        from.merged_into = Some(into.to_owned());
        let text = format!("took over incident {}: {}", from.id, from.body.title);
        let told = vec![entry(now, TimelineKind::Merged, text, &who.name)];
        let text = format!("merged into incident {into}: {}", before.body.title);
        draft.tell(now, TimelineKind::Merged, text, &who.name);
        draft.other = Some(Other::TakesOver {
            before: Box::new(before),
            incident: Box::new(taking),
            told,
        });
        Ok(())
    }

    /// Some alerts become an incident of their own, dated and paged by itself.
    pub(super) async fn split(
        &self,
        draft: &mut Draft,
        alerts: &[String],
        who: &Actor,
        now: Timestamp,
    ) -> Result<(), ActError> {
        let whole = &mut draft.incident;
        let known: Vec<String> = whole.body.alerts.iter().map(IncidentAlert::id).collect();
        if let Some(stranger) = alerts.iter().find(|id| !known.contains(id)) {
            let shown: String = stranger.chars().take(40).collect();
            return Err(human_act::invalid(
                "split.alerts",
                &format!("there is no alert {shown} in this incident"),
            ));
        }
        if !whole.is_open() {
            return refused("the incident is resolved: open it again first");
        }
        let Some(gone) = whole.give_away(alerts) else {
            return refused("one alert at least must stay in the incident");
        };
        let mut part = self.split_off(whole, gone, who, now);
        self.date_anew(&mut part, now).await?;
        self.date_anew(whole, now).await?;
        if part.is_firing() {
            part.schedule_page(std::time::Duration::ZERO, now);
        }
        let text = format!("split off from incident {}: {}", whole.id, whole.body.title);
        let told = vec![entry(now, TimelineKind::Split, text, &who.name)];
        let text = format!(
            "{} split off as incident {}: {}",
            count(part.body.alerts.len()),
            part.id,
            part.body.title
        );
        draft.tell(now, TimelineKind::Split, text, &who.name);
        draft.other = Some(Other::SplitOff {
            incident: Box::new(part),
            told,
        });
        Ok(())
    }

    fn split_off(
        &self,
        whole: &IncidentRecord,
        alerts: Vec<IncidentAlert>,
        who: &Actor,
        now: Timestamp,
    ) -> IncidentRecord {
        let began = alerts.iter().map(|a| a.alert.active_at).min();
        let mut part =
            IncidentRecord::empty(began.unwrap_or(now), whole.body.interval_seconds, now);
        let by_hand = |own: IncidentAlert| IncidentAlert {
            joined: Some(JoinReason::ByHand {
                who: who.name.clone(),
            }),
            ..own
        };
        part.consist_of(alerts.into_iter().map(by_hand).collect());
        part.body.split_from = Some(whole.id.clone());
        self.meters.incidents_opened.inc();
        part
    }

    /// Onset, exceptions and changes by the alerts that the incident now has.
    async fn date_anew(
        &self,
        incident: &mut IncidentRecord,
        now: Timestamp,
    ) -> Result<(), ActError> {
        let known = incident.body.onset.clone();
        // Whatever is found replaces what other alerts gave, but a human's word stands.
        if known.source == OnsetSource::Estimated {
            incident.body.onset.source = OnsetSource::RuleFirstTrue;
        }
        let as_of = incident.recovered_at.unwrap_or(now).min(now);
        self.assemble(incident, as_of).await.map_err(unwritten)?;
        let lost = incident.body.onset.source == OnsetSource::RuleFirstTrue
            && known.source == OnsetSource::Estimated;
        if lost {
            incident.body.onset = known;
        }
        Ok(())
    }
}

fn count(alerts: usize) -> String {
    match alerts {
        1 => "1 alert".to_owned(),
        n => format!("{n} alerts"),
    }
}
