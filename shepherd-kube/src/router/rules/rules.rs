use serde_json::{Value, json};
use shepherd_core::model::{Exposure, Match, Reason, RouterCapabilities, Track, Weight};
use shepherd_core::ports::PortError;

use super::rule::{Rule, title};
use super::{Chosen, Dialect, Field};
use crate::object::{Edit, refused};
use crate::router::object_router::Shape;
use crate::router::proportions::Proportions;

/// So begin the names of the rules that are ours: requests that are the candidate's whatever the weight.
const OURS: &str = "shepherd-candidate";

/// What stable's backend has of both when the candidate's comes beside it.
const WHOLE: u64 = 100;

/// The rules of an object that send to stable, and the one before each of them that is ours.
pub(crate) struct Rules<D> {
    /// The kind and name of the object, for errors.
    pub(crate) place: String,
    pub(crate) chosen: Chosen,
    pub(crate) dialect: D,
}

impl<D: Dialect> Rules<D> {
    /// Which object, from where to where, in which of its rules. Plans keep these words: they stay as they are.
    pub(crate) fn described(&self) -> String {
        let [from, to] = Track::BOTH.map(|track| self.dialect.meant(track));
        format!("{} (from {from} to {to}, in the {}s {})", self.place, self.dialect.words().rule, self.chosen)
    }
}

impl<D: Dialect> Shape for Rules<D> {
    fn capabilities(&self) -> RouterCapabilities {
        self.dialect.capabilities()
    }

    fn exposure(&self, object: &Value) -> Result<Exposure, PortError> {
        let list = self.list(object);
        let mut most = Exposure::OFF;
        for rule in self.chosen(list)? {
            most.weight = most.weight.max(self.proportions(&rule)?.weight().unwrap_or_default());
            most.mirror = most.mirror.max(self.dialect.mirror(rule.as_is));
        }
        for (index, _) in list.iter().enumerate().filter(|(_, rule)| is_ours(rule)) {
            for one in self.matches(list, index)? {
                if !most.matches.contains(&one) {
                    most.matches.push(one);
                }
            }
        }
        Ok(most)
    }

    fn write(&self, edit: &mut Edit<'_>, object: &Value, exposure: &Exposure) -> Result<(), PortError> {
        self.can(exposure)?;
        let list = self.list(object);
        let rules = self.chosen(list)?;
        for rule in &rules {
            self.write_weight(edit, rule, exposure.weight)?;
            self.write_mirror(edit, rule, exposure.mirror)?;
        }
        // From the last to the first, so that the places of the others stay what they are.
        for index in (0..list.len()).rev() {
            self.write_own(edit, list, index, &rules, &exposure.matches)?;
        }
        Ok(())
    }

    fn is_prepared(&self, object: &Value) -> bool {
        let rules = self.chosen(self.list(object));
        rules.map_or(true, |rules| rules.iter().all(|rule| rule.candidate.is_some()))
    }

    /// A gateway may learn of a backend a moment after its weight, and fail the requests in between: so the candidate's
    /// is there long before it has one. What cannot be read is left to whoever asks for a weight.
    fn prepare(&self, edit: &mut Edit<'_>, object: &Value) {
        let rules = self.chosen(self.list(object)).unwrap_or_default();
        for rule in rules.iter().filter(|rule| rule.candidate.is_none()) {
            self.add_candidate(edit, rule);
        }
    }

    fn inexpressible(&self, object: &Value) -> Option<String> {
        self.chosen(self.list(object)).unwrap_or_default().iter().find_map(|rule| {
            let now = rule.proportions(&self.dialect).ok()?;
            let percents = (1..=100).filter_map(|percent| Weight::percent(percent).ok());
            let beyond: Vec<_> = percents.filter(|weight| now.with(*weight).is_none()).collect();
            Some(self.cannot_write(*beyond.first()?, rule))
        })
    }

    fn routes_alone(&self) -> bool {
        self.dialect.routes_alone()
    }

    fn awaits(&self, object: &Value, exposure: &Exposure) -> Option<Reason> {
        self.dialect.awaits(object, exposure)
    }
}

