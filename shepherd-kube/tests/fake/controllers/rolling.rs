//! The rolling update of a Deployment, by the arithmetic of its controller.

use serde_json::{Value, json};

use super::made::{PODS, controlled, count, hash, is_ready, owner, pod, text};
use super::{DEPLOYMENTS, SETS};
use crate::api::Objects;

pub(super) fn deployment(objects: &mut Objects, deployment: &mut Value) {
    let mut sets = sets(objects, deployment);
    let update = Update::of(deployment);
    // What a set has become is not known yet when the controller first looks at it.
    let before = sets.last().map_or(0, |set| count(&set.object["status"]["availableReplicas"]));
    update.step(&mut sets, Some(before));
    while update.step(&mut sets, None) {}
    let available: usize = sets.iter().map(Set::available).sum();
    for set in sets {
        keep(objects, set);
    }
    deployment["status"] = json!({
        "observedGeneration": deployment["metadata"]["generation"], "availableReplicas": available,
    });
}

/// What a set has become is seen by its Deployment.
pub(super) fn set(objects: &mut Objects, set: &mut Value) {
    let seen = Set::of(set.clone());
    set["status"] = seen.status();
    let owner = text(&set["metadata"]["ownerReferences"][0]["name"]).to_owned();
    let Ok(mut deployment) = objects.get(DEPLOYMENTS, &owner) else { return };
    let of_others = controlled(objects, SETS, &deployment);
    let of_others = of_others.iter().filter(|one| one["metadata"]["name"] != set["metadata"]["name"]);
    let others: usize = of_others.map(|one| count(&one["status"]["availableReplicas"])).sum();
    deployment["status"]["availableReplicas"] = (others + seen.available()).into();
    objects.keep_quietly(DEPLOYMENTS, deployment);
}

/// What a Deployment asks for.
struct Update {
    all: usize,
    surge: usize,
    unavailable: usize,
    recreates: bool,
}

impl Update {
    fn of(deployment: &Value) -> Self {
        let (all, rolling) =
            (count(&deployment["spec"]["replicas"]), &deployment["spec"]["strategy"]["rollingUpdate"]);
        let number = |field: &Value, up: bool| {
            if field.is_number() {
                return count(field);
            }
            let percent: usize = field.as_str().unwrap_or("25%").trim_end_matches('%').parse().unwrap();
            if up { (all * percent).div_ceil(100) } else { all * percent / 100 }
        };
        let (surge, unavailable) =
            (number(&rolling["maxSurge"], true), number(&rolling["maxUnavailable"], false));
        // The API takes no two plain zeros; two that come of rounding make one unavailable.
        let unavailable = if surge + unavailable == 0 { 1 } else { unavailable };
        let recreates = deployment["spec"]["strategy"]["type"] == "Recreate";
        Self { all, surge, unavailable, recreates }
    }

    /// One change of one set; false when there is none to make. The last set is the one of the present template, of
    /// which so many were available when it was last looked at.
    fn step(&self, sets: &mut [Set], before: Option<usize>) -> bool {
        let (new, old) = sets.split_last_mut().unwrap();
        let available = before.unwrap_or_else(|| new.available());
        let olds: usize = old.iter().map(|set| set.replicas).sum();
        if olds == 0 {
            return set_to(&mut new.replicas, self.all);
        }
        if self.recreates {
            return old.iter_mut().any(|set| set_to(&mut set.replicas, 0));
        }
        let most = self.all + self.surge;
        let more = most.saturating_sub(olds + new.replicas).min(self.all.saturating_sub(new.replicas));
        if more > 0 {
            new.replicas += more;
            return true;
        }
        let least = self.all.saturating_sub(self.unavailable);
        let not_available = new.replicas - available;
        let mut fewer = (olds + new.replicas).saturating_sub(least + not_available);
        let before = olds;
        for set in old.iter_mut() {
            let ends = fewer.min(set.replicas - set.available());
            set.replicas -= ends;
            fewer -= ends;
        }
        let available = available + old.iter().map(Set::available).sum::<usize>();
        let mut spare = available.saturating_sub(least);
        for set in old.iter_mut() {
            let ends = spare.min(set.replicas);
            set.replicas -= ends;
            spare -= ends;
        }
        before != old.iter().map(|set| set.replicas).sum::<usize>()
    }
}

