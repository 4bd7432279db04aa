//! Whether the server knows kinds that are not its own.

use kube::api::ApiResource;

use super::Findings;

impl Findings {
    /// Whether a kind is served. That it is not is told, with where its definition comes from.
    pub(crate) async fn serves(&mut self, kind: &ApiResource, remedy: &str) -> bool {
        let object = format!("{} of {}", kind.kind, kind.api_version);
        match self.client.list_api_group_resources(&kind.api_version).await {
            Ok(list) if list.resources.iter().any(|one| one.kind == kind.kind) => true,
            Ok(_) => self.lacks(kind, remedy, ""),
            Err(kube::Error::Api(status)) if status.code == 404 => {
                let others = self.versions(&kind.group).await;
                self.lacks(kind, remedy, &others)
            }
            Err(error) => {
                self.unchecked(&object, "whether the server knows it", error);
                true
            }
        }
    }

    fn lacks(&mut self, kind: &ApiResource, remedy: &str, others: &str) -> bool {
        let what = format!("the server does not know this kind{others}");
        self.error(format!("{} of {}", kind.kind, kind.api_version), what, remedy);
        false
    }

    /// The versions of a group that it does know.
    async fn versions(&self, group: &str) -> String {
        let groups = self.client.list_api_groups().await.map(|list| list.groups).unwrap_or_default();
        let found = groups.into_iter().find(|one| one.name == group);
        let versions: Vec<_> =
            found.into_iter().flat_map(|one| one.versions).map(|one| one.version).collect();
        if versions.is_empty() {
            String::new()
        } else {
            format!("; of its group it knows {}", versions.join(", "))
        }
    }
}
