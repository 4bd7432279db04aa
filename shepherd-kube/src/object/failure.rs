//! What the API server says, as who must act.

use std::time::Duration;

use kube::core::Status;
use shepherd_core::model::FailureKind;
use shepherd_core::ports::PortError;

/// What an error of the client means for `place`, in the server's own words.
pub(crate) fn failure(place: &str, error: kube::Error) -> PortError {
    match &error {
        kube::Error::Api(status) => said(place, status).caused_by(error),
        kube::Error::HyperError(_)
        | kube::Error::Service(_)
        | kube::Error::ReadEvents(_)
        | kube::Error::FromUtf8(_)
        | kube::Error::SerdeError(_) => {
            // An answer that cannot be read comes from something between us and the server, and may be whole next time.
            PortError::transient(place, format!("no usable answer from the API server: {}", root(&error)))
                .caused_by(error)
        }
        _ => PortError::permanent(place, format!("the request could not be made: {}", root(&error)))
            .caused_by(error),
    }
}

/// A thing that is not as Shepherd needs it.
pub(crate) fn refused(place: &str, message: impl Into<String>) -> PortError {
    PortError::permanent(place, message)
}

fn said(place: &str, status: &Status) -> PortError {
    let (kind, remedy) = match status.code {
        401 => (FailureKind::Denied, "; give this client valid credentials"),
        403 => (FailureKind::Denied, "; give this client's role the verb"),
        // Of an object that is missing the server says the name; of a kind that it does not know it says nothing.
        404 if status.details.as_ref().is_none_or(|details| details.name.is_empty()) => {
            (FailureKind::Permanent, "; the server does not know this kind: install its definition")
        }
        404 => (FailureKind::Permanent, "; create it, or correct its name"),
        409 => (FailureKind::Conflict, ""),
        408 | 429 | 500..=599 => (FailureKind::Transient, ""),
        _ => (FailureKind::Permanent, ""),
    };
    let error = PortError::new(kind, place, format!("{}{remedy}", message(status)));
    match status.details.as_ref().map_or(0, |details| details.retry_after_seconds) {
        0 => error,
        seconds => error.retry_after(Duration::from_secs(seconds.into())),
    }
}

/// The server's message; where it refuses a value, the fields and what is wrong with them, but no value: it may be a
/// secret of somebody's environment.
fn message(status: &Status) -> String {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let fields: Vec<_> = causes
        .filter(|cause| !cause.field.is_empty())
        .map(|cause| format!("{}: {}", cause.field, without_value(&cause.message)))
        .collect();
    match (fields.is_empty(), status.message.is_empty()) {
        (false, _) => fields.join("; "),
        (true, false) => status.message.clone(),
        (true, true) => format!("it answered {} {}", status.code, status.reason),
    }
}

/// `Invalid value: "s3cret": must be no more than 63 characters` without the value.
fn without_value(text: &str) -> String {
    let Some((kind, rest)) = text.split_once(": ") else { return text.to_owned() };
    match rest.rsplit_once(": ") {
        Some((_, why)) => format!("{kind}: {why}"),
        None if kind.contains("value") => kind.to_owned(),
        None => text.to_owned(),
    }
}

/// The innermost cause says what happened; those around it say only that something did.
pub(crate) fn root(error: &kube::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status(code: u16, more: &serde_json::Value) -> PortError {
        let mut all = json!({"code": code, "message": "said so"});
        for (key, value) in more.as_object().cloned().unwrap_or_default() {
            all[key] = value;
        }
        failure("ingress shop/web", kube::Error::Api(Box::new(serde_json::from_value(all).unwrap())))
    }

    #[test]
    fn says_who_must_act() {
        let kinds = [
            (401, FailureKind::Denied),
            (403, FailureKind::Denied),
            (404, FailureKind::Permanent),
            (409, FailureKind::Conflict),
            (422, FailureKind::Permanent),
            (429, FailureKind::Transient),
            (500, FailureKind::Transient),
            (503, FailureKind::Transient),
        ];
        for (code, kind) in kinds {
            assert_eq!(status(code, &json!({})).kind(), kind, "{code}");
        }
    }

    #[test]
    fn a_kind_that_is_not_known_is_told_from_an_object_that_is_missing() {
        let remedy = |more: &serde_json::Value| status(404, more).to_string();
        assert!(remedy(&json!({"details": {"name": "web"}})).contains("correct its name"));
        assert!(remedy(&json!({})).contains("does not know this kind"));
    }

    #[test]
    fn keeps_how_long_the_server_asked_to_be_left_alone() {
        let busy = status(429, &json!({"details": {"retryAfterSeconds": 3}}));
        assert_eq!(busy.failure().retry_after, Some(Duration::from_secs(3)));
    }

    #[test]
    fn names_fields_and_no_values() {
        let cause =
            json!({"field": "spec.env[0].value", "message": "Invalid value: \"s3cret: x\": must be short"});
        let invalid = status(422, &json!({"details": {"causes": [cause]}, "message": "s3cret"}));
        let text = invalid.to_string();
        assert!(text.contains("spec.env[0].value: Invalid value: must be short"), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
}
