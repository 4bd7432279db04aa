//! Copies of a route's requests.

use serde_json::{Value, json};
use shepherd_core::model::Weight;

use crate::router::rules::Field;

const MIRROR: &str = "mirror";
const MIRRORS: &str = "mirrors";
const SHARE: &str = "mirrorPercentage";
/// What held the share in earlier versions, and still does when the newer field is not there.
const OLD_SHARES: [&str; 2] = ["mirrorPercent", "mirror_percent"];

/// The share of a route's requests that is copied to a destination that is `ours`.
pub(super) fn share(route: &Value, ours: &dyn Fn(&Value) -> bool) -> Weight {
    let old = || OLD_SHARES.iter().find_map(|field| route[*field].as_f64());
    let single = ours(&route[MIRROR]).then(|| weight(route[SHARE]["value"].as_f64().or_else(old)));
    let among = list(route).iter().filter(|mirror| ours(&mirror["destination"]));
    let shares = among.map(|mirror| weight(mirror["percentage"]["value"].as_f64()));
    single.into_iter().chain(shares).max().unwrap_or_default()
}

/// The fields of a route that copies this share to `candidate`; or what keeps it from it.
pub(super) fn fields(
    route: &Value,
    ours: &dyn Fn(&Value) -> bool,
    candidate: &Value,
    share: Weight,
) -> Result<Vec<Field>, String> {
    let others: Vec<_> = list(route).iter().filter(|mirror| !ours(&mirror["destination"])).collect();
    let mut fields = Vec::new();
    if others.len() < list(route).len() {
        fields.push((MIRRORS, (!others.is_empty()).then(|| json!(others))));
    }
    let taken = route.get(MIRROR).is_some_and(|mirror| !ours(mirror)) || !others.is_empty();
    match (share.is_zero(), taken) {
        (false, true) => return Err("copies its requests to another destination already".to_owned()),
        (false, false) => fields
            .extend([(MIRROR, Some(candidate.clone())), (SHARE, Some(json!({"value": percent(share)})))]),
        (true, true) => return Ok(fields),
        (true, false) => fields.extend([(MIRROR, None), (SHARE, None)]),
    }
    fields.extend(OLD_SHARES.map(|field| (field, None)));
    Ok(fields)
}

fn list(route: &Value) -> &[Value] {
    route[MIRRORS].as_array().map_or(&[], Vec::as_slice)
}

/// Everything, where nothing is said. What lies between two weights counts as the greater one.
fn weight(percent: Option<f64>) -> Weight {
    let Some(percent) = percent else { return Weight::FULL };
    // A little less, so that 12.34 is not the weight above it.
    let hundredths = (percent * 100.0 - 1e-6).ceil().clamp(0.0, f64::from(Weight::FULL.as_hundredths()));
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is 0 to 10,000, and whole"
    )]
    Weight::hundredths(hundredths as u32).unwrap_or(Weight::FULL)
}

/// Whole percents as whole numbers: so the server keeps them, and a test of what stands there would fail on `10.0`.
fn percent(share: Weight) -> Value {
    match share.as_hundredths() {
        whole if whole.is_multiple_of(100) => (whole / 100).into(),
        hundredths => (f64::from(hundredths) / 100.0).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ours(destination: &Value) -> bool {
        destination["host"] == "next"
    }

    fn with(route: &Value, share: Weight) -> Result<Value, String> {
        let mut after = route.clone();
        for (field, new) in fields(route, &ours, &json!({"host": "next"}), share)? {
            match new {
                Some(new) => after[field] = new,
                None => drop(after.as_object_mut().unwrap().remove(field)),
            }
        }
        Ok(after)
    }

    proptest! {
        #[test]
        fn is_read_as_it_was_written(hundredths in 0u32..=10_000) {
            let wanted = Weight::hundredths(hundredths).unwrap();
            let route = with(&json!({"mirrorPercent": 30, "name": "all"}), wanted).unwrap();
            prop_assert_eq!(share(&route, &ours), wanted);
            prop_assert_eq!(&route["name"], "all");
            prop_assert_eq!(share(&with(&route, Weight::ZERO).unwrap(), &ours), Weight::ZERO);
        }
    }

    #[test]
    fn is_read_however_people_wrote_it() {
        let ten = Weight::percent(10).unwrap();
        for (route, expected) in [
            (json!({"mirror": {"host": "next"}}), Weight::FULL),
            (json!({"mirror": {"host": "next"}, "mirror_percent": 10}), ten),
            (json!({"mirror": {"host": "next"}, "mirrorPercentage": {"value": 9.991}}), ten),
            (json!({"mirrors": [{"destination": {"host": "next"}, "percentage": {"value": 10}}]}), ten),
            (json!({"mirror": {"host": "other"}}), Weight::ZERO),
        ] {
            assert_eq!(share(&route, &ours), expected, "{route}");
            assert!(share(&with(&route, Weight::ZERO).unwrap(), &ours).is_zero());
        }
    }

    #[test]
    fn the_mirrors_of_others_stay() {
        for route in
            [json!({"mirror": {"host": "other"}}), json!({"mirrors": [{"destination": {"host": "other"}}]})]
        {
            assert!(with(&route, Weight::FULL).is_err());
            assert_eq!(with(&route, Weight::ZERO), Ok(route));
        }
    }
}
