#!/usr/bin/env bash
# Builds the real Faktory from its pinned Go modules into test/faktory/bin/ (ignored by git), for tests and
# benchmarks only: it is AGPL, so it is run, never copied. What is already built is left alone; a changed pin
# is built again. Safe to run twice at once: each build has a name of its own until it is complete.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

versions=(1.10.0 1.9.4)
mkdir -p bin

for version in "${versions[@]}"; do
  pin="v$version"
  binary="bin/faktory-$version"
  if [[ -x $binary && ! $pin/go.mod -nt $binary && ! $pin/go.sum -nt $binary ]]; then
    continue
  fi
  if ! command -v go >/dev/null; then
    echo "cannot build Faktory $version: no go on the PATH (install Go 1.26 or newer, or add its bin folder)" >&2
    exit 1
  fi
  echo "building Faktory $version (about 30 s, once)"
  partial="$PWD/$binary.$$"
  if ! output=$(cd "$pin" && CGO_ENABLED=0 GOWORK=off go build -mod=readonly -trimpath -o "$partial" \
    github.com/contribsys/faktory/cmd/faktory 2>&1); then
    rm -f "$partial"
    echo "$output" >&2
    echo "cannot build Faktory $version: go build failed, see above" >&2
    exit 1
  fi
  mv "$partial" "$binary"
done
