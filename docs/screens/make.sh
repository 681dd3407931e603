#!/usr/bin/env bash
# Draws the pictures of this folder anew: the terminal tests drive the real programs in tmux, and keep what they see.
set -euo pipefail
cd "$(dirname "$0")/../.."
dotnet build --configuration Release --verbosity quiet --nologo tests/Porthole.NetworkTests
PORTHOLE_SCREENS="$PWD/docs/screens" tests/Porthole.NetworkTests/bin/Release/net10.0/Porthole.NetworkTests -noColor \
  -class Porthole.NetworkTests.Terminal.ChatTerminalTests -class Porthole.NetworkTests.Transfer.TransferTerminalTests
