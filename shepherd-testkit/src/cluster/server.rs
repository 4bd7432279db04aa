/// A server of a [`Cluster`](super::Cluster).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Server {
    /// etcd, where everything is kept.
    Etcd,
    /// kube-apiserver.
    ApiServer,
    /// kube-controller-manager: Deployments, Jobs, endpoints of Services.
    ControllerManager,
    /// kube-scheduler: which node a pod gets.
    Scheduler,
    /// kwok, which plays the kubelets of all nodes.
    Kubelets,
    /// kube-proxy: where the address of a Service leads.
    ServiceProxy,
}

impl Server {
    /// Its program.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kubelets => "kwok",
            Self::ServiceProxy => "kube-proxy",
        }
    }
}