fn set_to(number: &mut usize, wanted: usize) -> bool {
    let changes = *number != wanted;
    *number = wanted;
    changes
}

struct Set {
    object: Value,
    replicas: usize,
}

impl Set {
    fn of(object: Value) -> Self {
        Self { replicas: count(&object["spec"]["replicas"]), object }
    }

    fn status(&self) -> Value {
        let (replicas, ready, available) = (self.replicas, self.ready(), self.available());
        let generation = &self.object["metadata"]["generation"];
        json!({
            "replicas": replicas, "readyReplicas": ready, "availableReplicas": available,
            "observedGeneration": generation,
        })
    }

    fn is_broken(&self) -> bool {
        text(&self.object["spec"]["template"]["spec"]["containers"][0]["image"]).contains("broken")
    }

    fn ready(&self) -> usize {
        if self.is_broken() { 0 } else { self.replicas }
    }

    /// The pods of the fake have been ready for long, but not for as long as nobody waits.
    fn available(&self) -> usize {
        if count(&self.object["spec"]["minReadySeconds"]) > 1_000_000 { 0 } else { self.ready() }
    }
}

/// Those that a Deployment has, with that of its present template as the last one.
fn sets(objects: &Objects, deployment: &Value) -> Vec<Set> {
    let hash = hash(&deployment["spec"]["template"]);
    let number = |set: &Value| {
        text(&set["metadata"]["annotations"]["deployment.kubernetes.io/revision"]).parse().unwrap_or(0)
    };
    let mut owned = controlled(objects, SETS, deployment);
    owned.sort_by_key(number);
    let newest: u64 = owned.last().map_or(0, number);
    let is_present = |set: &Value| set["metadata"]["labels"]["pod-template-hash"] == *hash;
    let is_newest = owned.last().is_some_and(is_present);
    let (present, old): (Vec<_>, Vec<_>) = owned.into_iter().partition(is_present);
    let mut present = present.into_iter().next().unwrap_or_else(|| made(deployment, &hash));
    let number = if is_newest { newest } else { newest + 1 };
    present["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": number.to_string()});
    // Only the present set follows the Deployment; those before it keep what they had.
    present["spec"]["minReadySeconds"] = deployment["spec"]["minReadySeconds"].clone();
    old.into_iter().chain([present]).map(Set::of).collect()
}

fn made(deployment: &Value, hash: &str) -> Value {
    let mut template = deployment["spec"]["template"].clone();
    template["metadata"]["labels"]["pod-template-hash"] = hash.into();
    json!({
        "kind": "ReplicaSet", "apiVersion": "apps/v1",
        "metadata": {
            "name": format!("{}-{hash}", text(&deployment["metadata"]["name"])), "namespace": "shop",
            "labels": template["metadata"]["labels"], "ownerReferences": owner(deployment, "Deployment"),
        },
        "spec": {"replicas": 0, "selector": deployment["spec"]["selector"], "template": template},
    })
}

fn keep(objects: &mut Objects, set: Set) {
    let (replicas, ready) = (set.replicas, set.ready());
    let mut object = set.object;
    object["spec"]["replicas"] = replicas.into();
    let name = text(&object["metadata"]["name"]).to_owned();
    if objects.get(SETS, &name).is_err() {
        objects.create(SETS, object).unwrap();
    } else {
        objects.keep(SETS, object);
    }
    let object = objects.get(SETS, &name).unwrap();
    let pods = controlled(objects, PODS, &object);
    for spare in pods.iter().skip(replicas) {
        objects.delete(PODS, text(&spare["metadata"]["name"])).unwrap();
    }
    let names = (0..).map(|number| format!("{}-{number}", text(&object["metadata"]["name"])));
    let free = names.filter(|name| !pods.iter().any(|pod| pod["metadata"]["name"] == **name));
    let label = ("pod-template-hash", text(&object["metadata"]["labels"]["pod-template-hash"]));
    for name in free.take(replicas.saturating_sub(pods.len())) {
        let made = pod(&name, &object["spec"]["template"], &owner(&object, "ReplicaSet"), "n0", label);
        objects.create(PODS, made).unwrap();
    }
    debug_assert!(ready == 0 || controlled(objects, PODS, &object).iter().all(is_ready));
}
