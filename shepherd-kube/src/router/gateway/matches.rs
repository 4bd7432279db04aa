//! Requests that are the candidate's, as header matches of a rule of their own.

use serde_json::{Value, json};
use shepherd_core::model::Match;

/// The matches of a rule with one of `wanted` added to each. A rule without any matches every request.
pub(super) fn combined(of_rule: Option<&Value>, wanted: &[Match]) -> Vec<Value> {
    let all = [json!({})];
    let of_rule =
        of_rule.and_then(Value::as_array).filter(|list| !list.is_empty()).map_or(&all[..], Vec::as_slice);
    let both = |rule: &Value, one: &Match| {
        let mut both = rule.clone();
        let mut headers = both["headers"].as_array().cloned().unwrap_or_default();
        headers.push(header(one));
        both["headers"] = headers.into();
        both
    };
    of_rule.iter().flat_map(|rule| wanted.iter().map(move |one| both(rule, one))).collect()
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
            let pair = format!("{}={}", escaped(name), escaped(value));
            json!({"type": "RegularExpression", "name": "Cookie", "value": format!("{BEFORE}{pair}{AFTER}")})
        }
        Match::Header { name, value } => json!({"type": "Exact", "name": name, "value": value}),
        // There is no other kind today; one to come is refused before it gets here.
        _ => Value::Null,
    }
}

/// A cookie stands between others, or alone.
const BEFORE: &str = "^(.*;\\s*)?";
const AFTER: &str = "(;.*)?$";

fn parsed(header: &Value) -> Option<Match> {
    let (name, value) = (header["name"].as_str()?, header["value"].as_str()?);
    if header["type"] != "RegularExpression" {
        return Some(Match::Header { name: name.to_owned(), value: value.to_owned() });
    }
    let pair = value.strip_prefix(BEFORE)?.strip_suffix(AFTER)?;
    // A name of a cookie has no `=`; its value may.
    let (name, value) = pair.split_once('=')?;
    Some(Match::Cookie { name: unescaped(name), value: unescaped(value) })
}

fn escaped(text: &str) -> String {
    let special = |c: char| c.is_ascii_punctuation() && !matches!(c, '_' | '-' | '=');
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

fn unescaped(text: &str) -> String {
    let mut escape = false;
    let keep = |c: &char| {
        escape = *c == '\\' && !escape;
        !escape
    };
    text.chars().filter(keep).collect()
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
            assert_eq!(added(&combined(rule, &wanted()).into()), Some(wanted()));
        }
    }

    #[test]
    fn keeps_what_the_rule_matches() {
        let rule = json!([{"path": {"value": "/a"}, "headers": [{"name": "h", "value": "1"}]}]);
        let both = combined(Some(&rule), &wanted()[..1]);
        assert_eq!(both[0]["path"], rule[0]["path"]);
        assert_eq!(both[0]["headers"][0], rule[0]["headers"][0]);
        assert_eq!(both[0]["headers"][1]["name"], "x-beta");
    }
}
