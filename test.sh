#!/usr/bin/env bash
# Builds everything from nothing and runs every test. The last line is the total: "N passed, N failed[, N skipped]".
#
#   ./test.sh           a tenth of the seeds of the long scenarios
#   ./test.sh --full    all seeds
#
# As root on Linux the network tests build their own namespaces, and the Debian packages they need are installed when missing.
# Without root they skip, each with its reason. Nothing outlives the run but bin/ and obj/.
set -uo pipefail
cd "$(dirname "$0")" || exit 1

full=0
for argument in "$@"; do
  case "$argument" in
    --full) full=1 ;;
    -h|--help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "test.sh: unknown option '$argument' (there is only --full)" >&2; exit 2 ;;
  esac
done

passed=0 failed=0 skipped=0 running=''
failures=()

# A private temporary directory, so that a crashed test leaves no file behind. Kept short: Unix socket paths end at 107 bytes.
scratch=$(mktemp -d "${TMPDIR:-/tmp}/porthole.XXXXXX") || exit 1
export TMPDIR="$scratch"

# The build must not leave its helper processes (MSBuild nodes, the compiler server) running.
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

# Namespaces are named porthole-PID-STARTTIME-…; one whose owner no longer runs was left by a test process that was killed.
sweep_namespaces() {
  [ "$(id -u)" = 0 ] && command -v ip >/dev/null || return 0
  local name owner started process
  while read -r name _; do
    IFS=- read -r _ owner started _ <<<"$name"
    case "$owner$started" in ''|*[!0-9]*) continue ;; esac
    # Field 22 of /proc/PID/stat; the process name before it may hold blanks, so count from behind its closing bracket.
    [ "$(sed 's/.*) //' "/proc/$owner/stat" 2>/dev/null | cut -d' ' -f20)" = "$started" ] && continue
    for process in $(ip netns pids "$name" 2>/dev/null); do kill -KILL "$process" 2>/dev/null; done
    ip netns delete "$name" 2>/dev/null
    rm -rf "/etc/netns/$name"
  done < <(ip netns list 2>/dev/null | grep '^porthole-')
}

clean_up() {
  trap - EXIT INT TERM HUP
  if [ -n "$running" ]; then
    kill -TERM "$running" 2>/dev/null
    wait "$running" 2>/dev/null
  fi
  sweep_namespaces
  rm -rf "$scratch"
}

# What failed is said again at the end, where it is read first: each failure with the end of its output, then the names alone.
tell_failures() {
  local log
  for log in "${failures[@]}"; do
    echo "== failed in $(basename "$log" .log)"
    awk '
      function flush(  i) {
        if (!failing) return
        for (i = 1; i <= count; i++) {
          if (count > 80 && i == 41) print "      …"
          if (count <= 80 || i <= 40 || i > count - 40) print substr(lines[i], 1, 500)
        }
      }
      /^    [^ ].*\[(PASS|FAIL|SKIP)\]$/ || /^ +[A-Za-z.]+ +Total: [0-9]+/ { flush(); failing = /\[FAIL\]$/; count = 0 }
      !/^Ok, passed/ { lines[++count] = $0 }
      END { flush() }' "$log"
  done
  for log in "${failures[@]}"; do grep -E '^    [^ ].*\[FAIL\]$' "$log"; done
}

