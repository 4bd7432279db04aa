//! Whether this client may do what the adapters do.

use futures_util::future::join_all;
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::json;

use super::Findings;
use crate::object::Object;

/// What an adapter does with one kind of object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need<'a> {
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
    /// Where it is always the same object. Listing and making ask about all.
    pub(crate) name: &'a str,
    pub(crate) verbs: &'a [&'a str],
}

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
        let (client, place) = (self.client.clone(), format!("Role in {namespace}"));
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
                    Some(Err(error)) => self.unchecked(&place, &format!("{verb} on {}", need.title()), error),
                    Some(Ok(true)) | None => {}
                }
            }
        }
        for (need, verbs) in missing {
            self.forbids(&place, namespace, &need, &verbs);
        }
    }

    /// Whether a verb was not found to be forbidden.
    pub(crate) fn may(&self, verb: &str, object: &Object) -> bool {
        let kind = object.kind();
        !self.forbidden.contains(&key(object.namespace(), &kind.group, &kind.plural, verb))
    }

    fn forbids(&mut self, place: &str, namespace: &str, need: &Need<'_>, verbs: &[&str]) {
        for verb in verbs {
            self.forbidden.insert(key(namespace, need.group, need.resource, verb));
        }
        let rule = json!({"apiGroups": [need.group], "resources": [need.resource], "verbs": verbs});
        self.error(
            place,
            format!("this client may not {} {}", verbs.join(", "), need.title()),
            format!("add the rule {rule}"),
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
    if !matches!(verb, "create" | "list") {
        wanted["name"] = need.name.into();
    }
    let review = json!({"metadata": {}, "spec": {"resourceAttributes": wanted}});
    let review: SelfSubjectAccessReview = serde_json::from_value(review).map_err(kube::Error::SerdeError)?;
    let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let answer = api.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

fn key(namespace: &str, group: &str, resource: &str, verb: &str) -> String {
    format!("{verb} {resource}.{group} {namespace}")
}
