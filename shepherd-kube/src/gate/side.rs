//! One track as it is seen: its Deployment's present set, and the pods of it.

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use shepherd_core::model::Verdict;

use crate::watch::{Seen, Version};
use crate::workload::pods;
use crate::workload::replica_sets::{condition, count};

pub(super) struct Side {
    /// Kind, namespace and name of the Deployment.
    pub(super) place: String,
    pub(super) wanted: u32,
    /// Since then its spec is so.
    pub(super) since: Version,
    pub(super) set: Value,
    /// Those of the present revision that are to stay.
    pub(super) pods: Vec<Pod>,
    /// The names of those of the revisions before it.
    pub(super) others: Vec<String>,
}

impl Side {
    /// Of `pods`, those of `set`, and those of the sets with these uids. A Deployment may select others' pods too.
    pub(super) fn new(place: String, seen: &Seen, set: Value, before: &[String], pods: Vec<Pod>) -> Self {
        // The server's default.
        let wanted = seen.object["spec"]["replicas"].as_u64().and_then(|count| u32::try_from(count).ok());
        let staying = pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
        let (mut present, mut others) = (Vec::new(), Vec::new());
        for pod in staying {
            if set["metadata"]["uid"].as_str().is_some_and(|uid| is_of(&pod, uid)) {
                present.push(pod);
            } else if before.iter().any(|uid| is_of(&pod, uid)) {
                others.push(pods::name(&pod).to_owned());
            }
        }
        Self { place, wanted: wanted.unwrap_or(1), since: seen.since, set, pods: present, others }
    }

    pub(super) fn count(&self, field: &str) -> u32 {
        count(&self.set, field)
    }

    /// What keeps replicas from being there: what the pods say, or why there are none.
    pub(super) fn trouble(&self) -> Option<String> {
        pods::trouble(&self.pods).or_else(|| condition(&self.set, "ReplicaFailure", "True"))
    }

    /// Fails for what any pod says, is inconclusive without pods, and passes otherwise.
    pub(super) fn each_pod(&self, fault: impl Fn(&Pod) -> Option<String>, well: &str) -> Verdict {
        if self.pods.is_empty() {
            let why = self.trouble().map_or(String::new(), |why| format!(" ({why})"));
            return Verdict::Inconclusive(format!("{} has no pods yet{why}", self.place).into());
        }
        match self.pods.iter().find_map(fault) {
            Some(fault) => Verdict::Fail(fault.into()),
            None => Verdict::Pass(format!("{}: {} pods {well}", self.place, self.pods.len()).into()),
        }
    }
}

fn is_of(pod: &Pod, uid: &str) -> bool {
    let owners = pod.metadata.owner_references.iter().flatten();
    owners.into_iter().any(|owner| owner.controller == Some(true) && owner.uid == uid)
}
