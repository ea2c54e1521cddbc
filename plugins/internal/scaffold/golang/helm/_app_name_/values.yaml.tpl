replicaCount: 1

image:
  repository: [[ printf "%q" .ImageRepo ]]
  # The version to run; empty for the chart's appVersion.
  tag: ""
  pullPolicy: IfNotPresent

imagePullSecrets: []

service:
  type: ClusterIP
  port: 80

# Where the service listens inside its container.
containerPort: 8080

resources:
  requests:
    cpu: 10m
    memory: 32Mi
  limits:
    memory: 128Mi
