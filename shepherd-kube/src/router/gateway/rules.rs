//! The rules of a route that send to the stable Service, and the one beside each of them that is ours.

use serde_json::{Value, json};
use shepherd_core::model::{Exposure, Match, RouterCapabilities, Weight};
use shepherd_core::ports::PortError;

use super::matches::{added, combined};
use super::status::is_programmed;
use crate::object::{Edit, refused, value};
use crate::router::object_router::Shape;
use crate::router::proportions::Proportions;

/// So begin the names of the rules that are ours: requests that are the candidate's whatever the weight.
const OURS: &str = "shepherd-candidate";

/// Mirrors are fractions of this.
const WHOLE: u32 = 10_000;

/// Which rules send to the service that is rolled out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chosen {
    /// The only one that sends to stable.
    Only,
    Named(Vec<String>),
    At(Vec<usize>),
}

pub(super) struct Rules {
    pub(super) place: String,
    pub(super) stable: String,
    pub(super) candidate: String,
    pub(super) chosen: Chosen,
}

/// One rule that sends to stable.
struct Rule<'o> {
    /// Its place in the object.
    index: usize,
    /// Its place among those that are not ours.
    ordinal: usize,
    rule: &'o Value,
    stable: usize,
    candidate: Option<usize>,
}

impl Shape for Rules {
    fn capabilities(&self) -> RouterCapabilities {
        RouterCapabilities::weighted().with_matches().with_mirror()
    }

    fn exposure(&self, route: &Value) -> Result<Exposure, PortError> {
        let mut most = Exposure::OFF;
        for rule in self.rules(route)? {
            let weight = rule.proportions(&self.place)?.weight().unwrap_or_default();
            most.weight = most.weight.max(weight);
            most.mirror = most.mirror.max(rule.mirror(&self.candidate).unwrap_or_default());
            for one in self.ours(route, &rule).map_or(Ok(Vec::new()), |(_, ours)| self.matches(ours))? {
                if !most.matches.contains(&one) {
                    most.matches.push(one);
                }
            }
        }
        Ok(most)
    }

    fn write(&self, edit: &mut Edit<'_>, route: &Value, exposure: &Exposure) -> Result<(), PortError> {
        let rules = self.rules(route)?;
        for rule in &rules {
            self.write_weight(edit, rule, exposure.weight)?;
            self.write_mirror(edit, rule, exposure.mirror);
        }
        // From the last to the first, so that the places of the others stay what they are.
        for rule in rules.iter().rev() {
            self.write_matches(edit, route, rule, &exposure.matches)?;
        }
        Ok(())
    }

    fn in_effect(&self, route: &Value) -> bool {
        is_programmed(route)
    }
}

