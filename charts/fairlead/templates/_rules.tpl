{{/* What the operator may do: the verbs that its code uses, no wildcards, and nothing on Secrets. */}}

{{/* In every namespace that it watches. */}}
{{- define "fairlead.namespaceRules" -}}
- apiGroups: [fairlead.dev]
  resources: [modeldeployments]
  verbs: [get, list, watch]
- apiGroups: [fairlead.dev]
  resources: [modeldeployments/status]
  verbs: [patch]
- apiGroups: [apps]
  resources: [controllerrevisions, deployments]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [apps]
  resources: [deployments/scale]
  verbs: [patch]
- apiGroups: [""]
  resources: [serviceaccounts, services]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [keda.sh]
  resources: [scaledobjects]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors, prometheusrules]
  verbs: [get, list, watch, create, update, patch, delete]
{{- if .Values.monitoring.configMaps }}
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, update, patch, delete]
{{- end }}
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
{{- if eq .Values.podAccess "Proxy" }}
- apiGroups: [""]
  resources: [pods/proxy]
  verbs: [get]
{{- end }}
{{- /* What the kubelet tells of a pod that does not start; without this right less is said. */}}
- apiGroups: [""]
  resources: [events]
  verbs: [list]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}

{{/* In the whole cluster: ModelRuntimes are cluster-scoped. */}}
{{- define "fairlead.clusterRules" -}}
- apiGroups: [fairlead.dev]
  resources: [modelruntimes]
  verbs: [get, list, watch]
{{- end }}

{{/* In its own namespace: the Lease. A request to create names no object, so that right cannot be narrowed. */}}
{{- define "fairlead.leaseRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "fairlead.leaseName" . }}]
  verbs: [get, patch]
{{- end }}

{{/* A binding of the role `name` to the operator. Call it with a dict: root, kind of the role, name, namespace or none. */}}
{{- define "fairlead.binding" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}Binding
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  {{- include "fairlead.metadata" (dict "root" .root) | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ .name }}
subjects:
- kind: ServiceAccount
  name: {{ include "fairlead.serviceAccountName" .root }}
  namespace: {{ .root.Release.Namespace }}
{{- end }}
