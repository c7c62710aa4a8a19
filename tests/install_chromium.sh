#!/usr/bin/env bash
# Installs Chromium from Debian's packages, for tests/explain/
# test_report_in_browser.py, which is skipped without one.
set -euo pipefail

for program in chromium chromium-browser google-chrome chrome; do
  if command -v "$program" >/dev/null; then
    exit 0
  fi
done
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "No Chromium, and no right to install one: its test is skipped." >&2
  exit 0
fi
if ! { apt-get update -qq && apt-get install -y -qq chromium; }; then
  echo "Chromium could not be installed: its test is skipped." >&2
fi
