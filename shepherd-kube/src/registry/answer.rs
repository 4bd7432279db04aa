//! What an answer says of an image.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, StatusCode};
use serde::Deserialize;
use shepherd_core::model::Verdict;

use super::image_name::is_digest;

/// The codes by which registries say that they have no such image: those of the distribution API, and a plainer one.
const MISSING: [&str; 5] = ["MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND", "NAME_INVALID", "TAG_INVALID"];

/// The kinds of manifests that nodes pull by.
pub(super) const MANIFESTS: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

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

/// Whether it is a manifest, and the one that was asked for: others answer 200 as well.
pub(super) fn is_manifest(status: StatusCode, headers: &HeaderMap, asked: Option<&str>) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let digest = text(HeaderName::from_static("docker-content-digest"));
    let kind = text(CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    let known = MANIFESTS.iter().any(|known| known.eq_ignore_ascii_case(kind)) || is_digest(digest);
    status == StatusCode::OK && known && asked.is_none_or(|asked| digest.is_empty() || digest == asked)
}

/// What a refusal of `registry` says. Only where it says so itself, in its own words, there is no such image: a 404 may
/// come from whatever is between us and it.
pub(super) fn refusal(registry: &str, logged_in: bool, status: StatusCode, body: &[u8]) -> Verdict {
    let told = serde_json::from_slice::<Refusal>(body).map(|told| told.errors).unwrap_or_default();
    let missing = !told.is_empty() && told.iter().all(|one| MISSING.contains(&one.code.as_str()));
    let words = match told.first() {
        Some(one) if !logged_in => format!(" ({})", clean(&format!("{}: {}", one.code, one.message))),
        // Whoever was shown a password may send it back.
        Some(one) if missing => format!(" ({})", one.code),
        _ => String::new(),
    };
    match status {
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST if missing => {
            let whom = if logged_in { "this login" } else { "everybody" };
            Verdict::Fail(format!("{registry} has none that {whom} may see{words}").into())
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => denied(registry, logged_in),
        _ => Verdict::Error(format!("{registry} answered {}{words}", status.as_u16()).into()),
    }
}

/// It says the same of an image that is hidden and of one that is not there.
pub(super) fn denied(registry: &str, logged_in: bool) -> Verdict {
    let why = if logged_in {
        "does not tell whom it was asked as: that may be the wrong login, or the wrong password"
    } else {
        "tells nobody without a login, and there is none for it here"
    };
    Verdict::Inconclusive(format!("{registry} {why}").into())
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
        refusal("hub.example", false, StatusCode::from_u16(status).unwrap(), body.as_bytes())
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
        const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        let is = |status, kind: &str, digest: &str, asked| {
            let header = |name, value: &str| (HeaderName::from_static(name), value.parse().unwrap());
            let headers = [header("content-type", kind), header("docker-content-digest", digest)];
            is_manifest(status, &HeaderMap::from_iter(headers), asked)
        };
        let index = "application/vnd.oci.image.index.v1+json";
        assert!(is(StatusCode::OK, index, "", None));
        assert!(is(
            StatusCode::OK,
            "Application/VND.docker.distribution.manifest.v2+json; charset=utf-8",
            "",
            None
        ));
        assert!(is(StatusCode::OK, "application/json", DIGEST, None));
        assert!(
            is(StatusCode::OK, index, DIGEST, Some(DIGEST)) && is(StatusCode::OK, index, "", Some(DIGEST))
        );
        let other = "sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
        assert!(!is(StatusCode::OK, index, other, Some(DIGEST)));
        assert!(!is(StatusCode::OK, "text/html", "", None));
        assert!(!is(StatusCode::OK, "application/vnd.oci.image.config.v1+json", "v2", None));
        assert!(!is(StatusCode::NOT_FOUND, index, DIGEST, None));
    }
}
