#!/usr/bin/env bash
# test/api/schemathesis/run.sh: schemathesis makes some hundred requests of what /openapi.json says, good ones and bad
# ones, and compares what `millrace api` answers with what it promises. Needs `npm run build` and Python 3.10 with venv
# and pip; says so and is left out where there is none, fails then with REQUIRE_SCHEMATHESIS=1. Takes half a minute.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(cd ../../.. && pwd)

leave_out() {
  echo "LEFT OUT: schemathesis: $*" >&2
  [[ ${REQUIRE_SCHEMATHESIS:-0} != 1 ]] || exit 1
  exit 0
}

work=$(mktemp -d)
pids=()
clean_up() {
  [[ ${#pids[@]} == 0 ]] || kill "${pids[@]}" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

# SCHEMATHESIS names one that is there already.
schemathesis=${SCHEMATHESIS:-}
if [[ -z $schemathesis ]]; then
  command -v python3 >/dev/null || leave_out "no python3 on the PATH"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || leave_out "python3 is older than 3.10"
  python3 -m venv "$work/venv" >"$work/log" 2>&1 || leave_out "python3 -m venv failed: $(tail -1 "$work/log")"
  "$work/venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt >"$work/log" 2>&1 ||
    leave_out "pip could not install it: $(tail -1 "$work/log")"
  schemathesis=$work/venv/bin/schemathesis
fi

free_port() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'; }
faktory=$(free_port)
port=$(free_port)
token=schemathesis-$RANDOM$RANDOM$RANDOM
# Away from the repository and its .env.
cd "$work"
node "$root/dist/cli/main.js" faktory --port "$faktory" >faktory.log 2>&1 &
pids+=($!)
# Without Redis: keyed jobs are hashed to their queues, and nothing more.
FAKTORY_URL=tcp://127.0.0.1:$faktory PARTITIONS=4 API_HOST=127.0.0.1 API_PORT=$port API_TOKEN=$token LOG_PRETTY=false \
  node "$root/dist/cli/main.js" api >api.log 2>&1 &
pids+=($!)
for _ in $(seq 100); do
  curl -fs "http://127.0.0.1:$port/ready" >/dev/null && break
  sleep 0.1
done
curl -fsS "http://127.0.0.1:$port/ready" >/dev/null || {
  cat faktory.log api.log >&2
  exit 1
}

cp "$root/test/api/schemathesis/"{hooks.py,schemathesis.toml} .
status=0
"$schemathesis" --no-color --config-file schemathesis.toml run "http://127.0.0.1:$port/openapi.json" \
  --header "Authorization: Bearer $token" --phases examples,coverage,fuzzing --max-examples 25 --max-time 30 \
  --continue-on-failure --generation-deterministic || status=$?
# Nothing that came may have been a mistake of ours.
if grep -q '"level":50' api.log; then
  grep '"level":50' api.log >&2
  status=1
fi
exit "$status"
