//! What an answer says of an image.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use shepherd_core::model::Verdict;

/// The codes by which registries say that they have no such image; Harbor by one of its own.
const MISSING: [&str; 5] = ["MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND", "NAME_INVALID", "TAG_INVALID"];

/// How much of a stranger's text is passed on.
const LONGEST: usize = 200;

/// How registries say what is wrong.
#[derive(Deserialize)]
struct Refusal {
    errors: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    code: String,
    #[serde(default)]
    message: String,
}

/// Whether it is a manifest: others answer 200 as well.
pub(super) fn is_manifest(status: StatusCode, headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    status == StatusCode::OK
        && (headers.contains_key("docker-content-digest")
            || ["application/vnd.oci.image.", "application/vnd.docker.distribution.manifest."]
                .iter()
                .any(|known| kind.starts_with(known)))
}

/// What a refusal of `registry` says to `user`, or to nobody in particular. Only where it says so itself, in its own words,
/// there is no such image: a 404 may come from whatever is between us and it.
pub(super) fn refusal(registry: &str, user: Option<&str>, status: StatusCode, body: &[u8]) -> Verdict {
    let told = serde_json::from_slice::<Refusal>(body).map(|told| told.errors).unwrap_or_default();
    let missing = !told.is_empty() && told.iter().all(|one| MISSING.contains(&one.code.as_str()));
    let words = match (told.first(), user) {
        (Some(one), None) => format!(" ({})", clean(&format!("{}: {}", one.code, one.message))),
        // Whoever was shown a password may send it back.
        (Some(one), Some(_)) if missing => format!(" ({})", one.code),
        _ => String::new(),
    };
    match status {
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST if missing => Verdict::Fail(
            format!("{registry} has none that {} may see{words}", user.unwrap_or("everybody")).into(),
        ),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => denied(registry, user),
        _ => Verdict::Error(format!("{registry} answered {}{words}", status.as_u16()).into()),
    }
}

/// It says the same of an image that is hidden and of one that is not there.
pub(super) fn denied(registry: &str, user: Option<&str>) -> Verdict {
    Verdict::Inconclusive(match user {
        Some(user) => {
            format!("{registry} does not tell {user}: it may be another's, or the password is wrong").into()
        }
        None => format!("{registry} tells nobody without credentials, and there are none for it here").into(),
    })
}

/// One line of a stranger's text.
pub(super) fn clean(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    text.trim_end_matches([' ', ':']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Verdict {
        refusal("hub.example", None, StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    #[test]
    fn only_a_registry_says_that_there_is_none() {
        let unknown =
            r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"v9"}}]}"#;
        let why = "hub.example has none that everybody may see (MANIFEST_UNKNOWN: manifest unknown)";
        assert_eq!(refused(404, unknown), Verdict::Fail(why.into()));
        assert!(matches!(refused(404, r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#), Verdict::Fail(_)));
        assert!(matches!(refused(400, r#"{"errors":[{"code":"NAME_INVALID"}]}"#), Verdict::Fail(_)));
        for (status, body) in [
            (404, ""),
            (404, "<html>not here</html>"),
            (404, r#"{"errors":[]}"#),
            (404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN"},{"code":"DENIED"}]}"#),
            (200, unknown),
            (302, unknown),
            (429, r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#),
            (500, unknown),
        ] {
            assert!(matches!(refused(status, body), Verdict::Error(_)), "{status} {body}");
        }
        for status in [401, 403] {
            assert!(matches!(refused(status, unknown), Verdict::Inconclusive(_)), "{status}");
        }
    }

    #[test]
    fn a_strangers_words_are_one_short_line() {
        let long = format!(
            r#"{{"errors":[{{"code":"DENIED","message":"\u001b[31mno\nway {}"}}]}}"#,
            "x".repeat(999)
        );
        let said = refused(429, &long).to_string();
        assert!(said.contains("DENIED:  [31mno way xxx") && said.len() < 300, "{said}");
    }

    #[test]
    fn not_everything_that_is_well_is_a_manifest() {
        let headers = |name: &'static str, value: &str| {
            HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())])
        };
        let kind = |value| is_manifest(StatusCode::OK, &headers("content-type", value));
        assert!(kind("application/vnd.oci.image.index.v1+json"));
        assert!(kind("application/vnd.docker.distribution.manifest.v2+json"));
        assert!(!kind("text/html"));
        assert!(is_manifest(StatusCode::OK, &headers("docker-content-digest", "sha256:1")));
        assert!(!is_manifest(StatusCode::NOT_FOUND, &headers("docker-content-digest", "sha256:1")));
    }
}
