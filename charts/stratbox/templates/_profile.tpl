{{/* SHA-256 of seccomp/sandbox.json, which lies outside the chart. Written by `make crds`; a test compares it with the operator's own. */}}
{{- define "stratbox.profileHash" -}}
b84e8b972161b0fdae9e8b73bbd83194ecd9bc8baefd95f0af9a91f24f6060cc
{{- end }}
