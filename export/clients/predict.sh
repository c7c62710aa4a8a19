#!/usr/bin/env bash
# Asks the server with curl and prints its answer as JSON.
#
#   predict.sh MODEL FILE [SERVER]
#
#   FILE    a JPEG or PNG image for the signature image_bytes, or a request in
#           a file that ends in .json, as {"inputs": {"image": [[...]]}}
#   SERVER  REST port of the server, http://127.0.0.1:8501 by default
#   LABEL   (environment) label of the version, stable by default
set -euo pipefail

if [ $# -lt 2 ]; then
  echo "usage: predict.sh MODEL FILE [SERVER]" >&2
  exit 2
fi
model=$1
file=$2
server=${3:-http://127.0.0.1:8501}
url="$server/v1/models/$model/labels/${LABEL:-stable}:predict"

request() {
  case $file in
    *.json) cat -- "$file" ;;
    *)
      printf '{"signature_name": "image_bytes", '
      printf '"inputs": {"image_bytes": [{"b64": "'
      base64 < "$file" | tr -d '\n'
      printf '"}]}}'
      ;;
  esac
}

if [ ! -r "$file" ]; then
  echo "predict.sh: cannot read $file" >&2
  exit 2
fi
request | curl --fail-with-body --silent --show-error --max-time 30 \
  --header 'Content-Type: application/json' --data-binary @- "$url"
