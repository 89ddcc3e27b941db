# What Launch/heartwood, which reads this file, has to know of MPICH and its launcher Hydra: how a job is started, what mpiexec says,
# what a job leaves. openmpi.bash has the same functions.
# shellcheck shell=bash disable=SC2034,SC2154

# MARK: How a job is started

# UCX, under MPICH, logs on standard output if left alone, and takes over the signals of a crash, to print a stack trace.
export UCX_LOG_FILE=${UCX_LOG_FILE-stderr}
if [[ -z $verbose ]]; then export UCX_HANDLE_ERRORS=${UCX_HANDLE_ERRORS-none}; fi

prepare_mpi() {
  mpirun=mpiexec.hydra
  command -v "$mpirun" >/dev/null || fail 70 "$mpirun is not installed; HEARTWOOD_MPI=mpich Launch/setup installs it"
  # Shared memory alone, so that no time goes into looking for networks.
  if [[ -n $one_machine ]]; then
    export UCX_TLS=${UCX_TLS-self,sm}
    if [[ $ranks -gt $(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc) ]]; then share_cores; fi
  fi
}

# For more ranks than cores: see shim.c.
share_cores() { export CMPI_YIELD_WHEN_IDLE=1; }

# Puts mpiexec before `command`. Hydra hands the environment on. It does not tell which rank was lost: mpich-rank, around each, does.
launch() {
  local options=(-n "$ranks") die=()
  if [[ ${#hostfiles[@]} -gt 0 ]]; then
    # Open MPI's `host slots=2` is Hydra's `host:2`.
    hydra_hosts=${hydra_hosts:-$(mktemp)}
    awk '{
      sub(/#.*/, "")
      slots = match($0, /slots *= *[0-9]+/) ? substr($0, RSTART, RLENGTH) : ""
      sub(/.*= */, ":", slots)
      if (NF) print $1 slots
    }' "${hostfiles[@]}" >"$hydra_hosts"
    options+=(-f "$hydra_hosts")
  fi
  # A rank does not outlive Hydra's daemon on its host.
  if command -v setpriv >/dev/null; then die=(setpriv --pdeathsig KILL --); fi
  command=("$mpirun" "${options[@]}" "${die[@]}" "$root/Launch/mpich-rank" "${die[@]}" "${command[@]}")
}

# It hands TERM on to the ranks, which may not heed it. When it is gone, its daemons kill them.
end_job() { kill -KILL "$child" 2>/dev/null || true; }

# MARK: What mpiexec says

# Hydra has no blocks on standard error.
readonly rule=''
learn() { return 1; }
# Half seconds for the other ranks of one that has ended with an error. Then, or once all have, the job is ended, before Hydra prints a
# banner on standard output.
readonly grace=1
# Hydra's exit code is made up of those of all ranks: what was heard of them counts.
readonly mixes_codes=yes

failed='' stack=''

# Learns from a line, and fails if it is not Hydra's, UCX's, mpich-rank's or MPI_Abort's.
hear() {  # LINE
  local rank number host
  if [[ $1 =~ ^(.*)'heartwood: ended '([0-9]+)' '([0-9]+)' '([^ ]+)$ ]]; then
    read -r rank number host <<<"${BASH_REMATCH[*]:2}"
    if [[ -n ${BASH_REMATCH[1]} ]]; then pass "${BASH_REMATCH[1]}"; fi  # what the rank said last, without its line's end
    if [[ $number -gt 128 ]]; then
      echo "lost $rank $((number - 128)) $host"
    elif [[ $number -gt 0 && -z $failed ]]; then
      echo "exited $rank $number"
    fi
    if [[ $number -gt 0 ]]; then failed=yes; fi
    echo "ended $rank $number"
  elif [[ $1 =~ ^Abort\((-?[0-9]+)\)\ on\ node\ [0-9]+\ \(rank\ ([0-9]+)\ in\ comm ]]; then
    # MPICH's own error codes are no exit codes.
    number=$((BASH_REMATCH[1] < 256 ? BASH_REMATCH[1] : 1)) rank=${BASH_REMATCH[2]} failed=yes
    [[ $1 != *'error stack:' ]] || stack=yes
    echo "aborted $rank $number"
  elif [[ -n $stack && $1 =~ ^[A-Za-z_]+\([0-9]+\)\.*:\ +(.*) ]]; then
    # Of an error's stack the innermost line says what happened.
    if [[ -n ${BASH_REMATCH[1]} && ${BASH_REMATCH[1]} != *') failed' ]]; then pass "heartwood: MPICH: ${BASH_REMATCH[1]}"; fi
  elif [[ $1 =~ ^\[(mpiexec|proxy:[0-9:]+)@[^]]+\]\ (.*) ]]; then
    case ${BASH_REMATCH[2]} in
      *Ctrl-C*) ;;
      *'assert (!closed) failed'*) echo "daemon $1" ;;
      *) echo "mpirun $1" ;;
    esac
  elif [[ $1 =~ ^\[[0-9]+\.[0-9]+\]\ \[.*\ UCX\ + ]]; then
    echo "mpirun $1"
  else
    return 1
  fi
}

# MARK: What a job leaves

# Nothing but this script's own.
clear_session() {
  if [[ -n ${hydra_hosts-} ]]; then rm -f "$hydra_hosts"; fi
}

cleaning() { echo true; }

# mpiexec's way to a host.
agent() { echo "${HYDRA_LAUNCHER_EXEC:-ssh}"; }
