#!/usr/bin/env bash
# Builds load.cc against the TensorFlow of a Python environment, on Linux.
#
#     export/check/build.sh [PROGRAM]      default: export/check/build/load
#
# PYTHON and CXX choose the interpreter (python3) and the compiler (g++). The
# program finds TensorFlow's libraries where they lie now: build it anew after
# an upgrade.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=${1:-$here/build/load}
compiler=${CXX:-g++}

if ! command -v "$compiler" > /dev/null; then
  echo "There is no $compiler: install one (apt install g++) or set CXX." >&2
  exit 1
fi
found=$("${PYTHON:-python3}" - << 'END'
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf

print(tf.sysconfig.get_lib())
# Somebody else's headers give no warnings.
for flag in tf.sysconfig.get_compile_flags():
    print(flag.replace("-I", "-isystem", 1) if flag[:2] == "-I" else flag)
END
)
mapfile -t lines <<< "$found"
library=${lines[0]}
flags=("${lines[@]:1}")

mkdir -p "$(dirname "$program")"
# Little optimization: the time is TensorFlow's, and it compiles in seconds.
"$compiler" -O1 -Wall -Wno-deprecated-declarations "${flags[@]}" \
  "$here/load.cc" -o "$program.partial" \
  -L"$library" -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 \
  -Wl,-rpath,"$library"
mv "$program.partial" "$program"
echo "$program"
