//! What is said between us and a registry about one image.

use form_urlencoded::Serializer;
use http::uri::Scheme;
use http::{HeaderValue, Method, StatusCode, Uri};
use serde::Deserialize;
use shepherd_core::model::Verdict;

use super::Registries;
use super::answer::{clean, denied, is_manifest, refusal};
use super::challenge::Challenge;
use super::credentials::{self, Credentials};
use super::image_name::ImageName;
use super::wire::{Answer, host};

/// All of it, from the first request to the verdict.
pub(super) struct Dialogue<'a> {
    registries: &'a Registries,
    name: ImageName,
}

/// What the registry is shown, and whose it is.
struct Login {
    authorization: HeaderValue,
    user: Option<String>,
}

/// What token servers answer, each in one of two words.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// Where it comes to no answer, that is the verdict.
type Heard<T> = Result<T, Verdict>;

impl<'a> Dialogue<'a> {
    pub(super) fn about(registries: &'a Registries, name: ImageName) -> Self {
        Self { registries, name }
    }

    pub(super) async fn verdict(&self) -> Verdict {
        self.held().await.unwrap_or_else(|verdict| verdict)
    }

    async fn held(&self) -> Heard<Verdict> {
        let at = self.address(&self.name.path())?;
        let first = self.follow(&Method::HEAD, &at, None).await?;
        if first.status == StatusCode::UNAUTHORIZED {
            // To whom it has sent us on is somebody else, and sees no credentials.
            let sent_on = first.from.authority() != at.authority();
            let credentials = if sent_on { None } else { self.credentials().await? };
            return self.asked_as(credentials, if sent_on { &first.from } else { &at }, &first).await;
        }
        let verdict = self.judged(&at, first, None).await?;
        match verdict {
            Verdict::Fail(_) => self.unless_hidden(&at, verdict).await,
            verdict => Ok(verdict),
        }
    }

    fn address(&self, path: &str) -> Heard<Uri> {
        let scheme =
            if self.registries.is_plain(self.name.registry()) { Scheme::HTTP } else { Scheme::HTTPS };
        let built = Uri::builder().scheme(scheme).authority(self.name.host()).path_and_query(path);
        built.build().map_err(|error| unanswered(format!("{} has no address: {error}", self.name.registry())))
    }

    async fn credentials(&self) -> Heard<Option<Credentials>> {
        credentials::find(&self.registries.credentials, self.name.name()).await.map_err(unanswered)
    }

    async fn follow(&self, method: &Method, at: &Uri, login: Option<&Login>) -> Heard<Answer> {
        let authorization = login.map(|login| &login.authorization);
        self.registries.follow(method, at, authorization).await.map_err(unanswered)
    }

    /// Some registries have nothing of what they hide, and ask for a login only where theirs begin.
    async fn unless_hidden(&self, at: &Uri, missing: Verdict) -> Heard<Verdict> {
        let Some(credentials) = self.credentials().await? else { return Ok(missing) };
        let door = self.address("/v2/")?;
        let asked = self.follow(&Method::GET, &door, None).await?;
        if asked.status != StatusCode::UNAUTHORIZED || asked.from.authority() != at.authority() {
            return Ok(missing);
        }
        self.asked_as(Some(credentials), at, &asked).await
    }

    /// Asks again with what was asked for.
    async fn asked_as(&self, credentials: Option<Credentials>, at: &Uri, asked: &Answer) -> Heard<Verdict> {
        let login = self.login(asked, credentials).await?;
        let answer = self.follow(&Method::HEAD, at, Some(&login)).await?;
        self.judged(at, answer, Some(&login)).await
    }

    async fn judged(&self, at: &Uri, answer: Answer, login: Option<&Login>) -> Heard<Verdict> {
        let registry = self.name.registry();
        let there = || Verdict::Pass(format!("{registry} has it").into());
        if is_manifest(answer.status, &answer.headers) {
            return Ok(there());
        }
        // Its reasons are in a body, which an answer to HEAD has not.
        let told = self.follow(&Method::GET, at, login).await?;
        if is_manifest(told.status, &told.headers) {
            return Ok(there());
        }
        Ok(refusal(registry, login.and_then(|login| login.user.as_deref()), told.status, &told.body))
    }

