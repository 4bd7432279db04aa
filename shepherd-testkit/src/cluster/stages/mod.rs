//! What kwok does to nodes and pods, as its own Stage files. The pods' keeper says in annotations what a pod's process
//! does (see `pods::State`); these write the status that a kubelet would.

/// All of them as one file.
pub(super) fn all() -> String {
    [
        include_str!("node-ready.yaml"),
        include_str!("pod-starting.yaml"),
        include_str!("pod-running.yaml"),
        include_str!("pod-ready.yaml"),
        include_str!("pod-exited.yaml"),
        include_str!("pod-waiting.yaml"),
        include_str!("pod-completed.yaml"),
        include_str!("pod-gone.yaml"),
    ]
    .join("\n---\n")
}
