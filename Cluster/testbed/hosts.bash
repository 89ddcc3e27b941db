# Virtual hosts for `testbed`, which reads this file: how they are made, wired and taken down. Expects $state, the testbed's
# folder, its $prefix, the checkout's $root, and `fail`; bring_up also $hosts, $bandwidth, $rate, $delay and $tie.
#
# A host is a process in namespaces of its own (network, name, mounts, processes), and nothing else: when that process ends, the
# kernel ends all that runs on the host and takes its network away. One more host, the head, is the switch and runs mpirun.
# shellcheck shell=bash disable=SC2154

# What the process that is a host does: says who it is, takes its name, then lives until it is killed. It is its host's init, and
# waits for orphans as one; the head has this machine's processes and so none of its own.
readonly init='set -e
read -ra stat </proc/self/stat
echo "${stat[0]} ${stat[21]} ${stat[5]}" >"$1/host/$0"
if [[ $$ -eq 1 ]]; then mount -t proc proc /proc; fi
hostname "$0"
mount --bind "$1/hosts" /etc/hosts
ip link set lo up
echo ready
exec >/dev/null 2>&1
[[ $$ -eq 1 ]] || exec -a "$0 of $1" sleep infinity
while true; do sleep infinity || true; done'

# Whether the kernel can do what is asked, before anything is made.
check_kernel() {
  local why
  why=$(unshare --net --uts --mount --pid --fork true 2>&1) || fail 70 "this machine lets nobody make network namespaces: $why"
  [[ $rate -eq 0 ]] || unshare --net tc qdisc add dev lo root tbf rate 1mbit burst 100000 limit 100000 2>/dev/null ||
    fail 64 "--bandwidth $bandwidth: this kernel has no tbf (CONFIG_NET_SCH_TBF)"
  [[ -z $delay ]] || unshare --net tc qdisc add dev lo root netem delay 1ms 2>/dev/null ||
    fail 64 "--delay $delay: this kernel has no netem (CONFIG_NET_SCH_NETEM)"
}

# Makes the testbed in $state.
bring_up() {
  local k
  mkdir "$state/host" "$state/tmp"
  echo "$bandwidth" >"$state/bandwidth"
  printf '127.0.0.1 localhost\n10.0.0.254 head\n' >"$state/hosts"
  for ((k = 1; k <= hosts; k++)); do echo "10.0.0.$k host$k"; done >>"$state/hosts"
  write_agent
  start head
  net head ip link add name switch type bridge
  net head ip address add 10.0.0.254/24 dev switch
  net head ip link set switch up
  for ((k = 1; k <= hosts; k++)); do
    start "host$k" --pid --fork --kill-child
    plug "host$k" "10.0.0.$k"
  done
  heed
}

# Starts a host, out of reach of this terminal's signals and with no file of this script's; `unshare` gets the options that follow
# its name.
start() {  # HOST OPTIONS...
  local host=$1 ready answer
  shift
  exec {ready}< <(close_files && exec setsid "${tie[@]}" unshare --net --uts --mount --propagation slave "$@" \
    bash -c "$init" "$host" "$state" </dev/null 2>"$state/errors")
  read -r -u "$ready" answer || fail 70 "$host could not be made: $(tail -n 1 "$state/errors")"
  exec {ready}<&-
  heed
}

# A host must not hold on to a lock, or to a pipe that someone reads to its end.
close_files() {
  local file
  for file in "/proc/$BASHPID/fd"/*; do
    file=${file##*/}
    if [[ $file -gt 2 ]]; then exec {file}>&-; fi
  done
}

# The interface eth0 of a host, a cable, and the port of the switch that has the host's name.
plug() {  # HOST ADDRESS
  net head ip link add name "$1" type veth peer name eth0 netns "$(process "$1")"
  net "$1" ip address add "$2/24" dev eth0
  net "$1" ip link set eth0 up
  net head ip link set "$1" master switch up
  limit "$1" eth0 "$delay"
  limit head "$1" ''
}

