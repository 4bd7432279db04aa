//! What is said between us and a registry about one image.

use std::sync::atomic::{AtomicBool, Ordering};

use http::uri::Scheme;
use http::{HeaderValue, Method, StatusCode, Uri};
use serde::Deserialize;
use shepherd_core::model::Verdict;
use url::Url;

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
    /// Whether somebody is asked for the login just now.
    looks_up: AtomicBool,
}

/// What the registry is shown.
struct Login {
    authorization: HeaderValue,
    /// Whether that is of somebody, and not a token for everybody.
    named: bool,
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
        Self { registries, name, looks_up: AtomicBool::new(false) }
    }

    pub(super) async fn verdict(&self) -> Verdict {
        let mut unusable = None;
        let verdict = self.held(&mut unusable).await.unwrap_or_else(|verdict| verdict);
        match unusable {
            // What nobody may see, whoever has a login may.
            Some(why) if !verdict.is_pass() => {
                let registry = self.name.registry();
                Verdict::Error(format!("the login for {registry} cannot be used: {why}").into())
            }
            _ => verdict,
        }
    }

    /// Who is waited for.
    pub(super) fn waits_for(&self) -> String {
        let registry = self.name.registry();
        if self.looks_up.load(Ordering::Relaxed) {
            format!("whoever knows the login for {registry}")
        } else {
            registry.to_owned()
        }
    }

    /// Answers why there is no login, where that is not for want of one, in `unusable`.
    async fn held(&self, unusable: &mut Option<String>) -> Heard<Verdict> {
        let at = self.address(&self.name.path())?;
        let asked = match self.asked(&at, None).await? {
            Ok(verdict @ Verdict::Fail(_)) => {
                let Some(credentials) = self.credentials(unusable).await else { return Ok(verdict) };
                return self.unless_hidden(&at, credentials, verdict).await;
            }
            Ok(verdict) => return Ok(verdict),
            Err(asked) => asked,
        };
        // To whom it has sent us on is somebody else, and sees no credentials.
        let sent_on = asked.from.authority() != at.authority();
        let credentials = if sent_on { None } else { self.credentials(unusable).await };
        self.asked_as(credentials, if sent_on { &asked.from } else { &at }, &asked).await
    }

    fn address(&self, path: &str) -> Heard<Uri> {
        let scheme =
            if self.registries.is_plain(self.name.registry()) { Scheme::HTTP } else { Scheme::HTTPS };
        let built = Uri::builder().scheme(scheme).authority(self.name.host()).path_and_query(path);
        built.build().map_err(|error| unanswered(format!("{} has no address: {error}", self.name.registry())))
    }

    async fn credentials(&self, unusable: &mut Option<String>) -> Option<Credentials> {
        self.looks_up.store(true, Ordering::Relaxed);
        let found = credentials::find(&self.registries.credentials, self.name.name()).await;
        self.looks_up.store(false, Ordering::Relaxed);
        found.unwrap_or_else(|why| {
            *unusable = Some(clean(&why));
            None
        })
    }

    /// Some registries have nothing of what they hide, and ask for a login only where theirs begin.
    async fn unless_hidden(&self, at: &Uri, credentials: Credentials, missing: Verdict) -> Heard<Verdict> {
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
        let verdict = self.asked(at, Some(&login)).await?;
        Ok(verdict.unwrap_or_else(|_| denied(self.name.registry(), login.named)))
    }

    /// The verdict, or the answer that wants a login first.
    async fn asked(&self, at: &Uri, login: Option<&Login>) -> Heard<Result<Verdict, Answer>> {
        let is_there = |answer: &Answer| is_manifest(answer.status, &answer.headers, self.name.digest());
        let mut answer = self.follow(&Method::HEAD, at, login).await?;
        if !is_there(&answer) && answer.status != StatusCode::UNAUTHORIZED {
            // The reasons of a refusal are in a body, which an answer to HEAD has not.
            answer = self.follow(&Method::GET, at, login).await?;
        }
        Ok(if is_there(&answer) {
            Ok(Verdict::Pass(format!("{} has it", self.name.registry()).into()))
        } else if answer.status == StatusCode::UNAUTHORIZED {
            Err(answer)
        } else {
            Ok(self.refusal(at, &answer, login))
        })
    }

    /// What somebody else says of what he has is nothing that the registry says.
    fn refusal(&self, at: &Uri, answer: &Answer, login: Option<&Login>) -> Verdict {
        let registry = self.name.registry();
        let verdict = refusal(registry, login.is_some_and(|login| login.named), answer.status, &answer.body);
        if answer.from.authority() == at.authority() {
            return verdict;
        }
        let (elsewhere, status) = (host(&answer.from), answer.status.as_u16());
        Verdict::Error(format!("{registry} sends on to {elsewhere}, which answered {status}").into())
    }

    async fn follow(&self, method: &Method, at: &Uri, login: Option<&Login>) -> Heard<Answer> {
        let authorization = login.map(|login| &login.authorization);
        self.registries.follow(method, at, authorization).await.map_err(unanswered)
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
                let credentials = credentials.ok_or_else(|| denied(registry, false))?;
                let authorization = credentials.header().map_err(unanswered)?;
                Ok(Login { authorization, named: true })
            }
        }
    }

    /// Where the token is. By an answer that came by TLS nobody may lead us to where there is none.
    fn realm(&self, from: &Uri, realm: &str, service: Option<&str>, scope: Option<&str>) -> Heard<Uri> {
        let unfit = || {
            let registry = self.name.registry();
            unanswered(format!("{registry} names a token server that cannot be asked: {:?}", clean(realm)))
        };
        let mut uri = Url::parse(realm).map_err(|_| unfit())?;
        let safe = uri.scheme() == "https" || uri.scheme() == "http" && from.scheme() == Some(&Scheme::HTTP);
        if !safe {
            return Err(unfit());
        }
        let pull = format!("repository:{}:pull", self.name.repository());
        uri.query_pairs_mut()
            .extend_pairs(service.map(|service| ("service", service)))
            .append_pair("scope", scope.unwrap_or(&pull));
        uri.as_str().parse().map_err(|_| unfit())
    }

    async fn token(&self, realm: &Uri, credentials: Option<Credentials>) -> Heard<Login> {
        let named = credentials.is_some();
        let proof = credentials.map(|one| one.header()).transpose().map_err(unanswered)?;
        let answer = self.registries.ask(&Method::GET, realm, proof.as_ref()).await.map_err(unanswered)?;
        let (registry, status) = (self.name.registry(), answer.status.as_u16());
        if matches!(status, 401 | 403) {
            return Err(denied(registry, named));
        }
        let token = serde_json::from_slice::<Token>(&answer.body).ok().filter(|_| answer.status.is_success());
        let token = token.and_then(|told| {
            [told.token, told.access_token].into_iter().flatten().find(|one| !one.is_empty())
        });
        let header = token.and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok());
        let mut authorization = header.ok_or_else(|| {
            let server = host(realm);
            unanswered(format!("{server} gave no token for {registry}: it answered {status}"))
        })?;
        authorization.set_sensitive(true);
        Ok(Login { authorization, named })
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
