use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::Match;

/// Which requests a router can choose by header or cookie. Prints as what it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Matching {
    /// None.
    #[default]
    None,
    /// One header of any value, and one cookie of the value `always`; both at once are two matches, of which either
    /// suffices. All that the annotations of a canary Ingress can say.
    HeaderOrAlwaysCookie,
    /// Any number of headers and cookies, of any values.
    Any,
}

impl Matching {
    /// The value of the cookie that [`HeaderOrAlwaysCookie`](Self::HeaderOrAlwaysCookie) can choose by.
    pub const ALWAYS: &str = "always";

    /// The first of `matches` that a router of this kind cannot choose by, beside those before it; none when it can
    /// choose by all of them.
    ///
    /// ```
    /// # use shepherd_core::model::{Match, Matching};
    /// let beta = Match::Header { name: "x-beta".into(), value: "1".into() };
    /// let group = Match::Cookie { name: "group".into(), value: "b".into() };
    /// assert_eq!(Matching::Any.beyond(&[beta.clone(), group.clone()]), None);
    /// assert_eq!(Matching::HeaderOrAlwaysCookie.beyond(&[beta.clone(), group.clone()]), Some(&group));
    /// assert_eq!(Matching::None.beyond(&[beta.clone()]), Some(&beta));
    /// ```
    pub fn beyond(self, matches: &[Match]) -> Option<&Match> {
        let (mut headers, mut cookies) = (0, 0);
        matches.iter().find(|one| {
            let within = match (self, one) {
                (Matching::None, _) => false,
                (Matching::Any, _) => true,
                (Matching::HeaderOrAlwaysCookie, Match::Header { .. }) => first(&mut headers),
                (Matching::HeaderOrAlwaysCookie, Match::Cookie { value, .. }) => {
                    value == Self::ALWAYS && first(&mut cookies)
                }
            };
            !within
        })
    }
}

fn first(so_far: &mut u32) -> bool {
    *so_far += 1;
    *so_far == 1
}

impl fmt::Display for Matching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Matching::None => "no headers and no cookies",
            Matching::HeaderOrAlwaysCookie => "one header, and one cookie of the value always",
            Matching::Any => "any headers and cookies",
        })
    }
}

/// Reads what earlier releases wrote too: only whether.
pub(super) fn or_whether<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Matching, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Kept {
        Whether(bool),
        Which(Matching),
    }
    Ok(match Kept::deserialize(deserializer)? {
        Kept::Whether(false) => Matching::None,
        Kept::Whether(true) => Matching::Any,
        Kept::Which(matching) => matching,
    })
}

#[cfg(test)]
mod tests {
    use super::super::RouterCapabilities;
    use super::*;
    use serde_json::json;

    fn header(value: &str) -> Match {
        Match::Header { name: "x-beta".to_owned(), value: value.to_owned() }
    }

    fn cookie(value: &str) -> Match {
        Match::Cookie { name: "group".to_owned(), value: value.to_owned() }
    }

    #[test]
    fn a_canary_ingress_chooses_by_one_header_and_one_fixed_cookie() {
        let can = Matching::HeaderOrAlwaysCookie;
        for within in [vec![], vec![header("1")], vec![cookie("always")], vec![cookie("always"), header("2")]]
        {
            assert_eq!(can.beyond(&within), None, "{within:?}");
        }
        for beyond in [
            vec![cookie("b")],
            vec![header("1"), header("2")],
            vec![header("1"), cookie("always"), cookie("always")],
        ] {
            assert_eq!(can.beyond(&beyond), beyond.last(), "{beyond:?}");
        }
    }

    #[test]
    fn what_an_earlier_release_saved_is_read() {
        let mut saved = serde_json::to_value(RouterCapabilities::weighted().with_matches()).unwrap();
        assert_eq!(saved["matches"], "any");
        for (kept, matches) in [
            (json!(false), Matching::None),
            (json!(true), Matching::Any),
            (json!("header_or_always_cookie"), Matching::HeaderOrAlwaysCookie),
        ] {
            saved["matches"] = kept;
            assert_eq!(serde_json::from_value::<RouterCapabilities>(saved.clone()).unwrap().matches, matches);
        }
    }
}
