#!/usr/bin/env bash
# Shows how two peers behind NATs find a direct path: builds Porthole and runs `porthole demo`. Needs the .NET 10 SDK and no root.
# The exit code is the demo's: 0 only if the chat went directly from peer to peer.
set -uo pipefail
cd "$(dirname "$0")" || exit 1

if ! command -v dotnet >/dev/null || ! dotnet --list-sdks 2>/dev/null | grep -q '^10\.'; then
  echo "demo.sh: the .NET 10 SDK is not on the PATH. Get it from https://dotnet.microsoft.com/download, then run this again." >&2
  exit 1
fi

# The build must not leave its helper processes (MSBuild nodes, the compiler server) running.
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

echo "Building porthole (the first time takes a minute or two) ..."
if ! output=$(dotnet build src/Porthole.Cli --configuration Release --verbosity quiet --nologo -p:UseSharedCompilation=false 2>&1); then
  echo "$output" >&2
  echo "demo.sh: the build failed" >&2
  exit 1
fi

echo "Running: src/Porthole.Cli/bin/Release/net10.0/porthole demo"
src/Porthole.Cli/bin/Release/net10.0/porthole demo
