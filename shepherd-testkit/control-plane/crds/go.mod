// Where the custom resource definitions come from: files of these modules, never compiled. `go mod tidy` would drop
// the lines below, so do not run it here; after a change: `go mod download sigs.k8s.io/gateway-api istio.io/api`.
module shepherd.example/control-plane/crds

go 1.26.0

require (
	istio.io/api v1.31.1
	sigs.k8s.io/gateway-api v1.6.3
)
