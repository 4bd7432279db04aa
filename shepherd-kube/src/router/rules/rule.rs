use serde_json::Value;

use super::Dialect;
use crate::router::proportions::Proportions;

/// One rule that sends to stable.
pub(super) struct Rule<'o> {
    /// Its place in the object.
    pub(super) index: usize,
    /// Its place among those that are not ours.
    pub(super) ordinal: usize,
    pub(super) as_is: &'o Value,
    pub(super) backends: &'o [Value],
    pub(super) stable: usize,
    pub(super) candidate: Option<usize>,
}

impl Rule<'_> {
    /// What errors call it.
    pub(super) fn title(&self) -> String {
        title(self.ordinal, self.as_is)
    }

    /// How its requests are shared; or the place of a backend whose weight cannot be read.
    pub(super) fn proportions(&self, dialect: &impl Dialect) -> Result<Proportions, usize> {
        let mut proportions = Proportions { stable: 0, candidate: 0, others: Vec::new() };
        for (place, backend) in self.backends.iter().enumerate() {
            let weight = dialect.weight(backend, self.backends.len() == 1).ok_or(place)?;
            match place {
                place if place == self.stable => proportions.stable = weight,
                place if Some(place) == self.candidate => proportions.candidate = weight,
                _ => proportions.others.push(weight),
            }
        }
        Ok(proportions)
    }

    /// The weight that each of its backends gets by these proportions, in their order.
    pub(super) fn weights(&self, proportions: &Proportions) -> Vec<u64> {
        let mut others = proportions.others.iter().copied();
        let weight = |place| match place {
            place if place == self.stable => proportions.stable,
            place if Some(place) == self.candidate => proportions.candidate,
            _ => others.next().unwrap_or_default(),
        };
        (0..self.backends.len()).map(weight).collect()
    }

    /// The candidate's backend with this weight: the one that is there, or one like stable's.
    pub(super) fn candidate_backend(&self, dialect: &impl Dialect, weight: u64) -> Value {
        let mut backend = match self.candidate {
            Some(place) => self.backends[place].clone(),
            None => dialect.candidate(&self.backends[self.stable]),
        };
        backend["weight"] = weight.into();
        backend
    }
}

/// What errors call the rule at this place.
pub(super) fn title(ordinal: usize, rule: &Value) -> String {
    rule["name"].as_str().map_or_else(|| format!("at {ordinal}"), ToOwned::to_owned)
}
