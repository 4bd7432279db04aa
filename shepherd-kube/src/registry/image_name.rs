//! Names of images, as container runtimes read them.

use http::uri::Authority;
use url::Host;

const DOCKER_HUB: &str = "docker.io";

/// `registry/repository`, and a tag or a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImageName {
    registry: String,
    repository: String,
    reference: String,
}

impl ImageName {
    /// Reads it, or says what is wrong with it. Without a registry it is one of Docker Hub's, and without a tag it is the
    /// latest.
    pub(super) fn read(image: &str) -> Result<Self, String> {
        let (named, digest) =
            image.split_once('@').map_or((image, None), |(named, digest)| (named, Some(digest)));
        // What is after a colon is a port where a path follows.
        let (name, tag) = match named.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (named, None),
        };
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(
                "what follows its `@` is no digest such as `sha256:` with 64 hexadecimal digits".to_owned()
            );
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err("its tag may have letters, digits, `_`, `.` and `-`, and 128 of them".to_owned());
        }
        let (registry, repository) = split(name);
        if !is_registry(registry) {
            return Err(format!("`{registry}` is no host with a port or without"));
        }
        if !is_repository(&repository) {
            return Err(format!(
                "`{repository}` is no repository: that has small letters and digits, with `.`, `_` or `-` between them, \
                 and `/` between its parts"
            ));
        }
        let reference = digest.or(tag).unwrap_or("latest").to_owned();
        Ok(Self { registry: registry.to_owned(), repository, reference })
    }

    pub(super) fn registry(&self) -> &str {
        &self.registry
    }

    pub(super) fn repository(&self) -> &str {
        &self.repository
    }

    /// Without its tag or digest.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// Where its registry listens.
    pub(super) fn host(&self) -> &str {
        if self.registry == DOCKER_HUB { "registry-1.docker.io" } else { &self.registry }
    }

    /// The digest that it must have, where it names one.
    pub(super) fn digest(&self) -> Option<&str> {
        Some(self.reference.as_str()).filter(|reference| reference.contains(':'))
    }

    /// Where the registry has its manifest.
    pub(super) fn path(&self) -> String {
        format!("/v2/{}/manifests/{}", self.repository, self.reference)
    }
}

/// The registry, and the repository there. A first part that looks like no host is a part of Docker Hub's.
fn split(name: &str) -> (&str, String) {
    let is_host = |part: &str| {
        part.contains(['.', ':']) || part == "localhost" || part.contains(|c: char| c.is_ascii_uppercase())
    };
    let (registry, repository) = match name.split_once('/') {
        Some((first, rest)) if is_host(first) => (first, rest),
        _ => (DOCKER_HUB, name),
    };
    if registry == DOCKER_HUB || registry == "index.docker.io" {
        let official = if repository.contains('/') { "" } else { "library/" };
        return (DOCKER_HUB, format!("{official}{repository}"));
    }
    (registry, repository.to_owned())
}

/// A port that is none would be left out, and another registry asked.
fn is_registry(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else { return false };
    let port = text.strip_prefix(authority.host()).unwrap_or_default();
    let numbered = port.is_empty() || authority.port_u16().is_some_and(|number| port == format!(":{number}"));
    numbered && Host::parse(authority.host()).is_ok()
}

fn is_repository(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_part = |part: &str| {
        part.starts_with(alphanumeric)
            && part.ends_with(alphanumeric)
            && part.chars().all(|c| alphanumeric(c) || matches!(c, '.' | '_' | '-'))
    };
    text.len() <= 255 && text.split('/').all(is_part)
}

fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 128 && text.starts_with(word) && text.chars().all(|c| word(c) || matches!(c, '.' | '-'))
}

/// An algorithm and what it has made of a content.
pub(super) fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '_' | '-');
        !algorithm.is_empty()
            && algorithm.chars().all(named)
            && hex.len() >= 32
            && hex.chars().all(|c| c.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    #[test]
    fn is_read_as_container_runtimes_do() {
        let pinned = format!("ghcr.io/acme/shop:v2@{DIGEST}");
        let cases = [
            ("nginx", "docker.io", "/v2/library/nginx/manifests/latest"),
            ("nginx:1.29", "docker.io", "/v2/library/nginx/manifests/1.29"),
            ("acme/shop:v2", "docker.io", "/v2/acme/shop/manifests/v2"),
            ("index.docker.io/acme/shop:v2", "docker.io", "/v2/acme/shop/manifests/v2"),
            ("docker.io/nginx", "docker.io", "/v2/library/nginx/manifests/latest"),
            ("localhost/shop:v2", "localhost", "/v2/shop/manifests/v2"),
            ("localhost:5000/shop", "localhost:5000", "/v2/shop/manifests/latest"),
            ("localhost:5000", "docker.io", "/v2/library/localhost/manifests/5000"),
            ("Hub/shop:v2", "Hub", "/v2/shop/manifests/v2"),
            ("[fd00::1]:5000/a/b/c__d:v-2.0_x", "[fd00::1]:5000", "/v2/a/b/c__d/manifests/v-2.0_x"),
            (&pinned, "ghcr.io", &format!("/v2/acme/shop/manifests/{DIGEST}")),
        ];
        for (image, registry, path) in cases {
            let name = ImageName::read(image).unwrap();
            assert_eq!((name.registry(), name.path().as_str()), (registry, path), "{image}");
        }
        assert_eq!(ImageName::read("nginx").unwrap().host(), "registry-1.docker.io");
        assert_eq!(ImageName::read("nginx").unwrap().name(), "docker.io/library/nginx");
        assert_eq!(ImageName::read(&pinned).unwrap().digest(), Some(DIGEST));
        assert_eq!(ImageName::read("nginx:1.29").unwrap().digest(), None);
    }

    #[test]
    fn what_is_none_says_why() {
        let long = format!("shop:{}", "v".repeat(129));
        let cases = [
            ("Shop:v2", "`library/Shop` is no repository"),
            ("", "is no repository"),
            ("ghcr.io/", "`` is no repository"),
            ("ghcr.io/acme//shop", "is no repository"),
            ("ghcr.io/../v2:v1", "is no repository"),
            ("shop:v2 ", "its tag may have"),
            ("shop:", "its tag may have"),
            ("shop:-v2", "its tag may have"),
            (&long, "its tag may have"),
            ("shop@sha256:12", "no digest"),
            ("shop@v2", "no digest"),
            ("user:secret.@ghcr.io/shop", "no digest"),
            ("ghcr.io:abc/acme/shop", "`ghcr.io:abc` is no host"),
            ("ghcr.io:99999/shop", "is no host"),
            ("ghcr.io:/shop", "is no host"),
            ("[zz]:1/shop", "`[zz]:1` is no host"),
            ("gh cr.io/shop", "`gh cr.io` is no host"),
        ];
        for (image, why) in cases {
            let error = ImageName::read(image).unwrap_err();
            assert!(error.contains(why), "{image}: {error}");
        }
    }
}