finish() {
  [ ${#failures[@]} -gt 0 ] && tell_failures
  clean_up
  if [ "$skipped" -gt 0 ]; then echo "$passed passed, $failed failed, $skipped skipped"; else echo "$passed passed, $failed failed"; fi
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
  exit
}

give_up() {
  echo "test.sh: $1" >&2
  failed=$((failed + 1))
  finish
}

trap clean_up EXIT
trap 'clean_up; echo "test.sh: interrupted" >&2; exit 130' INT TERM HUP

# Runs a command so that a signal reaches this script at once; `timeout` passes the end on to the whole process group.
bounded() {
  local limit=$1
  shift
  timeout --kill-after=15 "$limit" "$@" &
  running=$!
  wait "$running"
  local code=$?
  running=''
  return "$code"
}

install_tools() {
  [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
  local missing=()
  command -v ip >/dev/null || missing+=(iproute2)
  command -v nft >/dev/null || missing+=(nftables)
  command -v conntrack >/dev/null || missing+=(conntrack)
  command -v ps >/dev/null || missing+=(procps)
  command -v miniupnpd >/dev/null || missing+=(miniupnpd-nftables)
  command -v turnutils_natdiscovery >/dev/null || missing+=(coturn)
  command -v sshd >/dev/null || [ -x /usr/sbin/sshd ] || missing+=(openssh-server)
  command -v ssh >/dev/null || missing+=(openssh-client)
  command -v curl >/dev/null || missing+=(curl)
  command -v iperf3 >/dev/null || missing+=(iperf3)
  command -v redis-server >/dev/null || missing+=(redis-server redis-tools)
  command -v tmux >/dev/null || missing+=(tmux)
  /usr/bin/python3 -c 'import aioice' 2>/dev/null || missing+=(python3-aioice)
  [ ${#missing[@]} -eq 0 ] && return 0
  echo "== installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  if bounded 180 apt-get install -y -q --no-install-recommends "${missing[@]}" >"$scratch/apt" 2>&1 ||
    { bounded 120 apt-get update -q >"$scratch/apt" 2>&1 &&
      bounded 300 apt-get install -y -q --no-install-recommends "${missing[@]}" >"$scratch/apt" 2>&1; }; then
    # Where systemd runs, these packages start servers of their own, and at every boot again; the tests only want the programs.
    local service
    for service in coturn:coturn openssh-server:ssh redis-server:redis-server; do
      if [[ " ${missing[*]} " == *" ${service%:*} "* && -d /run/systemd/system ]]; then bounded 30 systemctl disable --quiet --now "${service#*:}"; fi
    done
    return 0
  fi
  tail -n 5 "$scratch/apt" >&2
  echo "test.sh: could not install ${missing[*]}; the tests that need them will be skipped" >&2
}

command -v dotnet >/dev/null || give_up "the .NET 10 SDK is not on the PATH (https://dotnet.microsoft.com/download)"
sweep_namespaces
install_tools

echo "== build"
bounded 600 dotnet restore Porthole.slnx --locked-mode --verbosity quiet || give_up "restore failed"
bounded 900 dotnet build Porthole.slnx --configuration Release --no-restore --verbosity quiet -warnaserror \
  -p:UseSharedCompilation=false --nologo || give_up "the build failed"
echo "   built after $SECONDS s"

# One project after the other: the simulations load every core by themselves (xunit runs their classes in parallel),
# and the tests on real sockets and namespaces, which hold a clock against the network, come last and have the machine alone.
projects=(Porthole.Protocol.Tests Porthole.Scenarios Porthole.Tests Porthole.NetworkTests)
for known in tests/*Tests/*.csproj; do
  known=$(basename "$known" .csproj)
  [[ " ${projects[*]} " == *" $known "* ]] || projects+=("$known")
done

limit=1080
if [ "$full" = 1 ]; then
  export PORTHOLE_FULL=1
  limit=7200
fi

for project in "${projects[@]}"; do
  echo "== $project"
  started=$SECONDS
  log="$scratch/$project.log"
  bounded "$limit" "tests/$project/bin/Release/net10.0/$project" -noColor -longRunning 60 >"$log" 2>&1 </dev/null
  code=$?
  # What tests that passed have written is left out.
  awk '/^ ? ? ? ?[^ ]/ { passing = /^    [^ ].*\[PASS\]$/ } !passing' "$log" |
    grep -v -E '^xUnit\.net v3|^Copyright|^  (Discover|Start|Finish)(ing|ed):|^=== TEST EXEC|^Ok, passed|^$'
  sweep_namespaces

  summary=$(grep -E '^ +[A-Za-z.]+ +Total: [0-9]+' "$log" | tail -n 1)
  if [ -z "$summary" ]; then
    if [ "$code" = 124 ]; then echo "test.sh: $project did not end within $limit s" >&2
    else echo "test.sh: $project ended without a summary (exit code $code)" >&2; fi
    failed=$((failed + 1))
    failures+=("$log")
    continue
  fi
  count() { sed -E "s/.*$1: ([0-9]+).*/\1/;t;s/.*/0/" <<<"$summary"; }
  bad=$(($(count Failed) + $(count Errors)))
  good=$(($(count Total) - $(count Failed) - $(count Skipped) - $(count 'Not Run')))
  skipped=$((skipped + $(count Skipped)))
  if [ "$(count Total)" = 0 ]; then
    echo "test.sh: $project ran no test" >&2
    bad=1
  elif [ "$code" != 0 ] && [ "$bad" = 0 ]; then
    echo "test.sh: $project reports no failure but ended with exit code $code" >&2
    bad=1
  fi
  passed=$((passed + good))
  failed=$((failed + bad))
  [ "$bad" -gt 0 ] && failures+=("$log")
  echo "   $((SECONDS - started)) s"
done

finish
