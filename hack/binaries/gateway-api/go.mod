// Only for the resource definitions inside the module; nothing is built from it, so `go mod tidy` would empty this file.
module fairlead.dev/hack/binaries/gateway-api

go 1.26.0

require sigs.k8s.io/gateway-api v1.6.3
