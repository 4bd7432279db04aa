//! Registries, asked as whoever `docker login` was told.

use docker_credential::{DockerCredential, get_credential};
use shepherd_kube::registry::{Credentials, Registries};

/// What Docker Hub is called where logins are kept.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

pub(crate) fn registries() -> Registries {
    Registries::new().credentials(login)
}

/// None where there is no login, and where it is of a kind that only its own programs can use.
fn login(image: &str) -> Option<Credentials> {
    let registry = image.split('/').next()?;
    let servers = if registry == "docker.io" { vec![DOCKER_HUB, registry] } else { vec![registry] };
    servers.into_iter().find_map(|server| match get_credential(server) {
        Ok(DockerCredential::UsernamePassword(user, password)) => Some(Credentials::new(user, password)),
        Ok(DockerCredential::IdentityToken(_)) | Err(_) => None,
    })
}
