#!/usr/bin/env bash
# Tells by its exit status whether every model can be asked.
#
#   ready.sh MODEL...
#
# Reads the state of the version with the label stable. The HTTP status alone
# is 200 for a version that failed, too. The server's image has no curl.
#
#   LABEL  another label; empty for any version
#   PORT   REST port on this machine, 8501 by default
set -euo pipefail

if [ $# -eq 0 ]; then
  echo "usage: ready.sh MODEL..." >&2
  exit 2
fi

label=${LABEL-stable}
for model in "$@"; do
  path="/v1/models/$model${label:+/labels/$label}"
  exec 3<> "/dev/tcp/127.0.0.1/${PORT:-8501}"
  printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$path" >&3
  answer=$(timeout 4 cat <&3 || true)
  exec 3>&-
  if ! grep -Eq '"state": *"AVAILABLE"' <<< "$answer"; then
    echo "$path is not available: ${answer##*$'\r\n\r\n'}" >&2
    exit 1
  fi
done
