//! Who else writes an object, again and again: what a tool applies from a repository, it puts back.

use serde_json::Value;

use super::Findings;

/// A tool that applies objects, and how to keep it from putting back what Shepherd writes.
struct Tool {
    name: &'static str,
    /// So begin the labels and annotations that it leaves.
    signs: &'static [&'static str],
    /// Under these names the server records what it wrote.
    managers: &'static [&'static str],
    /// With these it leaves the object alone.
    spares: &'static [(&'static str, &'static str)],
    remedy: fn(&str) -> String,
}

/// Those that others are part of come before them: Argo CD and Flux apply charts of Helm too.
const TOOLS: &[Tool] = &[
    Tool {
        name: "Argo CD",
        signs: &["argocd.argoproj.io/"],
        managers: &["argocd-controller", "argocd-application-controller"],
        spares: &[],
        remedy: |fields| {
            format!(
                "in its Application set `ignoreDifferences` for this object with `jsonPointers: [{fields}]`, and the \
                 sync option `RespectIgnoreDifferences=true`"
            )
        },
    },
    Tool {
        name: "a Kustomization of Flux",
        signs: &["kustomize.toolkit.fluxcd.io/"],
        managers: &["kustomize-controller"],
        spares: &[
            ("kustomize.toolkit.fluxcd.io/reconcile", "disabled"),
            ("kustomize.toolkit.fluxcd.io/ssa", "IfNotPresent"),
            ("kustomize.toolkit.fluxcd.io/ssa", "Ignore"),
        ],
        remedy: |fields| {
            format!(
                "annotate it `kustomize.toolkit.fluxcd.io/ssa: IfNotPresent` in the repository, or suspend the \
                 Kustomization during rollouts: it puts back {fields}"
            )
        },
    },
    Tool {
        name: "a HelmRelease of Flux",
        signs: &["helm.toolkit.fluxcd.io/"],
        managers: &["helm-controller"],
        spares: &[("helm.toolkit.fluxcd.io/driftDetection", "disabled")],
        remedy: |fields| {
            format!(
                "in its HelmRelease set `spec.driftDetection.ignore` for this object with `paths: [{fields}]`"
            )
        },
    },
    Tool {
        name: "Helm",
        signs: &["meta.helm.sh/release-name", "helm.sh/chart"],
        managers: &["helm"],
        spares: &[],
        remedy: |fields| {
            format!(
                "run no `helm upgrade` during a rollout, and set the new image in the chart's values after it: an \
                 upgrade puts back {fields}"
            )
        },
    },
];

/// The tool that applies an object, and was not told to leave it alone.
fn owner(object: &Value) -> Option<&'static Tool> {
    let tool = TOOLS.iter().find(|tool| tool.owns(object))?;
    let spared = |(key, value): &(&str, &str)| object["metadata"]["annotations"][*key] == **value;
    (!tool.spares.iter().any(spared)).then_some(tool)
}

/// Its name.
pub(crate) fn applied_by(object: &Value) -> Option<&'static str> {
    owner(object).map(|tool| tool.name)
}

impl Findings {
    /// Tells of a tool that would put back `fields`, which Shepherd writes.
    pub(crate) fn owned_by_tools(&mut self, place: &str, object: &Value, fields: &[String]) {
        let Some(tool) = owner(object) else { return };
        self.warning(
            place,
            format!("{} applies it, and may put back what Shepherd writes", tool.name),
            (tool.remedy)(&fields.join(", ")),
        );
    }
}

impl Tool {
    fn owns(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        let keys = ["labels", "annotations"].into_iter().filter_map(|field| metadata[field].as_object());
        let signed =
            keys.flat_map(|all| all.keys()).any(|key| self.signs.iter().any(|sign| key.starts_with(sign)));
        let writers = metadata["managedFields"].as_array();
        signed
            || writers.into_iter().flatten().any(|writer| {
                writer["manager"].as_str().is_some_and(|manager| self.managers.contains(&manager))
            })
    }
}
