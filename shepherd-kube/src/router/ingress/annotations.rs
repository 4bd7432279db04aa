use std::time::Duration;

use serde_json::Value;
use shepherd_core::model::{Exposure, Matching, Reason, RouterCapabilities, Weight};
use shepherd_core::ports::PortError;

use super::keys::Keys;
use super::matches;
use crate::object::{Edit, annotation};
use crate::router::object_router::Shape;

/// Weights are out of so many, where nothing else is said; less does not count.
const PERCENT: u64 = 100;

/// The annotations of a canary Ingress that say how much of the traffic it gets.
pub(super) struct Annotations {
    pub(super) place: String,
    pub(super) keys: Keys,
    /// Whether the controller knows no other total than 100.
    pub(super) whole_percents: bool,
    pub(super) settle: Duration,
}

impl Shape for Annotations {
    fn capabilities(&self) -> RouterCapabilities {
        let can =
            RouterCapabilities::weighted().matching(Matching::HeaderOrAlwaysCookie).settling(self.settle);
        let percent = Weight::percent(1).unwrap_or(Weight::FULL);
        if self.whole_percents { can.finest_weight(percent) } else { can }
    }

    fn exposure(&self, ingress: &Value) -> Result<Exposure, PortError> {
        // One that is no canary any more serves its paths like every other Ingress, and may get everything.
        let weight = if self.keys.is_canary(ingress) { self.weight(ingress) } else { Weight::FULL };
        Ok(Exposure::matching(matches::read(&self.keys, ingress)).with_weight(weight))
    }

    fn write(&self, edit: &mut Edit<'_>, ingress: &Value, exposure: &Exposure) -> Result<(), PortError> {
        self.can(exposure)?;
        if !self.keys.is_canary(ingress) {
            edit.annotate(&self.keys.canary(), "true".to_owned());
        }
        self.write_weight(edit, ingress, exposure.weight);
        matches::write(&self.keys, edit, ingress, &exposure.matches);
        if ingress["metadata"].get("annotations").is_some() {
            for key in self.all() {
                edit.relies_on(&["metadata", "annotations", &key]);
            }
        }
        Ok(())
    }

    /// No status tells: a write settles instead.
    fn awaits(&self, _: &Value, _: &Exposure) -> Option<Reason> {
        None
    }
}

impl Annotations {
    /// All that decides who meets the candidate.
    fn all(&self) -> [String; 7] {
        let keys = &self.keys;
        [
            keys.canary(),
            keys.weight(),
            keys.total(),
            keys.header(),
            keys.header_value(),
            keys.header_pattern(),
            keys.cookie(),
        ]
    }

    fn can(&self, exposure: &Exposure) -> Result<(), PortError> {
        let (can, weight) = (self.capabilities(), exposure.weight);
        if let Some(beyond) = can.matches.beyond(&exposure.matches) {
            return Err(self.unable(format!("it cannot choose requests by {beyond}, but by {}", can.matches)));
        }
        if let Some(mistaken) = matches::mistaken(&exposure.matches) {
            return Err(self.unable(mistaken));
        }
        if !exposure.mirror.is_zero() {
            return Err(self.unable("it cannot copy requests".to_owned()));
        }
        if weight.rounded_to(can.finest_weight) != weight {
            return Err(self.unable(format!("{weight} is finer than {}", can.finest_weight)));
        }
        Ok(())
    }

    /// What cannot be read may be anything. What lies between two weights counts as the greater one.
    fn weight(&self, ingress: &Value) -> Weight {
        let Some((part, total)) = self.parts(ingress) else { return Weight::FULL };
        let hundredths = part.saturating_mul(full()).div_ceil(total);
        u32::try_from(hundredths)
            .ok()
            .and_then(|weight| Weight::hundredths(weight).ok())
            .unwrap_or(Weight::FULL)
    }

    /// The weight, and what it is out of.
    fn parts(&self, ingress: &Value) -> Option<(u64, u64)> {
        let number =
            |key: &str, unsaid: u64| annotation(ingress, key).map_or(Some(unsaid), |text| text.parse().ok());
        let total = number(&self.keys.total(), PERCENT)?.max(PERCENT);
        Some((number(&self.keys.weight(), 0)?, total))
    }

    /// In percent where that is exact, and otherwise in hundredths of a percent.
    fn write_weight(&self, edit: &mut Edit<'_>, ingress: &Value, weight: Weight) {
        let share = u64::from(weight.as_hundredths());
        let parts = self.parts(ingress);
        if parts.is_some_and(|(part, total)| part.checked_mul(full()) == Some(share * total)) {
            return;
        }
        let total = if share.is_multiple_of(full() / PERCENT) { PERCENT } else { full() };
        edit.annotate(&self.keys.weight(), (share * total / full()).to_string());
        if parts.is_none_or(|(_, before)| before != total) {
            edit.annotate(&self.keys.total(), total.to_string());
        }
    }