impl<D: Dialect> Rules<D> {
    fn list<'o>(&self, object: &'o Value) -> &'o [Value] {
        object["spec"][self.dialect.words().rules].as_array().map_or(&[], Vec::as_slice)
    }

    /// The rules that are rolled out: nothing that was asked for is missing, and nothing is ambiguous.
    fn chosen<'o>(&self, list: &'o [Value]) -> Result<Vec<Rule<'o>>, PortError> {
        let words = self.dialect.words();
        let (mut found, mut sending) = (Vec::new(), 0);
        let theirs = list.iter().enumerate().filter(|(_, rule)| !is_ours(rule));
        for (ordinal, (index, rule)) in theirs.enumerate() {
            let backends = rule[words.backends].as_array().map_or(&[][..], Vec::as_slice);
            let of = |track| backends.iter().position(|backend| self.dialect.is(backend, track));
            let (stable, candidate) = (of(Track::Stable), of(Track::Candidate));
            sending += usize::from(stable.is_some());
            if self.chosen.includes(ordinal, rule, stable.is_some()) {
                let stable = stable.ok_or_else(|| self.lacks(&title(ordinal, rule)))?;
                found.push(Rule { index, ordinal, as_is: rule, backends, stable, candidate });
            }
        }
        self.complete(found, sending)
    }

    fn complete<'o>(&self, found: Vec<Rule<'o>>, sending: usize) -> Result<Vec<Rule<'o>>, PortError> {
        let (words, stable) = (self.dialect.words(), self.dialect.backend(Track::Stable));
        let message = match &self.chosen {
            chosen if found.len() == chosen.count() => return Ok(found),
            Chosen::Only if sending > 1 => {
                format!(
                    "{sending} of its {}s send to {stable}; say which of them, by name or place",
                    words.rule
                )
            }
            Chosen::Only => format!("none of its {}s has a {} {stable}", words.rule, words.backend),
            chosen => format!("it has not all of the {}s {chosen} that were asked for", words.rule),
        };
        Err(refused(&self.place, message))
    }

    fn lacks(&self, title: &str) -> PortError {
        let (words, stable) = (self.dialect.words(), self.dialect.backend(Track::Stable));
        refused(&self.place, format!("its {} {title} has no {} {stable}", words.rule, words.backend))
    }

    /// Whether objects of this kind can express an exposure.
    fn can(&self, exposure: &Exposure) -> Result<(), PortError> {
        let can = self.capabilities();
        if let Some(beyond) = can.matches.beyond(&exposure.matches) {
            return Err(self.unable(format!("it cannot choose requests by {beyond}")));
        }
        if !can.mirror && !exposure.mirror.is_zero() {
            return Err(self.unable("it cannot copy requests".to_owned()));
        }
        Ok(())
    }

    fn proportions(&self, rule: &Rule<'_>) -> Result<Proportions, PortError> {
        rule.proportions(&self.dialect).map_err(|place| {
            let words = self.dialect.words();
            let message = format!(
                "the weight of the {} at {place} of its {} {} is no number",
                words.backend,
                words.rule,
                rule.title()
            );
            refused(&self.place, message)
        })
    }

    fn write_weight(&self, edit: &mut Edit<'_>, rule: &Rule<'_>, weight: Weight) -> Result<(), PortError> {
        let words = self.dialect.words();
        let Some(new) = self.proportions(rule)?.with(weight) else {
            let remedy = "choose a rounder weight, or rounder shares of the others";
            return Err(self.unable(format!("{}; {remedy}", self.cannot_write(weight, rule))));
        };
        let index = rule.index.to_string();
        for (place, (backend, weight)) in rule.backends.iter().zip(rule.weights(&new)).enumerate() {
            let place = place.to_string();
            edit.relies_on(&["spec", words.rules, &index, words.backends, &place, words.identity]);
            if self.dialect.weight(backend, rule.backends.len() == 1) != Some(weight) {
                edit.set(&["spec", words.rules, &index, words.backends, &place, "weight"], weight.into());
            }
        }
        Ok(())
    }

    fn cannot_write(&self, weight: Weight, rule: &Rule<'_>) -> String {
        let words = self.dialect.words();
        format!(
            "{weight} cannot be written as whole numbers beside the other {}s of its {} {}",
            words.backend,
            words.rule,
            rule.title()
        )
    }

    /// The rule sends to the candidate too, with weight 0.
    fn add_candidate(&self, edit: &mut Edit<'_>, rule: &Rule<'_>) {
        let (words, index) = (self.dialect.words(), rule.index.to_string());
        for place in 0..rule.backends.len() {
            let place = place.to_string();
            edit.relies_on(&["spec", words.rules, &index, words.backends, &place, words.identity]);
        }
        let stable = &rule.backends[rule.stable];
        // What gets everything because nothing stands beside it must go on doing so.
        let share = |alone| self.dialect.weight(stable, alone);
        if rule.backends.len() == 1 && share(true) != share(false) {
            let place = rule.stable.to_string();
            edit.set(&["spec", words.rules, &index, words.backends, &place, "weight"], WHOLE.into());
        }
        let end = rule.backends.len().to_string();
        let candidate = rule.candidate_backend(&self.dialect, 0);
        edit.insert(&["spec", words.rules, &index, words.backends, &end], candidate);
    }

    fn write_mirror(&self, edit: &mut Edit<'_>, rule: &Rule<'_>, share: Weight) -> Result<(), PortError> {
        if self.dialect.mirror(rule.as_is) == share {
            return Ok(());
        }
        let index = rule.index.to_string();
        for (field, new) in self.mirrored(rule, share)? {
            let path = ["spec", self.dialect.words().rules, &index, field];
            match new {
                Some(new) => edit.set(&path, new),
                None => edit.remove(&path),
            }
        }
        Ok(())
    }

    fn mirrored(&self, rule: &Rule<'_>, share: Weight) -> Result<Vec<Field>, PortError> {
        let candidate = rule.candidate_backend(&self.dialect, 0);
        let fields = self.dialect.mirrored(rule.as_is, &candidate, share);
        fields.map_err(|why| self.unable_in(rule, &why))
    }

    /// Makes what stands at this place ours, or no longer ours. A rule of ours stands right before the one that it was
    /// made for; wherever else people have moved one, it is taken away.
    fn write_own(
        &self,
        edit: &mut Edit<'_>,
        list: &[Value],
        index: usize,
        rules: &[Rule<'_>],
        wanted: &[Match],
    ) -> Result<(), PortError> {
        let rules_field = self.dialect.words().rules;
        let of = |at| rules.iter().find(|rule| rule.index == at).filter(|_| !wanted.is_empty());
        let (ours, has_own) = (is_ours(&list[index]), index > 0 && is_ours(&list[index - 1]));
        let place = index.to_string();
        let path = ["spec", rules_field, &place];
        let Some(rule) = of(if ours { index + 1 } else { index }) else {
            if ours {
                edit.remove(&path);
            }
            return Ok(());
        };
        let own = self.own(rule, wanted)?;
        // What is made after a rule shall be what that rule is now.
        edit.relies_on(&["spec", rules_field, &rule.index.to_string()]);
        match (ours, has_own) {
            (true, _) => edit.set(&path, own),
            (false, false) => edit.insert(&path, own),
            (false, true) => {}
        }
        Ok(())
    }

    /// The rule itself, for those of its requests that match, with nothing but the candidate behind it.
    fn own(&self, rule: &Rule<'_>, wanted: &[Match]) -> Result<Value, PortError> {
        let words = self.dialect.words();
        let mut own = rule.as_is.clone();
        own["name"] = format!("{OURS}-{}", rule.ordinal).into();
        let matches = self.dialect.combined(rule.as_is.get(words.matches), wanted);
        own[words.matches] = matches.map_err(|why| self.unable_in(rule, &why))?;
        own[words.backends] = json!([rule.candidate_backend(&self.dialect, 1)]);
        for (field, new) in self.mirrored(rule, Weight::ZERO)? {
            match (new, own.as_object_mut()) {
                (Some(new), Some(own)) => drop(own.insert(field.to_owned(), new)),
                (None, Some(own)) => drop(own.remove(field)),
                (_, None) => {}
            }
        }
        Ok(own)
    }

    /// By what the rule of ours at this place chooses requests.
    fn matches(&self, list: &[Value], index: usize) -> Result<Vec<Match>, PortError> {
        let words = self.dialect.words();
        let base = list[index..].iter().find(|rule| !is_ours(rule));
        let of_base = base.and_then(|rule| rule.get(words.matches));
        self.dialect.added(&list[index][words.matches], of_base).ok_or_else(|| {
            let name = &list[index]["name"];
            let message = format!("its {} {name} was changed and cannot be read; remove it", words.rule);
            refused(&self.place, message)
        })
    }

    fn unable_in(&self, rule: &Rule<'_>, why: &str) -> PortError {
        self.unable(format!("its {} {} {why}", self.dialect.words().rule, rule.title()))
    }

    fn unable(&self, message: String) -> PortError {
        PortError::unsupported(&self.place, message)
    }
}

fn is_ours(rule: &Value) -> bool {
    rule["name"].as_str().is_some_and(|name| name.starts_with(OURS))
}
