{{- define "jenkins.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}
{{- end }}

{{- define "jenkins.account" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "jenkins.fullname" .) .Values.serviceAccount.name }}{{ else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{- define "jenkins.select" -}}
app.kubernetes.io/component: jenkins-controller
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "jenkins.labels" -}}
{{ include "jenkins.select" . }}
app.kubernetes.io/name: jenkins
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
