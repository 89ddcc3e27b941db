# What Launch/heartwood, which reads this file, has to know of Open MPI: how a job is started, what mpirun says, what a job leaves.
# mpich.bash has the same functions.
# shellcheck shell=bash disable=SC2034,SC2154

# MARK: How a job is started

prepare_mpi() {
  mpirun=mpirun
  # Debian's `mpirun` may be MPICH's.
  if [[ $(readlink -f "$(command -v mpirun)") == *hydra* ]]; then mpirun=mpirun.openmpi; fi
  command -v "$mpirun" >/dev/null || fail 70 "$mpirun is not installed; Launch/setup installs it"
  export HOME=${HOME-~}  # without it mpirun crashes for a user without a name
  if [[ $EUID -eq 0 ]]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
  export OMPI_MCA_btl_vader_single_copy_mechanism=${OMPI_MCA_btl_vader_single_copy_mechanism-none}
  if [[ -n $one_machine ]]; then
    # Shared memory alone, so that no time goes into looking for networks (0.2 s of a start).
    export OMPI_MCA_pml=${OMPI_MCA_pml-ob1} OMPI_MCA_btl=${OMPI_MCA_btl-self,vader}
  fi
  if [[ -n $one_machine || (-n ${SLURM_JOB_NUM_NODES-} && ${#hostfiles[@]} -eq 0) ]]; then
    # nproc counts what this process may use, but takes OpenMP's variables for an answer.
    local cores=$(($(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc) * ${SLURM_JOB_NUM_NODES:-1}))
    if [[ $ranks -gt $cores ]]; then share_cores; fi
  fi
  if [[ ${#hostfiles[@]} -gt 0 ]]; then
    # mpirun and the daemons on the hosts find one another lost 6 s after a cable was pulled, in place of two hours.
    export OMPI_MCA_oob_tcp_keepalive_time=${OMPI_MCA_oob_tcp_keepalive_time-3}
    export OMPI_MCA_oob_tcp_keepalive_intvl=${OMPI_MCA_oob_tcp_keepalive_intvl-1}
    export OMPI_MCA_oob_tcp_keepalive_probes=${OMPI_MCA_oob_tcp_keepalive_probes-3}
  fi
}

# For more ranks than cores.
share_cores() { export OMPI_MCA_mpi_yield_when_idle=${OMPI_MCA_mpi_yield_when_idle-1}; }

# Puts mpirun before `command`.
launch() {
  # A job that ends removes the folder that all of this user's jobs share if no other is in it yet: one just starting fails then.
  local base=${TMPDIR:-/tmp}
  if [[ -n $one_machine || (-n ${SLURMD_NODENAME-} && ${SLURM_JOB_NUM_NODES-} == 1 && ${#hostfiles[@]} -eq 0) ]]; then
    # Of launchers that were killed.
    find "$base" -maxdepth 1 -user "$EUID" -name 'ompi.??????' -empty -mmin +5 -delete 2>/dev/null || true
    session=$(mktemp -d -t ompi.XXXXXX 2>/dev/null) ||
      fail 73 "mpirun cannot make its files in $base; TMPDIR names another folder"
  fi
  local options=(-n "$ranks" --oversubscribe --bind-to none) file name
  for file in ${hostfiles[@]+"${hostfiles[@]}"}; do options+=(--hostfile "$file"); done
  for name in OMP_NUM_THREADS ${SWIFT_BACKTRACE+SWIFT_BACKTRACE} "${!HEARTWOOD_@}"; do options+=(-x "$name"); done
  command=(${session:+env "TMPDIR=$session"} "$mpirun" "${options[@]}" "${command[@]}")
}

# mpirun kills the ranks then, TERM first.
end_job() { kill -TERM "$child" 2>/dev/null || true; }

# MARK: What mpirun says

# The first and last line of a block of its own.
readonly rule='--------------------------------------------------------------------------'
# Half seconds for mpirun to end the job after one rank, which it does by itself.
readonly grace=4
# Its exit code is that of the rank that failed first.
readonly mixes_codes=''

# Learns from a line, and fails if it is not mpirun's: [host:process] or [host][[job,n],rank] begins one of its own.
hear() {  # LINE
  local theirs='^\[[^]:]+:[0-9]+\] |^\[[^]]+\]\[\[[0-9]+,[0-9]+\],[0-9]+\]|^\[hwloc/|^mpirun: (killing job|abort is already|Forwarding signal)'
  [[ $1 =~ $theirs ]]
}

# Says what a block of Open MPI's means; fails if the block is not Open MPI's.
learn() {
  local text=${1//$'\n'/ }
  if [[ $text =~ process\ rank\ ([0-9]+)\ with\ PID\ [0-9]+\ on\ node\ ([^ ]+)\ exited\ on\ signal\ ([0-9]+) ]]; then
    echo "lost ${BASH_REMATCH[1]} ${BASH_REMATCH[3]} ${BASH_REMATCH[2]}"
  elif [[ $text =~ MPI_ABORT\ was\ invoked\ on\ rank\ ([0-9]+).*errorcode\ (-?[0-9]+) ]]; then
    echo "aborted ${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
  elif [[ $text =~ Process\ name:\ \[\[[0-9]+,[0-9]+\],([0-9]+)\]\ +Exit\ code:\ +([0-9]+) ]]; then
    echo "exited ${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
  elif [[ $text =~ mpirun\ has\ exited\ due\ to\ process\ rank\ ([0-9]+) ]]; then
    echo "quit ${BASH_REMATCH[1]}"
  elif [[ $text =~ lost\ communication\ with\ a\ remote\ daemon.*Remote\ daemon:\ \[\[([0-9]+),.*\ on\ node\ ([^ ]+) ]]; then
    echo "host ${BASH_REMATCH[2]} ${BASH_REMATCH[1]}"
  elif [[ $text =~ 'unable to reliably start one or more daemons' ]]; then
    echo "unreached $text"
  elif [[ $text =~ ^Primary\ job ]]; then
    :
  elif [[ $text =~ mpirun|MPI|ORTE|ORTED|'Open RTE'|PMIX|daemon|slots|btl|hwloc ]]; then
    echo "mpirun $text"
  else
    return 1
  fi
}

# MARK: What a job leaves

# mpirun removes its folder and the ranks' shared memory unless it is killed; both are named after it and its number for the job.
clear_session() {
  local folder base=${OMPI_MCA_orte_tmpdir_base:-${session:-${TMPDIR:-/tmp}}} job
  for folder in "$base"/ompi.*."$EUID/pid.$child"; do
    if [[ -d $folder ]] && IFS=. read -r job _ 2>/dev/null <"$folder/contact.txt"; then
      rm -rf /dev/shm/vader_segment.*."$EUID.$(printf '%x' $((job + 1)))".* "$folder"
    fi
  done
  if [[ -n $session ]]; then rm -rf "$session" && session=''; fi
}

# Shell text that removes from a host what is left there of a job of that number whose daemon was killed: a folder, and the ranks'
# shared memory.
cleaning() {  # FAMILY
  # The host's own shell finds the names: its user may have another number there.
  local base='"${TMPDIR:-/tmp}"'
  if [[ -n ${OMPI_MCA_orte_tmpdir_base-} ]]; then base=$(printf %q "$OMPI_MCA_orte_tmpdir_base"); fi
  echo "sh -c 'rm -rf $base/ompi.*.\$(id -u)/jf.$1 \
/dev/shm/vader_segment.*.\$(id -u).$(printf '%x' $(($1 * 65536 + 1))).*'"
}

# mpirun's way to a host.
agent() {
  local agent=${OMPI_MCA_plm_rsh_agent:-ssh}
  echo "${agent%%:*}"
}
