#!/usr/bin/env bash
# Builds the image of the Dockerfile without Docker, looks at it, and runs a job in it, confined as the compose files
# confine it: buildah with chroot isolation, on a base made here (debootstrap, this machine's Node and npm). Needs
# root, buildah, debootstrap and Debian or its like; where one is missing it says so and exits with 0, unless
# REQUIRE_IMAGE=1. Takes about a minute and 3 GB under TMPDIR, which it removes.
#
#   test/image/test.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Layers of our own, uncompressed.
limit_mb=60

say() {
  echo "test/image: $*"
}

fail() {
  say "FAILED: $*" >&2
  exit 1
}

skip() {
  [[ ${REQUIRE_IMAGE:-} != 1 ]] || fail "REQUIRE_IMAGE=1, but $*"
  say "skipped: $*"
  exit 0
}

[[ $(id -u) == 0 ]] || skip "it needs root"
for command in buildah debootstrap node npm; do
  command -v "$command" >/dev/null || skip "there is no $command"
done
test/deploy/confined.sh / 65534:65534 -- true 2>/dev/null || skip "this machine makes no mount namespaces, or no overlays"

work=$(mktemp -d)
pids=()
finish() {
  [[ ${#pids[@]} == 0 ]] || kill "${pids[@]}" 2>/dev/null || true
  wait
  builder unmount --all >/dev/null 2>&1 || true
  rm -rf --one-file-system "$work"
}
trap finish EXIT

# Overlays where the kernel has them for this folder; vfs copies everything, which takes longer.
driver=overlay
buildah --root "$work/try" --runroot "$work/try-run" --storage-driver overlay info >/dev/null 2>&1 || driver=vfs
builder() {
  buildah --root "$work/storage" --runroot "$work/run" --storage-driver "$driver" "$@"
}

# --- a base image, in place of node:24-slim
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
say "making a base: Debian $suite, Node $(node --version), npm $(npm --version 2>/dev/null)"
base=$work/base
debootstrap --variant=minbase --include=ca-certificates "$suite" "$base" >"$work/debootstrap.log" 2>&1 ||
  { tail -n 5 "$work/debootstrap.log" >&2; fail "debootstrap"; }
install -m 755 "$(node -p process.execPath)" "$base/usr/local/bin/node"
mkdir -p "$base/usr/local/lib/node_modules"
npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
cp -r "$npm" "$base/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$base/usr/local/bin/npm"
# Where the build lends it something: made in the base, so that no layer of ours has the mount points.
touch "$base/root/.npmrc" "$base/run/ca.pem"

builder from --name base scratch >/dev/null || skip "buildah does not run here"
builder add --quiet base "$base" / >/dev/null
rm -rf --one-file-system "$base"
builder commit --quiet --rm base localhost/base >/dev/null

# --- the build; how this machine reaches the npm registry is lent to it, and stays out of the image
cp "${NPM_CONFIG_USERCONFIG:-$HOME/.npmrc}" "$work/npmrc" 2>/dev/null || touch "$work/npmrc"
cat /etc/ssl/certs/ca-certificates.crt "${NODE_EXTRA_CA_CERTS:-/dev/null}" >"$work/ca.pem"
echo "cafile=/run/ca.pem" >>"$work/npmrc"
say "building"
builder build --isolation chroot --format docker --build-arg BASE=localhost/base --tag localhost/millrace \
  --volume "$work/npmrc:/root/.npmrc:ro" --volume "$work/ca.pem:/run/ca.pem:ro" . >"$work/build.log" 2>&1 ||
  { tail -n 30 "$work/build.log" >&2; fail "the build"; }

# --- its layers
builder push --quiet --disable-compression localhost/millrace "dir:$work/layers" >/dev/null
builder push --quiet --disable-compression localhost/base "dir:$work/base-layers" >/dev/null
# shellcheck disable=SC2016 # the program of Node, here and below, expands what is its own
own=$(node -e '
  const { readFileSync, statSync } = require("node:fs");
  const layersOf = (folder) => JSON.parse(readFileSync(`${folder}/manifest.json`)).layers;
  const [folder, base] = process.argv.slice(1);
  const inBase = new Set(layersOf(base).map(({ digest }) => digest));
  const own = layersOf(folder).filter(({ digest }) => !inBase.has(digest));
  if (own.length === 0 || own.length === layersOf(folder).length) throw new Error("which layers are its own?");
  console.log(own.reduce((sum, { digest }) => sum + statSync(`${folder}/${digest.split(":")[1]}`).size, 0));
' "$work/layers" "$work/base-layers")
say "its own layers: $((own / 1000000)) MB of $limit_mb"
((own < limit_mb * 1000000)) || fail "its own layers have $own bytes, more than $limit_mb MB"

# --- what it says of itself
image_json=$work/image.json
builder inspect --type image localhost/millrace >"$image_json"
setting() {
  node -p "JSON.stringify(JSON.parse(require('node:fs').readFileSync('$image_json')).Docker.config.$1)"
}
[[ $(setting User) == '"1000:1000"' ]] || fail "its user is $(setting User)"
[[ $(setting Entrypoint) == '["node","/app/dist/cli/main.js"]' ]] || fail "its entry point is $(setting Entrypoint)"
[[ $(setting Healthcheck.Test) == '["CMD","node","/app/healthcheck.mjs"]' ]] ||
  fail "its health check is $(setting Healthcheck.Test)"

# --- a job in it: embedded Faktory, API and worker, each a container of its own but for the network
builder from --name run localhost/millrace >/dev/null
root=$(builder mount run)
for unwanted in /root/.npmrc /run/ca.pem /app/.env /app/src /app/.git; do
  [[ ! -s $root$unwanted ]] || fail "$unwanted came in"
done
cat >"$work/handlers.ts" <<'HANDLERS'
import { Worker } from 'millrace';

export default function handlers(worker: Worker): void {
  // Of the package that runs this, not of a second copy.
  const same = worker instanceof Worker;
  worker.register('add', ({ a, b }: { a: number; b: number }) => console.log(`sum ${a + b} ${same}`));
}
HANDLERS
chmod 755 "$work"
chmod 644 "$work/handlers.ts"

free_port() {
  node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}
faktory_port=$(free_port) api_port=$(free_port) metrics_port=$(free_port)

# The image's environment, then the container's: as `docker run --env`.
in_image() {
  local settings=()
  while [[ $1 == *=* ]]; do
    settings+=("$1")
    shift
  done
  mapfile -t image_env < <(node -p "JSON.parse(require('node:fs').readFileSync('$image_json')).Docker.config.Env.join('\n')")
  exec env --ignore-environment "${image_env[@]}" "${settings[@]}" \
    test/deploy/confined.sh "$root" 1000:1000 "$work/handlers.ts:/handlers/handlers.ts:ro" -- "$@"
}
millrace=(node /app/dist/cli/main.js)

# shellcheck disable=SC2016
(in_image sh -c 'echo "$(id -u) $NODE_ENV $WORKER_CONCURRENCY"; ! touch /app/x 2>/dev/null; touch /tmp/x' >"$work/env.log")
[[ $(<"$work/env.log") == "1000 production " ]] || fail "its shell says $(<"$work/env.log")"
[[ $( (in_image WORKER_CONCURRENCY=50 env) | grep WORKER_CONCURRENCY) == WORKER_CONCURRENCY=50 ]] || fail "env"

start() {
  local name=$1
  shift
  (in_image "$@" >"$work/$name.log" 2>&1) &
  pids+=($!)
}

# Looks until a command succeeds, for a minute at most.
until_true() {
  local what=$1 tries=0
  shift
  until "$@"; do
    ((tries++ < 600)) || { tail -n 20 "$work"/*.log >&2; fail "waited a minute for $what"; }
    sleep 0.1
  done
}
healthy() {
  (in_image "$1" node /app/healthcheck.mjs)
}

link=FAKTORY_URL=tcp://127.0.0.1:$faktory_port
# The embedded Faktory refuses to run in production, as which the image runs: so it is told otherwise.
# They share one network here, as containers do not: each needs a METRICS_PORT of its own, or none.
start faktory NODE_ENV=development METRICS_PORT= "${millrace[@]}" faktory --port "$faktory_port"
start api "$link" METRICS_PORT= "API_PORT=$api_port" "${millrace[@]}" api
start worker "$link" "METRICS_PORT=$metrics_port" HANDLERS_FILE=/handlers/handlers.ts "${millrace[@]}" worker
until_true "the API to be healthy" healthy "API_PORT=$api_port"
until_true "the worker to be healthy" healthy "METRICS_PORT=$metrics_port"
# shellcheck disable=SC2016
node -e 'fetch(process.argv[1], { method: "POST", body: `{"a": 1, "b": 2}` }).then((answer) => process.exit(answer.ok ? 0 : 1))' \
  "http://127.0.0.1:$api_port/jobs/add" || fail "the API did not take the job"
until_true "the job to be done" grep -q "^sum 3 true$" "$work/worker.log"
grep -q "Concurrency: 500 jobs per worker" "$work/worker.log" || fail "no line of the concurrency"

for pid in "${pids[@]:1}"; do
  kill -TERM "$pid"
  wait "$pid" || fail "a process did not stop with exit code 0: $(tail -n 5 "$work"/{api,worker}.log)"
done
pids=("${pids[0]}")
say "passed: built, $((own / 1000000)) MB of its own, ran a job as uid 1000 on a read-only root, stopped cleanly"