    /// What the registry wants to be shown.
    async fn login(&self, asked: &Answer, credentials: Option<Credentials>) -> Heard<Login> {
        let registry = self.name.registry();
        let unknown = || {
            Verdict::Inconclusive(format!("{registry} wants a login of a kind that is not known here").into())
        };
        match Challenge::of(&asked.headers).ok_or_else(unknown)? {
            Challenge::Token { realm, service, scope } => {
                let realm = self.realm(&asked.from, &realm, service.as_deref(), scope.as_deref())?;
                self.token(&realm, credentials).await
            }
            Challenge::Password => {
                let credentials = credentials.ok_or_else(|| denied(registry, None))?;
                let authorization = credentials.header().map_err(unanswered)?;
                Ok(Login { authorization, user: Some(credentials.user().to_owned()) })
            }
        }
    }

    /// Where the token is. By an answer that came by TLS nobody may lead us to where there is none.
    fn realm(&self, from: &Uri, realm: &str, service: Option<&str>, scope: Option<&str>) -> Heard<Uri> {
        let unfit = || {
            let registry = self.name.registry();
            unanswered(format!("{registry} names a token server that cannot be asked: {:?}", clean(realm)))
        };
        let uri: Uri = realm.parse().map_err(|_| unfit())?;
        let safe = uri.scheme() == Some(&Scheme::HTTPS) || uri.scheme() == from.scheme();
        if !safe || uri.authority().is_none() {
            return Err(unfit());
        }
        let pull = format!("repository:{}:pull", self.name.repository());
        let mut query = Serializer::new(String::new());
        query.extend_pairs(service.map(|service| ("service", service)));
        query.append_pair("scope", scope.unwrap_or(&pull));
        let sign = if uri.query().is_some() { '&' } else { '?' };
        format!("{uri}{sign}{}", query.finish()).parse().map_err(|_| unfit())
    }

    async fn token(&self, realm: &Uri, credentials: Option<Credentials>) -> Heard<Login> {
        let user = credentials.as_ref().map(|one| one.user().to_owned());
        let proof = credentials.map(|one| one.header()).transpose().map_err(unanswered)?;
        let answer = self.registries.ask(&Method::GET, realm, proof.as_ref()).await.map_err(unanswered)?;
        let (registry, status) = (self.name.registry(), answer.status.as_u16());
        if matches!(status, 401 | 403) {
            return Err(denied(registry, user.as_deref()));
        }
        let token = serde_json::from_slice::<Token>(&answer.body).ok().filter(|_| answer.status.is_success());
        let token = token.and_then(|told| told.token.or(told.access_token));
        let header = token.and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok());
        let mut authorization = header.ok_or_else(|| {
            let server = host(realm);
            unanswered(format!("{server} gave no token for {registry}: it answered {status}"))
        })?;
        authorization.set_sensitive(true);
        Ok(Login { authorization, user })
    }
}

fn unanswered(why: String) -> Verdict {
    Verdict::Error(why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realm(from: &str, realm: &str, service: Option<&str>) -> Result<String, String> {
        let registries = Registries::new();
        let dialogue = Dialogue::about(&registries, ImageName::read("hub.example/acme/shop:v2").unwrap());
        let uri = dialogue.realm(&from.parse().unwrap(), realm, service, None);
        uri.map(|uri| uri.to_string()).map_err(|verdict| verdict.to_string())
    }

    #[test]
    fn a_token_is_asked_for_where_the_registry_says_and_by_no_less_than_it_was() {
        let scope = "scope=repository%3Aacme%2Fshop%3Apull";
        let asked = |from, to, service| realm(from, to, service).unwrap();
        let [tls, plain] = ["https://hub.example/v2/", "http://hub.example/v2/"];
        assert_eq!(
            asked(tls, "https://auth.example/token", None),
            format!("https://auth.example/token?{scope}")
        );
        assert_eq!(
            asked(plain, "http://auth.example/token?a=b", Some("the hub")),
            format!("http://auth.example/token?a=b&service=the+hub&{scope}")
        );
        assert_eq!(asked(plain, "https://auth.example", None), format!("https://auth.example/?{scope}"));
        for (from, to) in [
            (tls, "http://auth.example/token"),
            (tls, "/token"),
            (plain, "ftp://auth.example"),
            (plain, "a b"),
            (plain, ""),
        ] {
            let refused = realm(from, to, None).unwrap_err();
            assert!(
                refused.starts_with("error: hub.example names a token server that cannot be asked"),
                "{refused}"
            );
        }
    }
}
