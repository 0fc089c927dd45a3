{{/*
Helm finds out which kinds exist before it creates anything, so that a ModelRuntime beside its own CRD fails the first
installation ("no matches for kind"). Hence two ways: where the API server serves the kind, ModelRuntimes are ordinary
objects of the release. Where it does not yet, a hook creates them after the CRDs, with the marks by which Helm takes
them into the release at the next upgrade.
*/}}
{{- define "fairlead.apiServed" -}}
{{- if .Capabilities.APIVersions.Has "fairlead.dev/v1alpha1/ModelRuntime" }}true{{ end -}}
{{- end }}

{{- define "fairlead.runtimeAnnotations" -}}
{{- if not (include "fairlead.apiServed" .) -}}
# A rollback to the very first revision deletes what that revision does not list: the hook then creates it anew.
helm.sh/hook: post-install,post-rollback
helm.sh/hook-delete-policy: before-hook-creation
meta.helm.sh/release-name: {{ .Release.Name }}
meta.helm.sh/release-namespace: {{ .Release.Namespace }}
{{- end }}
argocd.argoproj.io/sync-options: SkipDryRunOnMissingResource=true
{{- end }}
