#!/usr/bin/env bash
# Publishes the command as one file for each platform, with the runtime inside: porthole-PLATFORM in one folder, and SHA256SUMS beside them.
#
#   packaging/publish.sh [--output DIR] [--keep-going] [PLATFORM…]
#
#   --output DIR    where the files go (default: artifacts/publish)
#   --keep-going    a platform that cannot be published is named, and the others are tried all the same
#   PLATFORM        linux-x64, linux-arm64, win-x64, osx-arm64 (default: all four)
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd) || exit 1

output="$root/artifacts/publish" keep_going=0 platforms=()
complain() { echo "publish.sh: $1" >&2; exit "${2:-1}"; }
while [ $# -gt 0 ]; do
  case "$1" in
    --output) [ $# -ge 2 ] || complain "--output needs a folder" 2; output=$2; shift 2 ;;
    --keep-going) keep_going=1; shift ;;
    -h|--help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    linux-x64|linux-arm64|win-x64|osx-arm64) platforms+=("$1"); shift ;;
    *) complain "unknown option or platform '$1' (see --help)" 2 ;;
  esac
done
[ ${#platforms[@]} -gt 0 ] || platforms=(linux-x64 linux-arm64 win-x64 osx-arm64)
command -v dotnet >/dev/null || complain "the .NET 10 SDK is not on the PATH"
mkdir -p "$output" && output=$(cd "$output" && pwd) || complain "cannot write to $output"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/porthole.XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT

# The build must not leave its helper processes (MSBuild nodes, the compiler server) running.
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

published=() failed=()
for platform in "${platforms[@]}"; do
  suffix=''
  case "$platform" in win-*) suffix=.exe ;; esac
  rm -f "$output/porthole-$platform$suffix"
  if dotnet publish "$root/src/Porthole.Cli" --configuration Release --runtime "$platform" --self-contained --verbosity quiet -warnaserror --artifacts-path "$scratch/build" \
      -p:UseSharedCompilation=false -p:PublishSingleFile=true -p:IncludeNativeLibrariesForSelfExtract=true -p:DebugType=embedded \
      --output "$scratch/$platform" >"$scratch/log" 2>&1 && [ -f "$scratch/$platform/Porthole.Cli$suffix" ]; then
    mv "$scratch/$platform/Porthole.Cli$suffix" "$output/porthole-$platform$suffix"
    published+=("porthole-$platform$suffix")
    echo "porthole-$platform$suffix"
    continue
  fi
  reason=$(grep -m 1 -oE 'error [A-Z]+[0-9]+: .*' "$scratch/log" | sed -E 's/ \[[^]]*\]$//')
  echo "publish.sh: $platform was not published: ${reason:-$(tail -n 1 "$scratch/log")}" >&2
  failed+=("$platform")
  [ "$keep_going" = 1 ] || exit 1
done

[ ${#published[@]} -gt 0 ] || exit 1
if command -v sha256sum >/dev/null; then sum=(sha256sum); else sum=(shasum -a 256); fi
(cd "$output" && "${sum[@]}" "${published[@]}" >SHA256SUMS) || complain "could not write the checksums"
[ ${#failed[@]} -eq 0 ]
