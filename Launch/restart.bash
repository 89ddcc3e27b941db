# What Launch/heartwood, which reads this file, does between a job that lost a rank or a host and the next: it asks the hosts whether
# they are there, removes what the dead job left on them, says what it is going to do, and waits. Expects what that script makes of
# its options, and what job.bash found.
# shellcheck shell=bash disable=SC2154

answering=''  # a hostfile of the hosts that answer, once one did not
silent=()

prepare_restart() {
  local wait=$((restart < 6 ? 1 << (restart - 1) : 30)) what=${reason%"$stopped"}
  ask_hosts "$family"
  what=${what:+$what; }
  if [[ ${#silent[@]} -gt 0 ]]; then
    # Ranks on a host out of reach must not go on beside the new ones: their watchdogs end them.
    if [[ $wait -lt $(watchdog) ]]; then wait=$(watchdog); fi
    say "${what}restart $restart of $restarts in $wait s, when ranks out of reach have ended by themselves"
  else
    say "${what}restart $restart of $restarts in $wait s"
  fi
  pause "$wait"
  if [[ ${#silent[@]} -gt 0 ]]; then ask_hosts; fi
  leave_out_silent
}

# Seconds after which a rank that makes no progress has ended.
watchdog() {
  local seconds=${HEARTWOOD_WATCHDOG-}
  if [[ ! $seconds =~ ^[1-9][0-9]{0,5}$ ]]; then seconds=60; fi
  echo $((seconds + 6))  # one that waits for others leaves them that much to say why
}

# Waits; a signal ends the wait, and the command.
pause() {  # SECONDS
  local sleeper
  sleep "$1" &
  sleeper=$!
  if [[ -z $signal ]]; then wait "$sleeper" || true; fi
  [[ -n $signal ]] || return 0
  # What bash has to say about a job that was killed is of no use here.
  exec {stderr}>&2 2>/dev/null
  kill "$sleeper" && wait "$sleeper" || true
  exec 2>&"$stderr"
  fail 75 "stopped by SIG$signal before restart $restart of $restarts; with --resume the command goes on"
}

# Makes the next job's hostfile of those that answer, whatever became of the last one's.
leave_out_silent() {
  local files=(${given[@]+"${given[@]}"})
  hostfiles=(${files[@]+"${files[@]}"})
  [[ ${#silent[@]} -gt 0 ]] || return 0
  answering=${answering:-$(mktemp)}
  awk -v "silent= ${silent[*]} " '{ host = $1; sub(/#.*/, "", host) } host != "" && !index(silent, " " host " ")' \
    "${files[@]}" >"$answering"
  [[ -s $answering ]] || fail 71 "no host of ${files[*]} answers$stopped"
  say "going on without ${silent[*]}: no answer"
  hostfiles=("$answering")
  # The others may have more ranks than cores now.
  share_cores
}

# Sets `silent` to the hosts that do not answer within 5 s. Those that do remove what is left there of the job of that number.
ask_hosts() {  # [FAMILY]
  local host hosts asking=() k task=true
  if [[ -n ${1-} ]]; then task=$(cleaning "$1"); fi
  mapfile -t hosts < <(awk '{ sub(/#.*/, "") } NF && !known[$1]++ { print $1 }' /dev/null ${given[@]+"${given[@]}"})
  for host in ${hosts[@]+"${hosts[@]}"}; do
    ask "$host" "$task" </dev/null &>/dev/null &
    asking+=($!)
  done
  silent=()
  for k in "${!asking[@]}"; do
    wait "${asking[k]}" || silent+=("${hosts[k]}")
  done
}

# Runs a command on a host, by mpirun's own way there.
ask() {  # HOST COMMAND
  local agent
  read -ra agent <<<"$(agent)"
  case $1 in
    localhost | 127.0.0.1 | "$(hostname)" | "$(hostname -s)") agent=() ;;
  esac
  if [[ ${#agent[@]} -eq 0 ]]; then
    exec timeout 5 sh -c "$2"
  elif [[ ${agent[0]##*/} == ssh ]]; then
    exec timeout 5 "${agent[@]}" -o BatchMode=yes "$1" "$2"
  else
    exec timeout 5 "${agent[@]}" "$1" "$2"
  fi
}
