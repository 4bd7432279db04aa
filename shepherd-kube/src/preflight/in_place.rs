//! One object that both tracks live in.

use serde_json::Value;

use super::Findings;
use super::selectors::catches;

/// The object, and how its replicas are replaced.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InPlaceGround<'a> {
    /// Its kind and name.
    pub(crate) place: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) object: &'a Value,
    /// The container that is rolled out.
    pub(crate) container: usize,
    /// Whether there may be one replica more meanwhile.
    pub(crate) surges: bool,
    /// How many replicas there shall be, are there, are of the present template, and are available.
    pub(crate) counts: [u64; 4],
}

impl Findings {
    /// Whether its replicas can be replaced batch by batch, and who else has a say in it.
    pub(crate) async fn in_place(&mut self, ground: &InPlaceGround<'_>) {
        let template = &ground.object["spec"]["template"];
        self.at_rest(ground);
        self.own_way(ground);
        let (place, namespace) = (ground.place, ground.namespace);
        self.template(place, namespace, template, Some(ground.container), ground.surges).await;
        self.scaled_in_place(namespace, ground.kind, ground.name).await;
        self.budgets(ground, &template["metadata"]["labels"]).await;
        if ground.surges {
            self.quotas(namespace, template, 1).await;
        }
    }

    /// Nothing of an earlier rollout is under way: which of two revisions is stable nobody could say.
    fn at_rest(&mut self, ground: &InPlaceGround<'_>) {
        let seen = ground.object["status"]["observedGeneration"].as_i64()
            >= ground.object["metadata"]["generation"].as_i64();
        let [desired, all, updated, available] = ground.counts;
        if desired == 0 {
            let remedy = if ground.kind == "DaemonSet" {
                "let its pods run on a node first: look at its `nodeSelector` and tolerations"
            } else {
                "scale it up first, such as by `kubectl scale --replicas`"
            };
            return self.empty(ground.place, remedy);
        }
        if seen && [all, updated, available] == [desired; 3] {
            return;
        }
        let partition = &ground.object["spec"]["updateStrategy"]["rollingUpdate"]["partition"];
        let what = format!(
            "its previous rollout has not finished: of {desired} replicas {updated} are updated and {available} \
             available, and {all} are there"
        );
        if partition.as_u64().is_some_and(|partition| partition > 0) {
            self.error(ground.place, what, "let it finish: set the `partition` of its updateStrategy to 0");
        } else if on_delete(ground.object) {
            let remedy = "let it finish: end the pods of the revision before, which OnDelete leaves to you";
            self.error(ground.place, what, remedy);
        } else {
            self.passing(ground.place, what, "wait until it has (`kubectl rollout status`), or undo it");
        }
    }

    /// How its people have its pods replaced, where a rollout does it otherwise.
    fn own_way(&mut self, ground: &InPlaceGround<'_>) {
        if ground.object["spec"]["strategy"]["type"] == "Recreate" {
            self.warning(
                ground.place,
                "its strategy is Recreate, and in a rollout pods of both revisions run beside each other",
                "nothing, if they can; else do not roll it out in place",
            );
        }
        if on_delete(ground.object) {
            self.warning(
                ground.place,
                "its updateStrategy is OnDelete, and a rollout ends its pods all the same",
                "nothing, if it may; the strategy is put back when the rollout has ended",
            );
        }
    }

    /// Controllers ask no budget, and nor does Shepherd where it ends pods in their place.
    async fn budgets(&mut self, ground: &InPlaceGround<'_>, labels: &Value) {
        let what = "whether it is for these pods";
        let all = self.list("policy/v1", "PodDisruptionBudget", ground.namespace, what).await;
        for budget in all.unwrap_or_default().iter().filter(|one| catches(&one["spec"]["selector"], labels)) {
            let name = budget["metadata"]["name"].as_str().unwrap_or_default();
            let allows = ["minAvailable", "maxUnavailable"].into_iter().find_map(|field| {
                let number = budget["spec"].get(field)?;
                Some(format!("{field} {}", number.as_str().map_or_else(|| number.to_string(), str::to_owned)))
            });
            self.warning(
                format!("PodDisruptionBudget {}/{name}", ground.namespace),
                format!(
                    "a rollout does not ask it, and while one goes on it lets fewer pods of {} be evicted",
                    ground.place
                ),
                format!("plan no greater batches than it allows ({})", allows.unwrap_or_default()),
            );
        }
    }
}

fn on_delete(object: &Value) -> bool {
    object["spec"]["updateStrategy"]["type"] == "OnDelete"
}
