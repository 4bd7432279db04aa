//! Requests that are the candidate's, as header matches of a route of their own.

use serde_json::{Map, Value, json};
use shepherd_core::model::Match;

use crate::router::rules::{cookie_of, pattern_of};

const COOKIE: &str = "cookie";

/// The matches of a route with one of `wanted` added to each. A route without any matches every request.
pub(super) fn combined(of_route: Option<&Value>, wanted: &[Match]) -> Result<Value, String> {
    let all = [json!({})];
    let of_route = list(of_route).unwrap_or(&all);
    let pairs = of_route.iter().flat_map(|block| wanted.iter().map(move |one| both(block, one)));
    pairs.collect::<Result<Vec<_>, _>>().map(Value::from)
}

fn both(block: &Value, one: &Match) -> Result<Value, String> {
    let (name, condition) = condition(one)?;
    let mut headers = block["headers"].as_object().cloned().unwrap_or_default();
    // A header is a key here: a second condition would take the place of the first.
    if headers.keys().any(|used| used.eq_ignore_ascii_case(&name)) {
        return Err(format!("chooses requests by the header {name} already, and cannot by {one} too"));
    }
    headers.insert(name, condition);
    let mut both = block.clone();
    both["headers"] = headers.into();
    Ok(both)
}

/// What was added to the matches of a route, in order; none when one of them is not what a route of these matches
/// would get.
pub(super) fn added(matches: &Value, of_route: Option<&Value>) -> Option<Vec<Match>> {
    let all = [json!({})];
    let of_route = list(of_route).unwrap_or(&all);
    let mut found: Vec<Match> = Vec::new();
    for block in matches.as_array()? {
        let headers = block["headers"].as_object()?;
        let one = of_route.iter().find_map(|base| more(headers, base["headers"].as_object()))?;
        if !found.contains(&one) {
            found.push(one);
        }
    }
    Some(found)
}

/// The one condition that is in `headers` and not in `base`, when all others are the same.
fn more(headers: &Map<String, Value>, base: Option<&Map<String, Value>>) -> Option<Match> {
    let in_base = |name: &str| base.and_then(|base| base.get(name));
    let mut more = headers.iter().filter(|(name, condition)| in_base(name) != Some(condition));
    let (name, condition) = more.next()?;
    let complete = headers.len() == base.map_or(0, Map::len) + 1;
    if more.next().is_some() || !complete { None } else { parsed(name, condition) }
}

/// The key and the condition of a match. Keys must be in lower case.
fn condition(one: &Match) -> Result<(String, Value), String> {
    match one {
        // No value at all would match every request that has the header.
        Match::Header { value, .. } if value.is_empty() => {
            Err(format!("cannot choose requests by {one} of an empty value"))
        }
        Match::Header { name, value } => Ok((name.to_ascii_lowercase(), json!({"exact": value}))),
        Match::Cookie { name, value } => Ok((COOKIE.to_owned(), json!({"regex": pattern_of(name, value)}))),
        _ => Err(format!("cannot choose requests by {one}")),
    }
}

fn parsed(name: &str, condition: &Value) -> Option<Match> {
    if let Some(value) = condition["exact"].as_str() {
        return Some(Match::Header { name: name.to_owned(), value: value.to_owned() });
    }
    cookie_of(condition["regex"].as_str().filter(|_| name == COOKIE)?)
}

fn list(matches: Option<&Value>) -> Option<&[Value]> {
    matches.and_then(Value::as_array).map(Vec::as_slice).filter(|list| !list.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Vec<Match> {
        vec![
            Match::Header { name: "X-Beta".to_owned(), value: "yes please".to_owned() },
            Match::Cookie { name: "group".to_owned(), value: "b.(2)\\=".to_owned() },
        ]
    }

    #[test]
    fn is_read_as_it_was_written() {
        let routes = [
            json!([{"uri": {"prefix": "/a"}}, {"headers": {"h": {"exact": "1"}}}]),
            json!([{"headers": {"h": {"exact": "1"}, "a": {"regex": "b"}}}]),
            json!([]),
        ];
        for route in [None].into_iter().chain(routes.iter().map(Some)) {
            assert_eq!(added(&combined(route, &wanted()).unwrap(), route), Some(wanted()), "{route:?}");
        }
    }

    #[test]
    fn keeps_what_the_route_matches() {
        let route = json!([{"uri": {"prefix": "/a"}, "headers": {"h": {"exact": "1"}}}]);
        let both = combined(Some(&route), &wanted()[..1]).unwrap();
        let headers = json!({"h": {"exact": "1"}, "x-beta": {"exact": "yes please"}});
        assert_eq!(both, json!([{"uri": {"prefix": "/a"}, "headers": headers}]));
    }

    #[test]
    fn what_people_changed_is_not_taken_for_ours() {
        let route = json!([{"headers": {"h": {"exact": "1"}}}]);
        let both = combined(Some(&route), &wanted()).unwrap();
        assert_eq!(added(&both, Some(&json!([{"headers": {"h": {"exact": "2"}}}]))), None);
        assert_eq!(added(&both, None), None);
        assert_eq!(added(&json!([{"headers": {"x": {"prefix": "1"}}}]), None), None);
    }

    #[test]
    fn a_header_that_the_route_matches_already_is_refused() {
        let route = json!([{"headers": {"x-beta": {"prefix": "y"}}}]);
        assert!(combined(Some(&route), &wanted()).unwrap_err().contains("x-beta"));
        let empty = Match::Header { name: "x".to_owned(), value: String::new() };
        assert!(combined(None, &[empty]).is_err());
    }
}
