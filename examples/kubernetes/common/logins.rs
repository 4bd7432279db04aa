//! Registries, asked as whoever `docker login` was told.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::PathBuf;

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use shepherd_kube::registry::{Credentials, Registries};

/// What Docker Hub is called where logins are kept.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

pub(crate) fn registries() -> Registries {
    Registries::new().credentials(login)
}

fn login(image: &str) -> Result<Option<Credentials>, String> {
    let registry = image.split('/').next().unwrap_or_default();
    let servers = if registry == "docker.io" { vec![DOCKER_HUB, registry] } else { vec![registry] };
    for server in servers {
        let Some(config) = config()? else { return Ok(None) };
        match get_credential_from_reader(BufReader::new(config), server) {
            Ok(DockerCredential::UsernamePassword(user, password)) => {
                return Ok(Some(Credentials::new(user, password)));
            }
            Ok(DockerCredential::IdentityToken(_)) => {
                return Err("it is an identity token, which only docker itself can use".to_owned());
            }
            Err(error) => trouble(&error)?,
        }
    }
    Ok(None)
}

/// None where nobody has ever logged in.
fn config() -> Result<Option<File>, String> {
    let folder = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".docker")));
    let Some(folder) = folder else { return Ok(None) };
    match File::open(folder.join("config.json")) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("docker's config.json cannot be read: {error}")),
    }
}

/// That there is no login is none. What a helper says may be the password.
fn trouble(error: &CredentialRetrievalError) -> Result<(), String> {
    Err(match error {
        CredentialRetrievalError::NoCredentialConfigured => return Ok(()),
        CredentialRetrievalError::HelperFailure { stdout, .. } if stdout.contains("not found") => {
            return Ok(());
        }
        CredentialRetrievalError::HelperFailure { helper, .. } => format!("{helper} fails"),
        CredentialRetrievalError::HelperCommunicationError
        | CredentialRetrievalError::MalformedHelperResponse => {
            "the credential helper that docker's config.json names fails".to_owned()
        }
        _ => "docker's config.json is damaged".to_owned(),
    })
}
