//! Whether pods can be started from a template, and a second track beside the first.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::Value;

use super::Findings;
use super::references::{Reference, references};

impl Findings {
    /// What the pods need is there, and can be had twice where pods of both tracks need it at the same time.
    /// `container` is the one that is rolled out.
    pub(super) async fn template(
        &mut self,
        place: &str,
        namespace: &str,
        template: &Value,
        container: Option<usize>,
        twice: bool,
    ) {
        if twice {
            self.ports_of_nodes(place, template);
        }
        if let Some(container) = container {
            self.farewell(place, &template["spec"]["containers"][container]);
        }
        let all: Vec<_> = references(template).into_iter().collect();
        self.needed(place, namespace, &all).await;
        let claims = all.iter().filter(|one| twice && one.kind == "PersistentVolumeClaim");
        for claim in claims {
            self.shared_volume(place, namespace, &claim.name).await;
        }
    }

    /// A port of a node can be had once.
    fn ports_of_nodes(&mut self, place: &str, template: &Value) {
        let spec = &template["spec"];
        let containers = spec["containers"].as_array().into_iter().flatten();
        let ports = containers.flat_map(|one| one["ports"].as_array().into_iter().flatten());
        let taken: Vec<_> =
            ports.filter_map(|port| port["hostPort"].as_u64()).filter(|port| *port > 0).collect();
        if taken.is_empty() && spec["hostNetwork"] != true {
            return;
        }
        let what = if taken.is_empty() {
            "its pods use the network of their nodes".to_owned()
        } else {
            format!("its pods take the ports {taken:?} of their nodes")
        };
        self.warning(
            place,
            format!("{what}: no pod of the candidate can run on a node of stable's"),
            "use a Service in place of `hostPort` and `hostNetwork`, or have as many nodes as both tracks have replicas",
        );
    }

    /// A pod that ends at once fails the requests of those who have not heard yet.
    fn farewell(&mut self, place: &str, container: &Value) {
        if container["lifecycle"]["preStop"].is_object() {
            return;
        }
        let name = container["name"].as_str().unwrap_or_default();
        self.warning(
            place,
            format!("its container {name} has no preStop hook: requests may still come to pods that have ended"),
            "add `lifecycle: {preStop: {sleep: {seconds: 5}}}` to it, unless it goes on answering after SIGTERM",
        );
    }

    async fn needed(&mut self, place: &str, namespace: &str, all: &[Reference]) {
        let asked = all.iter().map(|one| self.exists(one.kind, namespace, &one.name));
        let answers = join_all(asked).await;
        let mut unread: BTreeMap<&str, (Vec<&str>, kube::Error)> = BTreeMap::new();
        for (one, answer) in all.iter().zip(answers) {
            match answer {
                Ok(true) => {}
                Ok(false) => self.lacking(place, one),
                Err(error) => unread.entry(one.kind).or_insert_with(|| (Vec::new(), error)).0.push(&one.name),
            }
        }
        for (kind, (names, error)) in unread {
            self.unknown(place, namespace, kind, &names, error);
        }
    }

    fn lacking(&mut self, place: &str, one: &Reference) {
        let Reference { kind, name, for_pulling } = one;
        let what = format!("its pods need {kind} {name}, which does not exist");
        if *for_pulling {
            self.warning(place, what, format!("create {kind} {name}, or their images may not be pulled"));
        } else {
            self.error(place, what, format!("create {kind} {name}, or make it optional"));
        }
    }

    /// To see that a Secret exists takes the permission to read it, which is not worth it.
    fn unknown(&mut self, place: &str, namespace: &str, kind: &str, names: &[&str], error: kube::Error) {
        let what = format!("whether {kind} {} exists", names.join(", "));
        if kind == "Secret" && matches!(&error, kube::Error::Api(status) if status.code == 403) {
            self.warning(
                place,
                format!("{what} cannot be checked: this client may not read Secrets, which is well"),
                format!("look yourself: `kubectl get secret -n {namespace} {}`", names.join(" ")),
            );
        } else {
            self.unchecked(place, &what, error);
        }
    }

    async fn shared_volume(&mut self, place: &str, namespace: &str, name: &str) {
        let claim = match self.get("v1", "PersistentVolumeClaim", Some(namespace), name).await {
            Ok(claim) => claim,
            // That it is missing was told already.
            Err(kube::Error::Api(status)) if status.code == 404 => return,
            Err(error) => {
                return self.unchecked(place, &format!("who may use PersistentVolumeClaim {name}"), error);
            }
        };
        let modes: Vec<_> = claim["spec"]["accessModes"].as_array().into_iter().flatten().collect();
        if modes.iter().any(|mode| **mode == "ReadWriteMany" || **mode == "ReadOnlyMany") {
            return;
        }
        let remedy = "use a volume that is ReadWriteMany, or keep the data out of these pods";
        if modes.iter().any(|mode| **mode == "ReadWriteOncePod") {
            let what =
                format!("PersistentVolumeClaim {name} is for one pod: the candidate's would never start");
            self.error(place, what, remedy);
        } else {
            let what = format!(
                "PersistentVolumeClaim {name} is for one node: the candidate's pods start on that one only"
            );
            self.warning(place, what, remedy);
        }
    }
}
