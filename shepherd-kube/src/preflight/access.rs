//! Whether this client may do what the adapters do.

use futures_util::future::join_all;
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::json;

use super::Findings;
use crate::object::Object;
use crate::watch::Reach;

/// What an adapter does with one kind of object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need<'a> {
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
    /// Where it is always the same object. Listing, watching and making ask about all.
    pub(crate) name: &'a str,
    pub(crate) verbs: &'a [&'a str],
}

/// What a watch asks for.
pub(crate) const WATCHED: &[&str] = &["list", "watch"];

impl<'a> Need<'a> {
    /// These verbs on one object.
    pub(crate) fn on(object: &'a Object, verbs: &'a [&'a str]) -> Self {
        let kind = object.kind();
        Self { group: &kind.group, resource: &kind.plural, name: object.name(), verbs }
    }

    /// These verbs on all objects of a kind.
    pub(crate) const fn all(group: &'a str, resource: &'a str, verbs: &'a [&'a str]) -> Self {
        Self { group, resource, name: "", verbs }
    }

    /// All objects of the kind of one that is looked at by a watch.
    pub(crate) fn watched(object: &'a Object) -> Self {
        Self { name: "", ..Self::on(object, WATCHED) }
    }

    fn granted(&self, verbs: &[&str]) -> String {
        let rule = json!({"apiGroups": [self.group], "resources": [self.resource], "verbs": verbs});
        format!("add the rule {rule}")
    }

    fn title(&self) -> String {
        if self.group.is_empty() {
            self.resource.to_owned()
        } else {
            format!("{}.{}", self.resource, self.group)
        }
    }
}

impl Findings {
    /// Tells which of these are not granted, with the rule that grants them.
    pub(crate) async fn needs(&mut self, namespace: &str, needs: &[Need<'_>]) {
        for (need, verbs) in self.missing(namespace, needs).await {
            self.forbids(namespace, &need, &verbs);
        }
    }

    /// The same of what an adapter that was given watches looks at by them. It looks by requests where it must, so
    /// nothing is wrong without.
    pub(crate) async fn watches(&mut self, reach: &Reach, namespace: &str, kinds: &[Need<'_>]) {
        if !reach.is_watching() {
            return;
        }
        for (need, verbs) in self.missing(namespace, kinds).await {
            self.warning(
                role(namespace),
                format!(
                    "this client may not {} {}, so each look at them asks the API server",
                    verbs.join(", "),
                    need.title()
                ),
                need.granted(&verbs),
            );
        }
    }

    /// What is not granted.
    async fn missing<'a>(&mut self, namespace: &str, needs: &[Need<'a>]) -> Vec<(Need<'a>, Vec<&'a str>)> {
        let client = self.client.clone();
        let reviews = needs.iter().flat_map(|need| {
            let client = &client;
            need.verbs.iter().map(move |verb| review(client, namespace, need, verb))
        });
        let mut answers = join_all(reviews).await.into_iter();
        let mut missing: Vec<(Need<'_>, Vec<&str>)> = Vec::new();
        for need in needs {
            for verb in need.verbs {
                match answers.next() {
                    Some(Ok(false)) => lacks(&mut missing, need, verb),
                    Some(Err(error)) => {
                        self.unchecked(&role(namespace), &format!("{verb} on {}", need.title()), error);
                    }
                    Some(Ok(true)) | None => {}
                }
            }
        }
        missing
    }

    /// Whether a verb was not found to be forbidden.
    pub(crate) fn may(&self, verb: &str, object: &Object) -> bool {
        let kind = object.kind();
        !self.forbidden.contains(&key(object.namespace(), &kind.group, &kind.plural, verb))
    }

    fn forbids(&mut self, namespace: &str, need: &Need<'_>, verbs: &[&str]) {
        for verb in verbs {
            self.forbidden.insert(key(namespace, need.group, need.resource, verb));
        }
        self.error(
            role(namespace),
            format!("this client may not {} {}", verbs.join(", "), need.title()),
            need.granted(verbs),
        );
    }
}

/// One rule for each kind of object, however many of it are asked about.
fn lacks<'a>(missing: &mut Vec<(Need<'a>, Vec<&'a str>)>, need: &Need<'a>, verb: &'a str) {
    let same = |other: &Need<'_>| (other.group, other.resource) == (need.group, need.resource);
    match missing.iter_mut().find(|(other, _)| same(other)) {
        Some((_, verbs)) if verbs.contains(&verb) => {}
        Some((_, verbs)) => verbs.push(verb),
        None => missing.push((*need, vec![verb])),
    }
}

async fn review(client: &Client, namespace: &str, need: &Need<'_>, verb: &str) -> Result<bool, kube::Error> {
    let mut wanted = json!({
        "namespace": namespace, "verb": verb, "group": need.group, "resource": need.resource,
    });
    if !matches!(verb, "create" | "list" | "watch") {
        wanted["name"] = need.name.into();
    }
    let review = json!({"metadata": {}, "spec": {"resourceAttributes": wanted}});
    let review: SelfSubjectAccessReview = serde_json::from_value(review).map_err(kube::Error::SerdeError)?;
    let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let answer = api.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

fn role(namespace: &str) -> String {
    format!("Role in {namespace}")
}

fn key(namespace: &str, group: &str, resource: &str, verb: &str) -> String {
    format!("{verb} {resource}.{group} {namespace}")
}