impl Rules {
    fn rules<'o>(&self, route: &'o Value) -> Result<Vec<Rule<'o>>, PortError> {
        let all = route["spec"]["rules"].as_array().map_or(&[][..], Vec::as_slice);
        let theirs = all.iter().enumerate().filter(|(_, rule)| !is_ours(rule));
        let mut found = Vec::new();
        let mut sending = 0;
        for (ordinal, (index, rule)) in theirs.enumerate() {
            let stable = backend(rule, &self.stable);
            sending += usize::from(stable.is_some());
            let wanted = match &self.chosen {
                Chosen::Only => stable.is_some(),
                Chosen::Named(names) => names.iter().any(|name| rule["name"] == **name),
                Chosen::At(places) => places.contains(&ordinal),
            };
            if wanted {
                let none = || {
                    self.refuse(format!("its rule {} has no backend {}", title(ordinal, rule), self.stable))
                };
                let (stable, candidate) = (stable.ok_or_else(none)?, backend(rule, &self.candidate));
                found.push(Rule { index, ordinal, rule, stable, candidate });
            }
        }
        self.complete(found, sending)
    }

    /// Nothing that was asked for is missing, and nothing is ambiguous.
    fn complete<'o>(&self, found: Vec<Rule<'o>>, sending: usize) -> Result<Vec<Rule<'o>>, PortError> {
        let asked = match &self.chosen {
            Chosen::Only if sending > 1 => {
                return Err(self.refuse(format!(
                    "{sending} of its rules send to {}; say which of them, by name or place",
                    self.stable
                )));
            }
            Chosen::Only if sending == 0 => {
                return Err(self.refuse(format!("none of its rules has a backend {}", self.stable)));
            }
            Chosen::Only => return Ok(found),
            Chosen::Named(names) => (names.len(), format!("rules named {}", names.join(", "))),
            Chosen::At(places) => (places.len(), format!("rules at {places:?}")),
        };
        if found.len() == asked.0 {
            return Ok(found);
        }
        Err(self.refuse(format!("it has not all of the {} that were asked for", asked.1)))
    }

    fn write_weight(&self, edit: &mut Edit<'_>, rule: &Rule<'_>, weight: Weight) -> Result<(), PortError> {
        let index = rule.index.to_string();
        let backends = ["spec", "rules", &index, "backendRefs"];
        let at = |place: &str, field: &'static str| {
            [backends[0], backends[1], backends[2], backends[3], place, field].map(str::to_owned)
        };
        let Some(new) = rule.proportions(&self.place)?.with(weight) else {
            return Err(PortError::unsupported(
                &self.place,
                format!(
                    "{weight} cannot be written as whole numbers beside the other backends of rule {}; choose a rounder \
                     weight, or rounder shares of the others",
                    title(rule.ordinal, rule.rule)
                ),
            ));
        };
        let mut others = new.others.into_iter();
        for (place, backend) in rule.backends().iter().enumerate() {
            let weight = match place {
                place if place == rule.stable => new.stable,
                place if Some(place) == rule.candidate => new.candidate,
                _ => others.next().unwrap_or_default(),
            };
            let place = place.to_string();
            edit.relies_on(&borrowed(&at(&place, "name")));
            if weight_of(backend) != Some(weight) {
                edit.set(&borrowed(&at(&place, "weight")), weight.into());
            }
        }
        if rule.candidate.is_none() && new.candidate > 0 {
            let end = rule.backends().len().to_string();
            let path = [backends[0], backends[1], backends[2], backends[3], &end];
            edit.insert(&path, self.candidate_backend(rule, new.candidate));
        }
        Ok(())
    }

    /// What stable's is, with the candidate's name.
    fn candidate_backend(&self, rule: &Rule<'_>, weight: u64) -> Value {
        let mut backend = match rule.candidate {
            Some(place) => rule.backends()[place].clone(),
            None => rule.backends()[rule.stable].clone(),
        };
        backend["name"] = self.candidate.clone().into();
        backend["weight"] = weight.into();
        backend
    }

    fn write_mirror(&self, edit: &mut Edit<'_>, rule: &Rule<'_>, share: Weight) {
        if rule.mirror(&self.candidate).unwrap_or_default() == share {
            return;
        }
        let index = rule.index.to_string();
        let mut filters = rule.rule["filters"].as_array().cloned().unwrap_or_default();
        filters.retain(|filter| !mirrors_to(filter, &self.candidate));
        if !share.is_zero() {
            filters.push(self.mirror(rule, share));
        }
        let path = ["spec", "rules", &index, "filters"];
        if filters.is_empty() { edit.remove(&path) } else { edit.set(&path, filters.into()) }
    }

    fn mirror(&self, rule: &Rule<'_>, share: Weight) -> Value {
        let mut backend = self.candidate_backend(rule, 0);
        if let Some(fields) = backend.as_object_mut() {
            fields
                .retain(|field, _| ["group", "kind", "name", "namespace", "port"].contains(&field.as_str()));
        }
        let fraction = json!({"numerator": share.as_hundredths(), "denominator": WHOLE});
        json!({"type": "RequestMirror", "requestMirror": {"backendRef": backend, "fraction": fraction}})
    }

    fn write_matches(
        &self,
        edit: &mut Edit<'_>,
        route: &Value,
        rule: &Rule<'_>,
        wanted: &[Match],
    ) -> Result<(), PortError> {
        let ours = self.ours(route, rule);
        let current = ours.map_or(Ok(Vec::new()), |(_, ours)| self.matches(ours))?;
        if current == wanted {
            return Ok(());
        }
        let place = ours.map_or(rule.index, |(place, _)| place).to_string();
        let path = ["spec", "rules", &place];
        match (ours.is_some(), wanted.is_empty()) {
            (true, true) => edit.remove(&path),
            (true, false) => edit.set(&path, self.own_rule(rule, wanted)),
            (false, _) => edit.insert(&path, self.own_rule(rule, wanted)),
        }
        Ok(())
    }

    /// The rule itself, for those of its requests that match, with nothing but the candidate behind it.
    fn own_rule(&self, rule: &Rule<'_>, wanted: &[Match]) -> Value {
        let mut own = rule.rule.clone();
        own["name"] = format!("{OURS}-{}", rule.ordinal).into();
        own["matches"] = combined(rule.rule.get("matches"), wanted).into();
        own["backendRefs"] = json!([self.candidate_backend(rule, 1)]);
        if let Some(filters) = own["filters"].as_array_mut() {
            filters.retain(|filter| !mirrors_to(filter, &self.candidate));
        }
        own
    }

    fn ours<'o>(&self, route: &'o Value, rule: &Rule<'_>) -> Option<(usize, &'o Value)> {
        let name = format!("{OURS}-{}", rule.ordinal);
        let all = value(route, &["spec", "rules"])?.as_array()?;
        all.iter().enumerate().find(|(_, one)| one["name"] == *name)
    }

    fn matches(&self, ours: &Value) -> Result<Vec<Match>, PortError> {
        added(&ours["matches"]).ok_or_else(|| {
            self.refuse(format!("its rule {} was changed and cannot be read; remove it", ours["name"]))
        })
    }

    fn refuse(&self, message: String) -> PortError {
        refused(&self.place, message)
    }
}

