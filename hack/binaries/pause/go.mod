module fairlead.dev/hack/binaries/pause

go 1.26.0
