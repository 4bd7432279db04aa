//! Which series of a page a metric is made of.

use std::borrow::Cow;
use std::fmt;

/// Selects series by metric name and labels, as the braces of a Prometheus query do.
///
/// An absent label counts as empty, as it does in Prometheus.
///
/// ```
/// use shepherd_metrics::scrape::Selector;
///
/// let errors = Selector::metric("http_requests_total").starts_with("code", "5").differs("handler", "/healthz");
/// assert_eq!(errors.to_string(), r#"http_requests_total{code=~"5.*",handler!="/healthz"}"#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// A series is selected when any of these selects it. Never empty.
    alternatives: Vec<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    name: String,
    matchers: Vec<Matcher>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Matcher {
    label: String,
    test: Test,
    value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Equal,
    NotEqual,
    Prefix,
}

impl Selector {
    /// All series of one metric. A histogram goes by its name without `_bucket`.
    pub fn metric(name: impl Into<String>) -> Self {
        Self { alternatives: vec![Pattern { name: name.into(), matchers: Vec::new() }] }
    }

    /// Only series whose `label` is `value`.
    #[must_use]
    pub fn equals(self, label: impl Into<String>, value: impl Into<String>) -> Self {
        self.narrowed(label.into(), Test::Equal, value.into())
    }

    /// Only series whose `label` is not `value`.
    #[must_use]
    pub fn differs(self, label: impl Into<String>, value: impl Into<String>) -> Self {
        self.narrowed(label.into(), Test::NotEqual, value.into())
    }

    /// Only series whose `label` starts with `prefix`.
    #[must_use]
    pub fn starts_with(self, label: impl Into<String>, prefix: impl Into<String>) -> Self {
        self.narrowed(label.into(), Test::Prefix, prefix.into())
    }

    /// The series of either selector; a series of both counts once.
    ///
    /// ```
    /// use shepherd_metrics::scrape::Selector;
    ///
    /// let http = Selector::metric("http_requests_total");
    /// let either = http.clone().starts_with("code", "5").or(http.starts_with("status", "5"));
    /// # assert!(either.to_string().contains(" or "));
    /// ```
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.alternatives.extend(other.alternatives);
        self
    }

    fn narrowed(mut self, label: String, test: Test, value: String) -> Self {
        let matcher = Matcher { label, test, value };
        for pattern in &mut self.alternatives {
            pattern.matchers.push(matcher.clone());
        }
        self
    }

    pub(crate) fn selects(&self, name: &str, labels: &[(&str, Cow<'_, str>)]) -> bool {
        self.alternatives.iter().any(|pattern| pattern.selects(name, labels))
    }
}

impl Pattern {
    fn selects(&self, name: &str, labels: &[(&str, Cow<'_, str>)]) -> bool {
        self.name == name && self.matchers.iter().all(|matcher| matcher.selects(labels))
    }
}

impl Matcher {
    fn selects(&self, labels: &[(&str, Cow<'_, str>)]) -> bool {
        let value = labels.iter().find(|(name, _)| *name == self.label).map_or("", |(_, value)| value);
        match self.test {
            Test::Equal => value == self.value,
            Test::NotEqual => value != self.value,
            Test::Prefix => value.starts_with(&self.value),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pattern) in self.alternatives.iter().enumerate() {
            let or = if index == 0 { "" } else { " or " };
            write!(f, "{or}{pattern}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (index, matcher) in self.matchers.iter().enumerate() {
            let before = if index == 0 { "{" } else { "," };
            write!(f, "{before}{matcher}")?;
        }
        f.write_str(if self.matchers.is_empty() { "" } else { "}" })
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { label, test, value } = self;
        match test {
            Test::Equal => write!(f, "{label}={value:?}"),
            Test::NotEqual => write!(f, "{label}!={value:?}"),
            Test::Prefix => write!(f, "{label}=~{:?}", format!("{value}.*")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selects(selector: &Selector, name: &str, labels: &[(&'static str, &'static str)]) -> bool {
        let labels: Vec<_> = labels.iter().map(|(name, value)| (*name, Cow::Borrowed(*value))).collect();
        selector.selects(name, &labels)
    }

    #[test]
    fn all_matchers_must_agree() {
        let errors = Selector::metric("hits")
            .starts_with("code", "5")
            .differs("path", "/healthz")
            .equals("job", "web");
        assert!(selects(&errors, "hits", &[("code", "503"), ("job", "web"), ("path", "/")]));
        assert!(selects(&errors, "hits", &[("code", "503"), ("job", "web")]));
        assert!(!selects(&errors, "hits", &[("code", "503"), ("job", "web"), ("path", "/healthz")]));
        assert!(!selects(&errors, "hits", &[("code", "200"), ("job", "web")]));
        assert!(!selects(&errors, "hits", &[("code", "503")]));
        assert!(!selects(&errors, "misses", &[("code", "503"), ("job", "web")]));
    }

    #[test]
    fn alternatives_need_only_one() {
        let hits = Selector::metric("hits");
        let either = hits.clone().starts_with("code", "5").or(hits.starts_with("status", "5"));
        assert!(selects(&either, "hits", &[("status", "500")]));
        assert!(selects(&either, "hits", &[("code", "500")]));
        assert!(!selects(&either, "hits", &[("code", "200"), ("status", "200")]));
        assert_eq!(either.to_string(), r#"hits{code=~"5.*"} or hits{status=~"5.*"}"#);
    }
}