impl Rule<'_> {
    fn backends(&self) -> &[Value] {
        self.rule["backendRefs"].as_array().map_or(&[], Vec::as_slice)
    }

    fn proportions(&self, place: &str) -> Result<Proportions, PortError> {
        let mut proportions = Proportions { stable: 0, candidate: 0, others: Vec::new() };
        for (index, backend) in self.backends().iter().enumerate() {
            let none =
                || refused(place, format!("the weight of its backend {} is no number", backend["name"]));
            let weight = weight_of(backend).ok_or_else(none)?;
            match index {
                index if index == self.stable => proportions.stable = weight,
                index if Some(index) == self.candidate => proportions.candidate = weight,
                _ => proportions.others.push(weight),
            }
        }
        Ok(proportions)
    }

    /// The share of stable's requests that is copied to the candidate.
    fn mirror(&self, candidate: &str) -> Option<Weight> {
        let filter = self.rule["filters"].as_array()?.iter().find(|filter| mirrors_to(filter, candidate))?;
        let mirror = &filter["requestMirror"];
        let hundredths = match (mirror["fraction"]["numerator"].as_u64(), mirror["percent"].as_u64()) {
            (Some(part), _) => {
                part * u64::from(WHOLE) / mirror["fraction"]["denominator"].as_u64().unwrap_or(100).max(1)
            }
            (None, Some(percent)) => percent * 100,
            (None, None) => WHOLE.into(),
        };
        Weight::hundredths(u32::try_from(hundredths).ok()?).ok()
    }
}

fn is_ours(rule: &Value) -> bool {
    rule["name"].as_str().is_some_and(|name| name.starts_with(OURS))
}

fn backend(rule: &Value, name: &str) -> Option<usize> {
    rule["backendRefs"].as_array()?.iter().position(|backend| backend["name"] == name)
}

/// Without a weight it is 1.
fn weight_of(backend: &Value) -> Option<u64> {
    backend.get("weight").map_or(Some(1), Value::as_u64)
}

fn mirrors_to(filter: &Value, candidate: &str) -> bool {
    filter["type"] == "RequestMirror" && filter["requestMirror"]["backendRef"]["name"] == candidate
}

fn title(ordinal: usize, rule: &Value) -> String {
    rule["name"].as_str().map_or_else(|| format!("at {ordinal}"), ToOwned::to_owned)
}

fn borrowed(path: &[String; 6]) -> [&str; 6] {
    std::array::from_fn(|at| path[at].as_str())
}
