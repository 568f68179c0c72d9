#!/usr/bin/env bash
# test/examples/kubernetes/run.sh: compares examples/kubernetes with the schemas of Kubernetes itself, of an old and of a
# new version, and has kubectl put the files together where there is one. Needs Python 3 with venv and pip; says so and
# is left out where there is none, fails then with REQUIRE_KUBERNETES_SCHEMAS=1. Takes ten seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
manifests=$(cd ../../../examples/kubernetes && pwd)

leave_out() {
  echo "LEFT OUT: the schemas of Kubernetes: $*" >&2
  [[ ${REQUIRE_KUBERNETES_SCHEMAS:-0} != 1 ]] || exit 1
  exit 0
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

command -v python3 >/dev/null || leave_out "no python3 on the PATH"
python3 -m venv "$work/venv" >"$work/log" 2>&1 || leave_out "python3 -m venv failed: $(tail -1 "$work/log")"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt >"$work/log" 2>&1 ||
  leave_out "pip could not install it: $(tail -1 "$work/log")"

# Kubernetes' own kinds; those of KEDA, of the Prometheus operator, of kustomize and of Helm have no schema there.
mapfile -t files < <(grep -LE '^apiVersion: (keda\.sh|monitoring\.coreos\.com|kustomize\.config\.k8s\.io)/' "$manifests"/*.yaml |
  grep -v -- -values.yaml)
((${#files[@]} > 5)) || {
  echo "found only ${#files[@]} manifests" >&2
  exit 1
}
if command -v kubectl >/dev/null; then
  kubectl kustomize "$manifests" >"$work/together.yaml"
  files+=("$work/together.yaml")
else
  echo "LEFT OUT: kustomization.yaml: no kubectl on the PATH" >&2
fi
for version in 1.29 1.37; do
  "$work/venv/bin/kubernetes-validate" --kubernetes-version "$version" --strict "${files[@]}" >"$work/log" 2>&1 || {
    sed "s|$manifests/||" "$work/log" >&2
    exit 1
  }
  echo "Kubernetes $version: $(grep -c ' passed for ' "$work/log") resources fit its schemas"
done
