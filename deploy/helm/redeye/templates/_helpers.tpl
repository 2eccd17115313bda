{{- define "redeye.name" -}}
{{- $name := ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) -}}
{{- default $name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "redeye.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "redeye.labels" -}}
{{ include "redeye.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "redeye.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "redeye.name" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "redeye.priorityClass" -}}
{{- if .Values.priorityClass.create -}}
{{- default (include "redeye.name" .) .Values.priorityClass.name -}}
{{- else -}}
{{- .Values.priorityClass.name -}}
{{- end -}}
{{- end }}

{{- define "redeye.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository $tag -}}
{{- end -}}
{{- end }}

{{- /* "true" when `config` says what to watch; what it does not say is every process. */ -}}
{{- define "redeye.selects" -}}
{{- range list "port" "exe" "pid" "cgroup" "k8s-namespace" "k8s-label" "k8s-annotation" "image" "all" -}}
{{- if hasKey $.Values.config . -}}true{{- end -}}
{{- end -}}
{{- end }}

{{- define "redeye.config" -}}
{{- $own := dict "listen" (printf "%s:%v" .Values.listenAddress .Values.port) -}}
{{- if not (include "redeye.selects" .) -}}
{{- $_ := set $own "all" true -}}
{{- end -}}
{{- toYaml (merge $own .Values.config) -}}
{{- end }}

{{- define "redeye.scheme" -}}
{{- ternary "HTTPS" "HTTP" (ne .Values.tls.existingSecret "") -}}
{{- end }}

{{- define "redeye.securityContext" -}}
runAsUser: 0
runAsGroup: 0
privileged: {{ .Values.privileged }}
readOnlyRootFilesystem: true
{{- if not .Values.privileged }}
allowPrivilegeEscalation: {{ has "SYS_ADMIN" .Values.capabilities }}
capabilities:
  drop: [ALL]
  add:
    {{- toYaml .Values.capabilities | nindent 4 }}
seccompProfile:
  {{- toYaml .Values.seccompProfile | nindent 2 }}
appArmorProfile:
  {{- toYaml .Values.appArmorProfile | nindent 2 }}
seLinuxOptions:
  {{- toYaml .Values.seLinuxOptions | nindent 2 }}
{{- end }}
{{- end }}

{{- define "redeye.resourceAttributes" -}}
{{- $members := list -}}
{{- range $key, $value := .Values.resourceAttributes -}}
{{- $members = append $members (printf "%s=%s" $key $value) -}}
{{- end -}}
{{- join "," $members -}}
{{- end }}

{{- /* What PodMonitor and ServiceMonitor have in common: (list . VALUES) */ -}}
{{- define "redeye.endpoint" -}}
{{- $ := index . 0 -}}
{{- $monitor := index . 1 -}}
port: metrics
path: /metrics
scheme: {{ include "redeye.scheme" $ | lower }}
# job and instance are those of the observed services.
honorLabels: true
{{- with $monitor.interval }}
interval: {{ . }}
{{- end }}
{{- with $monitor.scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- with $monitor.relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $.Values.token.existingSecret }}
authorization:
  type: Bearer
  credentials:
    name: {{ . }}
    key: {{ $.Values.token.key }}
{{- end }}
{{- if $.Values.tls.existingSecret }}
tlsConfig:
  # The Secret's own authority. Targets are addresses, certificates are for a name.
  ca:
    secret:
      name: {{ $.Values.tls.existingSecret }}
      key: ca.crt
  serverName: {{ include "redeye.name" $ }}.{{ $.Release.Namespace }}.svc
{{- end }}
{{- end }}
