#!/usr/bin/env bash
# Builds the native binding of @tensorflow/tfjs-node-gpu against the TensorFlow C libraries of a PyPI wheel.
#
#   scripts/tfjs-build.sh [--cuda] [--wheel FILE] [--force]
#
#   --cuda        the CUDA build of TensorFlow and NVIDIA's CUDA wheels beside it (3 GB to download, 5.3 GB on disk); default: CPU only
#   --wheel FILE  a TensorFlow wheel that is already here (no index is asked for it; its checksum is printed, not checked)
#   --force       build even if a working binding of the same kind is there
#
# Needs: Linux with glibc, node, python3 with pip, a C++17 compiler. Node's headers, or npm's node-api-headers.
# Downloads are checked against the sha256 sums below. pip's own settings (PIP_INDEX_URL, PIP_FIND_LINKS, ...) apply.
# DPTUNE_TENSORFLOW_DIR: where the libraries are kept (default ~/.cache/dptune/tensorflow); the binding needs them
# there to run. Works with Node 20, 22 and 24: one binding, Node-API 8.
set -euo pipefail

say() { echo "tfjs-build: $*"; }
die() {
  echo "tfjs-build: $1" >&2
  shift
  for line in "$@"; do echo "            $line" >&2; done
  exit 1
}

tensorflow_version=2.21.0
tfjs_version=4.22.0
# Sums of the CPython 3.12 wheels on PyPI. Only C libraries are taken out, so the local Python's version does not matter.
sum_cpu_x86_64=dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb    # tensorflow-cpu
sum_cuda_x86_64=b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0   # tensorflow
sum_cpu_aarch64=b07d15737406533898e36c7ef7944b1be18e9028dc521b9229952c537bbc5552   # tensorflow (no CUDA on this platform)

kind=cpu wheel='' force=''
while [ $# -gt 0 ]; do
  case $1 in
    --cuda) kind=cuda ;;
    --wheel)
      [ $# -ge 2 ] || die '--wheel needs a file'
      wheel=$2
      shift
      ;;
    --force) force=1 ;;
    -h | --help)
      sed -n '2,15s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *) die "unknown option $1" 'known: --cuda, --wheel FILE, --force' ;;
  esac
  shift
done

# --- what must be here -------------------------------------------------------------------------------------------
arch=$(uname -m)
[ "$(uname -s)" = Linux ] || die "system=$(uname -s): only Linux is supported" 'the wasm backend works without a build'
case $kind-$arch in
  cpu-x86_64) dist=tensorflow-cpu sum=$sum_cpu_x86_64 ;;
  cuda-x86_64) dist=tensorflow sum=$sum_cuda_x86_64 ;;
  cpu-aarch64) dist=tensorflow sum=$sum_cpu_aarch64 ;;
  *) die "build=$kind machine=$arch: there is no such TensorFlow wheel" 'the wasm backend works without a build' ;;
esac
command -v node >/dev/null || die 'node is not on the PATH'
command -v python3 >/dev/null || die 'python3 is not on the PATH: it unpacks the TensorFlow wheel' \
  'install Python 3.8 or newer (Debian: apt-get install python3 python3-pip)'
cxx=${CXX:-}
for candidate in g++ c++ clang++; do
  [ -n "$cxx" ] || ! command -v "$candidate" >/dev/null || cxx=$candidate
done
[ -n "$cxx" ] && command -v "$cxx" >/dev/null || die 'no C++ compiler found (tried $CXX, g++, c++, clang++)' \
  'install one (Debian: apt-get install g++) or set CXX'
getconf GNU_LIBC_VERSION >/dev/null 2>&1 || die 'this C library is not glibc: TensorFlow has no wheel for it' \
  'use a glibc system (Debian, Ubuntu, RHEL), or the wasm backend, which needs no build'

root=$(cd "$(dirname "$0")/.." && pwd)
resolve() { (cd "$root" && node -p "require('node:path').dirname(require.resolve('$1/package.json'))" 2>/dev/null); }
pkg=$(resolve @tensorflow/tfjs-node-gpu) || die '@tensorflow/tfjs-node-gpu is not installed (npm drops an optional package whose download fails)' \
  "add it: npm install --no-save --ignore-scripts @tensorflow/tfjs-node-gpu@$tfjs_version"
[ -f "$pkg/binding/tfjs_backend.cc" ] || die "$pkg/binding holds no sources" \
  "add it again: npm install --no-save --ignore-scripts @tensorflow/tfjs-node-gpu@$tfjs_version"

headers=$(node -p "require('node:path').join(require('node:path').dirname(require('node:path').dirname(process.execPath)), 'include/node')")
if [ ! -f "$headers/node_api.h" ]; then
  headers=$(resolve node-api-headers)/include || headers=''
  [ -f "$headers/node_api.h" ] || die "no node_api.h beside $(command -v node), nor in npm's node-api-headers" \
    'add them: npm install --no-save node-api-headers (Debian: apt-get install libnode-dev)'
fi

# --- TensorFlow's C libraries ------------------------------------------------------------------------------------
cache=${DPTUNE_TENSORFLOW_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/dptune/tensorflow}
if [ -n "$wheel" ]; then
  [ -f "$wheel" ] || die "wheel=$wheel: no such file"
  wheel_sum=$(sha256sum "$wheel" | cut -d' ' -f1)
  [ "$wheel_sum" = "$sum" ] || say "note: $wheel is not the wheel that this script knows; sha256 $wheel_sum"
  libraries=$cache/$kind-$arch-${wheel_sum:0:16}