# Limits what leaves an interface. The queue is a switch's, 50 ms and 128 KB at least. The bucket is small, 0.5 ms, as what a training
# step sends is small too and must not pass unhindered.
limit() {  # HOST INTERFACE DELAY
  local place=(root) bytes=$((rate / 8))
  if [[ -n $3 ]]; then
    net "$1" tc qdisc add dev "$2" root handle 1: netem delay "$3ms" limit 100000
    place=(parent 1:1)
  fi
  if [[ $rate -gt 0 ]]; then
    net "$1" tc qdisc add dev "$2" "${place[@]}" tbf rate "${rate}bit" \
      burst $((bytes / 2000 > 16000 ? bytes / 2000 : 16000)) limit $((bytes / 20 > 131072 ? bytes / 20 : 131072))
  fi
}

# mpirun's way to a host, in the place of ssh, as poor in environment, and lost without a cable.
write_agent() {
  local testbed
  printf -v testbed '%q' "$root/Cluster/testbed/testbed"
  cat >"$state/agent" <<TEXT
#!/usr/bin/env bash
while [[ \$1 == -* ]]; do shift; done
host=\$1
shift
if [[ \$(ip -br link show "\$host") != *' UP '* ]]; then echo "\$host: no route to host" >&2 && exit 255; fi
exec $testbed exec --name "${state#"$prefix"}" "\$host" \\
  env -i HOME="\$HOME" PATH="\$PATH" LD_LIBRARY_PATH="\${LD_LIBRARY_PATH-}" bash -c "\$*"
TEXT
  chmod +x "$state/agent"
}

# Runs a command in a host's network, but with this machine's files and processes.
net() {  # HOST COMMAND...
  local host=$1 process
  shift
  process=$(process "$host") || ended "$host"
  nsenter --target "$process" --net "$@" 2>"$state/errors" && return
  heed
  fail 70 "$host: '$*' failed: $(tail -n 1 "$state/errors")"
}

# Becomes a command on a host, in this folder.
enter() {  # HOST COMMAND...
  local host=$1 process kinds=(--net --uts --mount)
  shift
  process=$(process "$host") || ended "$host"
  if [[ $host != head ]]; then kinds+=(--pid); fi
  # shellcheck disable=SC2016
  exec nsenter --target "$process" "${kinds[@]}" bash -c 'cd "$1" && shift && exec "$@"' testbed "$PWD" "$@"
}

# The process that is a host; fails if it has ended. Another process with its number has started at another time.
process() {  # HOST
  local number start fields
  { read -r number start _ <"$state/host/$1"; } 2>/dev/null && look "$number" &&
    [[ ${fields[19]} == "$start" && ${fields[0]} != Z ]] && echo "$number"
}

ended() {  # HOST
  heed
  fail 70 "$1 has ended; \`testbed down\` removes what is left"
}

# Sets `fields` to what /proc says of a process, from its state on: the parent is [1], the session [3], the time of its start [19].
look() {  # PROCESS
  local text
  { read -r text <"/proc/$1/stat"; } 2>/dev/null && read -ra fields <<<"${text##*) }"
}

# What runs on a host, but for what makes it a host.
processes() {  # HOST
  local host session entry fields
  host=$(process "$1") || return 0
  read -r _ _ session <"$state/host/$1"
  for entry in /proc/[0-9]*; do
    if [[ $entry/ns/net -ef /proc/$host/ns/net ]] && look "${entry#/proc/}" && [[ ${fields[3]} != "$session" ]]; then
      echo "${entry#/proc/}"
    fi
  done
}

# Ends all that runs on the testbed in $state and removes it.
take_down() {
  local jobs job host number fields
  trap '' INT TERM HUP
  # Who started a job is told first, and has fifteen seconds to end it in good order.
  jobs=$(processes head)
  for job in $jobs; do
    if look "$job" && ! grep -qx "${fields[1]}" <<<"$jobs"; then kill -TERM "$job" 2>/dev/null || true; fi
  done
  for _ in {1..150}; do
    [[ -n $(processes head) ]] || break
    sleep 0.1
  done
  for job in $(processes head); do kill -KILL "$job" 2>/dev/null || true; done
  for host in "$state"/host/*; do
    number=$(process "${host##*/}") || continue
    kill -KILL "$number" 2>/dev/null || true
    while process "${host##*/}" >/dev/null; do sleep 0.01; done
  done
  rm -rf --one-file-system "$state"
}
