//! How a registry wants to be asked.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;
use http_auth::ChallengeRef;

/// What it wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A token that is to be had at `realm`, with credentials or without.
    Token { realm: String, service: Option<String>, scope: Option<String> },
    /// Credentials.
    Password,
}

impl Challenge {
    /// None where it wants something else, or does not say.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let told = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|one| one.to_str().ok());
        let challenges = told.filter_map(|one| http_auth::parse_challenges(one).ok()).flatten();
        let mut found: Vec<_> = challenges.filter_map(|one| Self::read(&one)).collect();
        // Who takes either gives a token for less.
        found.sort_by_key(|one| *one == Self::Password);
        found.into_iter().next()
    }

    fn read(challenge: &ChallengeRef<'_>) -> Option<Self> {
        if challenge.scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Password);
        }
        let parameter = |name: &str| {
            let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_unescaped())
        };
        let realm = parameter("realm").filter(|_| challenge.scheme.eq_ignore_ascii_case("bearer"))?;
        Some(Self::Token { realm, service: parameter("service"), scope: parameter("scope") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(told: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for one in told {
            headers.append(WWW_AUTHENTICATE, one.parse().unwrap());
        }
        Challenge::of(&headers)
    }

    #[test]
    fn a_token_before_a_password() {
        let token = Challenge::Token {
            realm: "https://auth.example/token".to_owned(),
            service: Some("hub".to_owned()),
            scope: None,
        };
        let bearer = r#"Bearer realm="https://auth.example/token",service="hub""#;
        assert_eq!(read(&[bearer]), Some(token.clone()));
        assert_eq!(read(&["Basic realm=\"here\"", bearer]), Some(token));
        assert_eq!(read(&["basic realm=\"here\""]), Some(Challenge::Password));
    }

    #[test]
    fn nothing_else() {
        for told in
            [&[][..], &["Digest nonce=\"1\""], &["Bearer service=\"hub\""], &["="], &["Bearer realm=\"open"]]
        {
            assert_eq!(read(told), None, "{told:?}");
        }
    }
}