    fn unable(&self, message: String) -> PortError {
        PortError::unsupported(&self.place, message)
    }
}

fn full() -> u64 {
    Weight::FULL.as_hundredths().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, json};
    use shepherd_core::model::Match;

    fn annotations() -> Annotations {
        let place = "Ingress shop/web-candidate".to_owned();
        Annotations { place, keys: Keys::default(), whole_percents: false, settle: Duration::ZERO }
    }

    fn ingress(said: &[(&str, &str)]) -> Value {
        let said =
            said.iter().map(|(key, text)| (format!("nginx.ingress.kubernetes.io/{key}"), (*text).into()));
        json!({"metadata": {"uid": "u1", "annotations": said.collect::<Map<_, _>>()}})
    }

    fn weight(said: &[(&str, &str)]) -> u16 {
        let said = [&[("canary", "true")], said].concat();
        annotations().exposure(&ingress(&said)).unwrap().weight.as_hundredths()
    }

    #[test]
    fn weights_are_read_however_people_wrote_them() {
        assert_eq!(weight(&[]), 0);
        assert_eq!(weight(&[("canary-weight", "25")]), 2500);
        assert_eq!(weight(&[("canary-weight", "25"), ("canary-weight-total", "1000")]), 250);
        assert_eq!(weight(&[("canary-weight", "1"), ("canary-weight-total", "30000")]), 1);
        assert_eq!(weight(&[("canary-weight", "25"), ("canary-weight-total", "50")]), 2500);
        assert_eq!(weight(&[("canary-weight", "250")]), 10_000);
        assert_eq!(weight(&[("canary-weight", "ten")]), 10_000);
        assert_eq!(weight(&[("canary", "false")]), 10_000);
    }

    #[test]
    fn a_header_without_a_value_is_always() {
        let read = |said: &[(&str, &str)]| annotations().exposure(&ingress(said)).unwrap().matches;
        let header = |value: &str| vec![Match::Header { name: "x".to_owned(), value: value.to_owned() }];
        assert_eq!(read(&[("canary-by-header", "x")]), header("always"));
        assert_eq!(read(&[("canary-by-header", "x"), ("canary-by-header-value", "1")]), header("1"));
        assert_eq!(read(&[("canary-by-header", "x"), ("canary-by-header-pattern", "a+")]), header("a+"));
        assert_eq!(read(&[("canary-by-header-value", "1")]), []);
    }

    #[test]
    fn what_the_controller_would_not_take_as_meant_is_refused() {
        let header =
            |name: &str, value: &str| Match::Header { name: name.to_owned(), value: value.to_owned() };
        for (one, fits) in [
            (header("X-Beta", "yes please"), true),
            (header("x-beta", "a/b:c~1.2_3"), true),
            (header("x-beta", "a+b"), false),
            (header("x-beta", ""), false),
            (header("x-beta", " a"), false),
            (header("x.beta", "a"), false),
            (Match::Cookie { name: "a b".to_owned(), value: "always".to_owned() }, false),
        ] {
            assert_eq!(annotations().can(&Exposure::matching([one.clone()])).is_ok(), fits, "{one}");
        }
    }

    #[test]
    fn what_is_so_already_is_left_as_it_is_written() {
        let as_it_is = ingress(&[
            ("canary", "1"),
            ("canary-weight", "250"),
            ("canary-weight-total", "1000"),
            ("canary-by-header", "X"),
        ]);
        let exposure = annotations().exposure(&as_it_is).unwrap();
        let mut edit = Edit::of(&as_it_is);
        annotations().write(&mut edit, &as_it_is, &exposure).unwrap();
        assert!(edit.is_empty());
    }

    proptest! {
        #[test]
        fn is_read_as_it_was_written(before in 0u32..=10_000, after in 0u32..=10_000) {
            let mut now = ingress(&[("canary", "true")]);
            for hundredths in [before, after, 0] {
                let exposure = Exposure::weight(Weight::hundredths(hundredths).unwrap());
                let mut edit = Edit::of(&now);
                annotations().write(&mut edit, &now, &exposure).unwrap();
                let mut patch = edit.into_patch();
                patch.0.retain(|op| !matches!(op, json_patch::PatchOperation::Test(_)));
                let mut next = now.clone();
                json_patch::patch(&mut next, &patch).unwrap();
                prop_assert_eq!(annotations().exposure(&next).unwrap(), exposure);
                now = next;
            }
        }
    }
}
