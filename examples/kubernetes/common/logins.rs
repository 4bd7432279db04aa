//! Registries, asked as whoever `docker login` was told.

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential};
use shepherd_kube::registry::{Credentials, Registries};

use super::say::say;

/// What Docker Hub is called where logins are kept.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

pub(crate) fn registries() -> Registries {
    Registries::new().credentials(login)
}

fn login(image: &str) -> Option<Credentials> {
    let registry = image.split('/').next()?;
    let servers = if registry == "docker.io" { vec![DOCKER_HUB, registry] } else { vec![registry] };
    servers.into_iter().find_map(|server| match get_credential(server) {
        Ok(DockerCredential::UsernamePassword(user, password)) => Some(Credentials::new(user, password)),
        Ok(DockerCredential::IdentityToken(_)) => {
            unused(registry, "it is an identity token, which only docker can use");
            None
        }
        Err(error) => {
            if let Some(why) = trouble(&error) {
                unused(registry, why);
            }
            None
        }
    })
}

fn unused(registry: &str, why: &str) {
    say(format_args!("the login for {registry} cannot be used: {why}"));
}

/// None where there is just no login. What a helper says may be the password.
fn trouble(error: &CredentialRetrievalError) -> Option<&'static str> {
    match error {
        CredentialRetrievalError::ConfigNotFound | CredentialRetrievalError::NoCredentialConfigured => None,
        CredentialRetrievalError::HelperFailure { stdout, .. } if stdout.contains("not found") => None,
        CredentialRetrievalError::HelperFailure { .. }
        | CredentialRetrievalError::HelperCommunicationError
        | CredentialRetrievalError::MalformedHelperResponse => {
            Some("the credential helper of docker's config.json fails")
        }
        _ => Some("docker's config.json cannot be read"),
    }
}
