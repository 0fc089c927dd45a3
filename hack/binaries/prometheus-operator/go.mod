// Only for the resource definitions inside the module; nothing is built from it, so `go mod tidy` would empty this file.
module fairlead.dev/hack/binaries/prometheus-operator

go 1.26.0

require github.com/prometheus-operator/prometheus-operator v0.93.0
