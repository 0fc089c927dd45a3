{{/* Names, labels and annotations. */}}

{{- define "fairlead.name" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride }}
{{- else if contains "fairlead" .Release.Name -}}
{{ .Release.Name }}
{{- else -}}
{{ printf "%s-fairlead" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "fairlead.serviceAccountName" -}}
{{- if not (or .Values.serviceAccount.create .Values.serviceAccount.name) }}
{{- fail "serviceAccount.create is false: set serviceAccount.name to the ServiceAccount that exists" }}
{{- end -}}
{{ .Values.serviceAccount.name | default (include "fairlead.name" .) }}
{{- end }}

{{- define "fairlead.leaseName" -}}
{{ .Values.leaseName | default (include "fairlead.name" .) }}
{{- end }}

{{- define "fairlead.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{/* The image with the program that fetches models; nothing where there is to be none. */}}
{{- define "fairlead.fetchImage" -}}
{{- with .Values.sources.image -}}
{{- if .repository }}{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}{{ end }}
{{- end -}}
{{- end }}

{{/*
The NetworkPolicies of models let pods with these labels in (operator/fairlead/desired/network_policy.py), so no value
can change them.
*/}}
{{- define "fairlead.selector" -}}
app.kubernetes.io/name: fairlead
app.kubernetes.io/component: operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "fairlead.labels" -}}
{{- $own := dict "app.kubernetes.io/version" .Chart.AppVersion "app.kubernetes.io/managed-by" .Release.Service "app.kubernetes.io/part-of" "fairlead" "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_") -}}
{{- merge (include "fairlead.selector" . | fromYaml) $own (deepCopy .Values.labels) | toYaml -}}
{{- end }}

{{/* metadata without the name. Call it with a dict: root, and annotations that go before those of the values. */}}
{{- define "fairlead.metadata" -}}
labels:
  {{- include "fairlead.labels" .root | nindent 2 }}
{{- with merge (deepCopy (.annotations | default dict)) .root.Values.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
