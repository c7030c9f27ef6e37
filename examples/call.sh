#!/usr/bin/env bash
# A call through the cluster of `npm start`: 1002 registers and answers, 1001 calls, talks and hangs up. Both by digest.
# Usage: examples/call.sh [RING_SECONDS [TALK_SECONDS [SERVER]]]      default: 3 5 127.0.0.1:5060
set -euo pipefail
cd "$(dirname "$0")/sipp"
ring=${1:-3} talk=${2:-5} server=${3:-127.0.0.1:5060}
command -v sipp >/dev/null || { echo 'sipp is missing: apt-get install sip-tester' >&2; exit 69; }

scratch=$(mktemp -d)
phone=''
trap 'if [[ -n $phone ]]; then kill "$phone" 2>/dev/null || true; fi; rm -rf "$scratch"' EXIT
# sipp draws on its screen; what counts is its exit code. The limit is for a server that never answers.
limit=$((ring + talk + 40))
sipp() { command timeout "$limit" sipp "$@" -i 127.0.0.1 -m 1 -nostdin -trace_err -error_file "$scratch/errors" >"$scratch/screen" 2>&1; }
fail() {
  echo "$1" >&2
  head -n 20 "$scratch/errors" >&2 2>/dev/null || true
  exit 1
}

echo "1002 registers at $server"
sipp "$server" -sf register.xml -s 1002 -au 1002 -ap carillon -p 5071 -key contact_port 5072 || fail 'no registration'
timeout "$limit" sipp "$server" -sf answer.xml -p 5072 -d $((ring * 1000)) -i 127.0.0.1 -m 1 -nostdin >/dev/null 2>&1 &
phone=$!
echo "1001 calls 1002: rings $ring s, talks $talk s"
sipp "$server" -sf call.xml -s 1002 -key caller 1001 -au 1001 -ap carillon -p 5073 -d $((talk * 1000)) || fail 'the call failed'
wait "$phone" || fail 'the called phone saw no proper end of the call'
phone=''
echo 'The call was answered and ended in order.'
