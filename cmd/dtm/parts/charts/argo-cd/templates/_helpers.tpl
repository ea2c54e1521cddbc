{{- define "argo-cd.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "argo-cd.fullname" -}}
{{- $name := include "argo-cd.name" . -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* argo-cd.select takes a list of the context and the name of a component. */}}
{{- define "argo-cd.select" -}}
app.kubernetes.io/name: {{ include "argo-cd.name" (first .) }}-{{ last . }}
app.kubernetes.io/instance: {{ (first .).Release.Name }}
{{- end }}

{{- define "argo-cd.labels" -}}
{{ include "argo-cd.select" . }}
app.kubernetes.io/component: {{ last . }}
app.kubernetes.io/part-of: argocd
app.kubernetes.io/managed-by: {{ (first .).Release.Service }}
helm.sh/chart: {{ (first .).Chart.Name }}-{{ (first .).Chart.Version }}
{{- end }}
