//! One endpoint's URL, which may hold a password.

use std::fmt;

use reqwest::Url;

use super::failure::ScrapeFailure;

/// A URL that can be scraped. It shows itself without user, password and query, any of which may be secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    url: Url,
}

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Self, ScrapeFailure> {
        let url = Url::parse(text).map_err(|error| ScrapeFailure::NoUrl(error.to_string()))?;
        match url.scheme() {
            "http" => Ok(Self { url }),
            "https" if cfg!(feature = "tls") => Ok(Self { url }),
            "https" => Err(ScrapeFailure::NoTls),
            _ => Err(ScrapeFailure::NoUrl("it begins with neither http:// nor https://".to_owned())),
        }
    }

    pub(crate) fn url(&self) -> Url {
        self.url.clone()
    }

    pub(crate) fn has_credentials(&self) -> bool {
        !self.url.username().is_empty() || self.url.password().is_some()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url } = self;
        write!(f, "{}://{}", url.scheme(), url.host_str().unwrap_or_default())?;
        if let Some(port) = url.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(url.path())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let address = Address::parse("http://me:hunter2@10.0.0.7:9090/metrics?token=hunter2").unwrap();
        assert_eq!(address.to_string(), "http://10.0.0.7:9090/metrics");
        assert_eq!(format!("{address:?}"), "http://10.0.0.7:9090/metrics");
        assert!(address.has_credentials());
    }

    #[test]
    fn what_is_no_url_is_refused_without_repeating_it() {
        for text in ["hunter2", "ftp://hunter2@host/", "http://hunter2@:99/"] {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(error.contains("URL") && !error.contains("hunter2"), "{error}");
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn https_names_the_feature_it_needs() {
        assert!(Address::parse("https://host/").unwrap_err().to_string().contains("cargo feature `tls`"));
    }
}