else
  libraries=$cache/$kind-$arch-$dist-$tensorflow_version
fi

loads() { # prints TensorFlow's version if the binding works in a process of its own
  TF_CPP_MIN_LOG_LEVEL=3 node -p "require(process.argv[1]).TF_Version" "$1" 2>/dev/null
}
out=$pkg/lib/napi-v8 stamp=$pkg/lib/napi-v8/built-against
if [ -z "$force" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$libraries" ] && version=$(loads "$out/tfjs_binding.node"); then
  say "already built: TensorFlow $version ($kind), $out/tfjs_binding.node"
  exit 0
fi

fetch() { # fetch DIR REQUIREMENT...: wheels for CPython 3.12 on this machine, without what they depend on
  local into=$1
  shift
  python3 -m pip --version >/dev/null 2>&1 || die 'python3 has no pip: it downloads the wheels' \
    'install it (Debian: apt-get install python3-pip), or give a wheel with --wheel FILE'
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --implementation cp \
    --python-version 3.12 --abi cp312 --abi abi3 --abi none --platform "manylinux_2_28_$arch" \
    --platform "manylinux_2_27_$arch" --platform "manylinux_2_17_$arch" --platform "manylinux2014_$arch" \
    --dest "$into" "$@" ||
    die "pip could not download: $*" 'behind a mirror set PIP_INDEX_URL; without a network give a wheel with --wheel FILE'
}

if [ ! -f "$libraries/complete" ]; then
  mkdir -p "$cache"
  unpacked=$(mktemp -d "$cache/unpack-XXXXXX")
  trap 'rm -rf "$unpacked"' EXIT
  if [ -z "$wheel" ]; then
    say "downloading $dist $tensorflow_version"
    echo "$dist==$tensorflow_version --hash=sha256:$sum" >"$unpacked/requirements.txt"
    fetch "$unpacked/wheels" --require-hashes --requirement "$unpacked/requirements.txt"
    wheel=$(echo "$unpacked"/wheels/*.whl)
  fi
  say 'unpacking the C libraries and headers'
  python3 - "$wheel" "$unpacked" "$unpacked/nvidia.txt" <<'PY'
import re, sys, zipfile
wheel, into, requirements = sys.argv[1:]
header = r'include/(tensorflow/c/(eager/)?[^/]+\.h|(tensorflow/(core|tsl)|tsl|xla/tsl)/(platform|c)/[^/]+\.h)'
wanted = re.compile(r'tensorflow/(libtensorflow_(cc|framework)\.so\.2|' + header + r'|THIRD_PARTY_NOTICES\.txt)$')
with zipfile.ZipFile(wheel) as archive:
    names = [n for n in archive.namelist() if wanted.match(n)]
    if not any(n.endswith('libtensorflow_cc.so.2') for n in names):
        sys.exit(f'tfjs-build: {wheel} holds no libtensorflow_cc.so.2; take TensorFlow 2.12 or newer, for Linux')
    archive.extractall(into, names)
    metadata = archive.read(next(n for n in archive.namelist() if n.endswith('.dist-info/METADATA'))).decode()
cuda = re.findall(r'^Requires-Dist: (nvidia-[^;]+?)\s*;\s*extra == ["\']and-cuda["\']', metadata, re.M)
with open(requirements, 'w') as file:
    file.write(''.join(c + '\n' for c in cuda))
PY
  rm -rf "$unpacked/wheels"
  if [ "$kind" = cuda ]; then
    # TensorFlow looks for NVIDIA's libraries in ../nvidia/*/lib beside itself (its RUNPATH), so no LD_LIBRARY_PATH is needed.
    say "downloading NVIDIA's CUDA libraries"
    fetch "$unpacked/wheels" --requirement "$unpacked/nvidia.txt"
    python3 - "$unpacked" "$unpacked"/wheels/*.whl <<'PY'
import os, sys, zipfile
into, *wheels = sys.argv[1:]
for wheel in wheels:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith('nvidia/') and '/include/' not in name:
                path = archive.extract(name, into)
                if '/bin/' in name:
                    os.chmod(path, 0o755)  # zipfile drops the mode
PY
    rm -rf "$unpacked/wheels"
  fi
  touch "$unpacked/complete"
  rm -rf "$libraries"
  mv "$unpacked" "$libraries"
  trap - EXIT
fi

# --- the binding -------------------------------------------------------------------------------------------------
say "compiling with $cxx"
tf=$libraries/tensorflow fresh=$out/fresh.node
mkdir -p "$out"
"$cxx" -shared -fPIC -O2 -std=c++17 -DNAPI_VERSION=8 -I"$headers" -I"$tf/include" \
  "$pkg/binding/tfjs_backend.cc" "$pkg/binding/tfjs_binding.cc" \
  -L"$tf" -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 -Wl,-rpath,"$tf" -o "$fresh" ||
  die 'the compiler failed (above)' "Node-API headers: $headers" "TensorFlow headers: $tf/include"
version=$(loads "$fresh") || {
  node -e "require(process.argv[1])" "$fresh" || true
  die 'the binding was built but does not load (above)' "libraries: $tf"
}
mv "$fresh" "$out/tfjs_binding.node"
echo "$libraries" >"$stamp"
say "built: TensorFlow $version ($kind), $out/tfjs_binding.node"
