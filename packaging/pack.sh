#!/usr/bin/env bash
# Builds the four packages: Porthole, Porthole.AspNetCore, Porthole.Testing and the tool Porthole.Tool, each with its symbols.
#
#   packaging/pack.sh [--output DIR] [--no-build] [--version VERSION]
#
#   --output DIR        where the packages go (default: artifacts/packages); packages of earlier runs are removed from there
#   --no-build          packs what `dotnet build -c Release` has built
#   --version VERSION   the packages' version, for trials (default: that of Directory.Build.props)
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd) || exit 1

output="$root/artifacts/packages" options=()
complain() { echo "pack.sh: $1" >&2; exit "${2:-1}"; }
while [ $# -gt 0 ]; do
  case "$1" in
    --output) [ $# -ge 2 ] || complain "--output needs a folder" 2; output=$2; shift 2 ;;
    --no-build) options+=(--no-build); shift ;;
    --version) [ $# -ge 2 ] || complain "--version needs a version" 2; options+=("-p:PackageVersion=$2"); shift 2 ;;
    -h|--help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) complain "unknown option '$1' (see --help)" 2 ;;
  esac
done
command -v dotnet >/dev/null || complain "the .NET 10 SDK is not on the PATH"
mkdir -p "$output" && output=$(cd "$output" && pwd) || complain "cannot write to $output"
rm -f "$output"/Porthole.*.nupkg "$output"/Porthole.*.snupkg

# The build must not leave its helper processes (MSBuild nodes, the compiler server) running.
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
dotnet pack "$root/packaging/Packages.slnx" --configuration Release --verbosity quiet -warnaserror \
  -p:UseSharedCompilation=false "-p:PackageOutputPath=$output" "${options[@]}" || complain "packing failed"
ls "$output"
