//! Requests that are the candidate's, as header matches of a rule of their own.

use serde_json::{Value, json};
use shepherd_core::model::Match;

use crate::router::rules::{cookie_of, pattern_of};

/// The matches of a rule with one of `wanted` added to each. A rule without any matches every request.
pub(super) fn combined(of_rule: Option<&Value>, wanted: &[Match]) -> Result<Value, String> {
    let all = [json!({})];
    let of_rule =
        of_rule.and_then(Value::as_array).filter(|list| !list.is_empty()).map_or(&all[..], Vec::as_slice);
    let pairs = of_rule.iter().flat_map(|rule| wanted.iter().map(move |one| both(rule, one)));
    pairs.collect::<Result<Vec<_>, _>>().map(Value::from)
}

fn both(rule: &Value, one: &Match) -> Result<Value, String> {
    let added = header(one);
    let name = added["name"].as_str().unwrap_or_default();
    let mut headers = rule["headers"].as_array().cloned().unwrap_or_default();
    // Of two matches of one header the second is ignored: the whole rule would be the candidate's.
    if headers
        .iter()
        .any(|header| header["name"].as_str().is_some_and(|used| used.eq_ignore_ascii_case(name)))
    {
        return Err(format!("chooses requests by the header {name} already, and cannot by {one} too"));
    }
    let mut both = rule.clone();
    headers.push(added);
    both["headers"] = headers.into();
    Ok(both)
}

/// What was added to the matches of a rule, in order; nothing of it is ours when one of them cannot be read.
pub(super) fn added(matches: &Value) -> Option<Vec<Match>> {
    let mut found: Vec<Match> = Vec::new();
    for one in matches.as_array()? {
        let one = parsed(one["headers"].as_array()?.last()?)?;
        if !found.contains(&one) {
            found.push(one);
        }
    }
    Some(found)
}

fn header(one: &Match) -> Value {
    match one {
        Match::Cookie { name, value } => {
            json!({"type": "RegularExpression", "name": "Cookie", "value": pattern_of(name, value)})
        }
        Match::Header { name, value } => json!({"type": "Exact", "name": name, "value": value}),
        // There is no other kind today; one to come is refused before it gets here.
        _ => Value::Null,
    }
}

fn parsed(header: &Value) -> Option<Match> {
    let (name, value) = (header["name"].as_str()?, header["value"].as_str()?);
    if header["type"] == "RegularExpression" {
        return cookie_of(value);
    }
    Some(Match::Header { name: name.to_owned(), value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Vec<Match> {
        vec![
            Match::Header { name: "x-beta".to_owned(), value: "yes please".to_owned() },
            Match::Cookie { name: "group".to_owned(), value: "b.(2)\\=".to_owned() },
        ]
    }

    #[test]
    fn is_read_as_it_was_written() {
        let rule = json!([{"path": {"type": "PathPrefix", "value": "/a"}}, {"headers": [{"name": "h", "value": "1"}]}]);
        for rule in [None, Some(&rule)] {
            assert_eq!(added(&combined(rule, &wanted()).unwrap()), Some(wanted()));
        }
    }

    #[test]
    fn keeps_what_the_rule_matches() {
        let rule = json!([{"path": {"value": "/a"}, "headers": [{"name": "h", "value": "1"}]}]);
        let both = combined(Some(&rule), &wanted()[..1]).unwrap();
        assert_eq!(both[0]["path"], rule[0]["path"]);
        assert_eq!(both[0]["headers"][0], rule[0]["headers"][0]);
        assert_eq!(both[0]["headers"][1]["name"], "x-beta");
    }

    #[test]
    fn a_header_that_the_rule_matches_already_is_refused() {
        let rule = json!([{"headers": [{"name": "X-Beta", "value": "1"}]}]);
        assert!(combined(Some(&rule), &wanted()).unwrap_err().contains("x-beta"));
        let rule = json!([{"headers": [{"name": "cookie", "value": ".*", "type": "RegularExpression"}]}]);
        assert!(combined(Some(&rule), &wanted()).unwrap_err().contains("cookie group"));
    }
}
