//! Which requests are the candidate's, as annotations say it.

use serde_json::Value;
use shepherd_core::model::{Match, Matching};

use super::keys::Keys;
use crate::object::{Edit, annotation};

/// What the annotations choose by.
pub(super) fn read(keys: &Keys, ingress: &Value) -> Vec<Match> {
    header(keys, ingress).into_iter().chain(cookie(keys, ingress)).collect()
}

/// Makes them choose by these and nothing else.
pub(super) fn write(keys: &Keys, edit: &mut Edit<'_>, ingress: &Value, matches: &[Match]) {
    let by_header = matches.iter().find(|one| matches!(one, Match::Header { .. }));
    let by_cookie = matches.iter().find(|one| matches!(one, Match::Cookie { .. }));
    if header(keys, ingress).as_ref() != by_header {
        edit.unannotate(&keys.header_pattern());
        if let Some(Match::Header { name, value }) = by_header {
            edit.annotate(&keys.header(), name.clone());
            edit.annotate(&keys.header_value(), value.clone());
        } else {
            edit.unannotate(&keys.header());
            edit.unannotate(&keys.header_value());
        }
    }
    if cookie(keys, ingress).as_ref() != by_cookie {
        match by_cookie {
            Some(Match::Cookie { name, .. }) => edit.annotate(&keys.cookie(), name.clone()),
            _ => edit.unannotate(&keys.cookie()),
        }
    }
}

/// What the controller would not take as it is meant. It drops an annotation with other characters, and a header
/// without its value is matched by `always` instead.
pub(super) fn mistaken(matches: &[Match]) -> Option<String> {
    matches.iter().find_map(|one| match one {
        Match::Header { name, value } if !is_name(name) || !is_value(value) => Some(format!(
            "it can choose by {one} only when its name is of letters, digits, - and _, and its value of those, spaces \
             inside, and . ~ / :"
        )),
        Match::Cookie { name, .. } if !is_name(name) => {
            Some(format!("it can choose by {one} only when its name is of letters, digits, - and _"))
        }
        _ => None,
    })
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

fn is_value(text: &str) -> bool {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~/: ".contains(&b));
    !text.is_empty() && text.trim() == text && plain
}

/// A pattern is read as if it were a value: it shows the candidate to somebody, and is nothing that was asked for.
fn header(keys: &Keys, ingress: &Value) -> Option<Match> {
    let name = said(ingress, &keys.header())?;
    let value = said(ingress, &keys.header_value()).or_else(|| said(ingress, &keys.header_pattern()));
    Some(Match::Header { name: name.to_owned(), value: value.unwrap_or(Matching::ALWAYS).to_owned() })
}

fn cookie(keys: &Keys, ingress: &Value) -> Option<Match> {
    let name = said(ingress, &keys.cookie())?;
    Some(Match::Cookie { name: name.to_owned(), value: Matching::ALWAYS.to_owned() })
}

fn said<'o>(ingress: &'o Value, key: &str) -> Option<&'o str> {
    annotation(ingress, key).filter(|text| !text.is_empty())
}
