use k8s_openapi::api::networking::v1::Ingress;
use kube::ResourceExt;

const PREFIX: &str = "nginx.ingress.kubernetes.io/canary";

/// Who gets the canary, as the annotations of its Ingress say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Canary {
    pub(super) header: Option<Header>,
    pub(super) cookie: Option<String>,
    pub(super) weight: u32,
    pub(super) total: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) value: Value,
}

/// What the header must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// `always` is for the canary, `never` against it.
    AlwaysOrNever,
    Exactly(String),
    Matching(String),
}

impl Canary {
    /// None when the Ingress is not a canary.
    pub(super) fn of(ingress: &Ingress) -> Option<Self> {
        let says = |key: &str| ingress.annotations().get(&format!("{PREFIX}{key}")).cloned();
        if says("").as_deref() != Some("true") {
            return None;
        }
        let number = |key: &str| says(key).and_then(|text| text.parse().ok());
        let value = says("-by-header-value").map(Value::Exactly);
        let value = value.or_else(|| says("-by-header-pattern").map(Value::Matching));
        let header = says("-by-header");
        let header = header.map(|name| Header { name, value: value.unwrap_or(Value::AlwaysOrNever) });
        let total = number("-weight-total").filter(|total| *total > 0).unwrap_or(100);
        let weight = number("-weight").unwrap_or(0).min(total);
        Some(Self { header, cookie: says("-by-cookie"), weight, total })
    }
}
