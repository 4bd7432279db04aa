use serde::{Deserialize, Serialize};

/// What a rollout works on, in the words of its adapters ([`Workload::place`](crate::ports::Workload::place),
/// [`TrafficRouter::place`](crate::ports::TrafficRouter::place)): it is gone on with on the same, and on nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ground {
    /// Where the replicas run; none when the workload does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// What moves the traffic; none when the router does not say, or none takes part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub router: Option<String>,
}

impl Ground {
    pub(crate) fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// What is another one in `other`, as it is here and there, as far as both say: the workload, or else the router.
    ///
    /// ```
    /// use shepherd_core::plan::Ground;
    ///
    /// let [mut begun, mut bound] = [Ground::default(), Ground::default()];
    /// begun.router = Some("HTTPRoute shop/web".to_owned());
    /// assert_eq!(begun.unlike(&bound), None);
    /// bound.router = Some("HTTPRoute shop/api".to_owned());
    /// assert_eq!(begun.unlike(&bound), Some(("HTTPRoute shop/web", "HTTPRoute shop/api")));
    /// ```
    pub fn unlike<'a>(&'a self, other: &'a Self) -> Option<(&'a str, &'a str)> {
        let workloads = (&self.workload, &other.workload);
        let routers = (&self.router, &other.router);
        [workloads, routers].into_iter().find_map(|places| match places {
            (Some(here), Some(there)) if here != there => Some((here.as_str(), there.as_str())),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ground(workload: Option<&str>, router: Option<&str>) -> Ground {
        Ground { workload: workload.map(str::to_owned), router: router.map(str::to_owned) }
    }

    #[test]
    fn it_is_another_one_only_where_both_say_so() {
        let begun = ground(Some("web"), Some("route"));
        for same in
            [begun.clone(), ground(None, None), ground(Some("web"), None), ground(None, Some("route"))]
        {
            assert_eq!((begun.unlike(&same), same.unlike(&begun)), (None, None));
        }
        assert_eq!(begun.unlike(&ground(Some("shop"), Some("ingress"))), Some(("web", "shop")));
        assert_eq!(begun.unlike(&ground(None, Some("ingress"))), Some(("route", "ingress")));
    }
}
