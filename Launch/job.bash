# One job for Launch/heartwood, which reads this file: how it is started, heard, stopped by signals, and judged when it is over.
# Expects what that script makes of its options, and `fail`.
# shellcheck shell=bash disable=SC2154

readonly stopped='; the job was stopped'

# MARK: What the ranks and mpirun say

# Reads the standard error of mpirun and of all ranks. Passes the ranks' lines on at once, drops mpirun's unless --verbose (blocks
# between two lines that are `rule`, and lines that `hear` knows), and prints on standard output what was learned from them:
# ready (all ranks heed signals now) | spoke | lost RANK SIGNAL HOST | aborted RANK CODE | exited RANK CODE | quit RANK |
# host NAME FAMILY | daemon TEXT (a host's was lost) | unreached TEXT | mpirun TEXT | ended RANK CODE (each rank, where it is told).
filter() {
  local line block='' inside='' spoke='' stalled=''
  local still='^heartwood: rank [0-9]+ on host .* made no progress'
  pass() {
    printf '%s\n' "$1" >&2
    if [[ -z $spoke && -n $1 ]]; then spoke=yes && echo spoke; fi
  }
  drop() {
    if [[ -n $verbose ]]; then printf '%s\n' "$1" >&2; fi
  }
  while IFS= read -r line || [[ -n $line ]]; do
    if [[ -n $rule && $line == "$rule" && -z $inside ]]; then
      inside=yes block=''
    elif [[ -n $inside && $line == "$rule" ]]; then
      inside=''
      if learn "$block"; then
        drop "$rule"$'\n'"$block$rule"
      else
        pass "$rule" && printf '%s' "$block" >&2 && pass "$rule"
      fi
    elif [[ -n $inside ]]; then
      block+=$line$'\n'
    elif [[ $line == 'heartwood: ready' ]]; then
      echo ready
    elif hear "$line" || [[ -n $stalled && $line =~ $still ]]; then
      drop "$line"
    else
      if [[ $line =~ $still ]]; then stalled=yes; fi  # one rank speaks for all that wait alike
      pass "$line"
    fi
  done
  # A block that was cut off is a rank's, or mpirun's last words; neither is worth losing.
  if [[ -n $inside ]]; then pass "$rule" && printf '%s' "$block" >&2; fi
}

# MARK: Signals

signal='' asked=0 child=''

heed_signals() {
  trap 'pass_on INT' INT
  trap 'pass_on TERM' TERM HUP
  trap 'pass_on USR1' USR1
}

# TERM would make mpirun kill the ranks and lose their code; USR1 it hands on to all of them, on other hosts too, once all are there to
# heed it. No limit to the time that they take then: a rank that stands still ends by itself.
pass_on() {  # SIGNAL
  signal=${signal:-$1} asked=$((asked + 1))
  if [[ -z $child ]]; then
    :  # between two jobs
  elif [[ -z $parallel ]]; then
    kill "-$1" "$child" 2>/dev/null || true
  elif [[ -z $orderly || $asked -gt 1 ]]; then
    break_off
  elif [[ -n $ready ]]; then
    kill -USR1 "$child" 2>/dev/null || true
  else
    unready=20
  fi
}

break_off() {
  orderly='' unready=''
  if [[ -n $patience ]]; then
    end_job
  else
    patience=20
    kill -TERM "$child" 2>/dev/null || true  # reaches the ranks, which may have something to put away
  fi
}

# MARK: A job

# Runs `heartwood SUBCOMMAND ...` once. Sets `code`, and `reason`, a line that says what happened, unless it is well or the ranks have
# said it; `lost_host` and the job's `family`, Open MPI's number for it, where a host was lost.
run_job() {  # SUBCOMMAND...
  start_job "$@"
  follow_job
  judge_job
  clear_session
  child=''
}

start_job() {  # SUBCOMMAND...
  local command=("$binary" "$@")
  if [[ -n $parallel ]]; then launch; fi
  # If this script itself is killed, the kernel tells its child.
  if command -v setpriv >/dev/null; then command=(setpriv --pdeathsig TERM -- "${command[@]}"); fi

  # A process group of its own: Ctrl-C then reaches the child once, from here.
  set -m
  # The last job's filter may still wait for a writer that outlived it.
  if [[ -n ${FILTER_PID-} ]]; then
    kill -KILL "$FILTER_PID" 2>/dev/null || true
    wait "$FILTER_PID" 2>/dev/null || true
  fi
  # A signal to all processes of this name must not take what the job says of it.
  coproc FILTER { trap '' INT TERM HUP USR1; filter; }
  exec {errors}>&"${FILTER[1]}"- {facts}<&"${FILTER[0]}"-
  # Half seconds until mpirun is killed, and until ranks that are not ready for a signal are not waited for; empty: for ever.
  ready='' patience='' unready=''
  # The same for a job on hosts to start: mpirun waits for ever for a host that takes its command but cannot reach it.
  starting='' late=''
  if [[ -n $orderly && ${#hostfiles[@]} -gt 0 ]]; then starting=$((2 * $(watchdog))); fi
  # Hydra's ranks on this machine inherit `held`, so that `follow_job` waits for them too: mpiexec does not for those it has killed.
  "${command[@]}" </dev/null 2>&"$errors" {held}>&2 {errors}>&- {facts}<&- &
  child=$!
  exec {errors}>&-
  # A signal that came before there was a child.
  if [[ $asked -gt 0 ]]; then asked=0 && pass_on "$signal"; fi
}

# Waits for the job's end and collects what the filter learns: sets `lost`, `aborted`, `exited`, `quit`, `lost_host`, `family`, `trouble`,
# `unreached`, `spoke`, and `code`.
follow_job() {
  local line begun='' fact detail status verdict='' ended=0 well=''
  local gone=0 looks=6  # half seconds to wait for standard error's end after the child's own
  lost='' aborted='' exited='' quit='' lost_host='' family='' trouble='' unreached='' spoke=''
  # What bash has to say about a child that was killed is said better by `judge_job`.
  exec {stderr}>&2 2>/dev/null
  # Ends with the last writer to standard error. A timeout is for writers that outlive the child, such as a remote shell,
  # and for mpirun: killed during start-up, a rank can leave it waiting for itself after its last words.
  while true; do
    IFS= read -r -t 0.5 -u "$facts" line && status=0 || status=$?
    begun+=$line  # of which the rest may come late on a busy machine
    if [[ $status -gt 128 ]]; then
      if [[ -n $patience ]] && ((patience-- == 0)); then kill -KILL "$child"; fi
      if [[ -n $unready ]] && ((unready-- == 0)); then break_off; fi
      if [[ -n $starting ]] && ((starting-- == 0)); then
        late=yes patience=${patience:-20}
        end_job
      fi
      # What the child said last may still be on its way: on a busy machine the filter may come late.
      if [[ $gone -gt 0 ]] && ((gone-- == 1)); then break; fi
      if [[ $gone -eq 0 ]] && ! kill -0 "$child"; then gone=$looks; fi
      continue
    elif [[ $status -ne 0 ]]; then
      break
    fi
    read -r fact detail <<<"$begun"
    begun=''
    case $fact in
      ready)
        ready=yes starting=''
        if [[ -n $unready ]]; then unready='' && kill -USR1 "$child"; fi
        ;;
      lost) lost=${lost:-$detail} verdict=${verdict:-$((128 + $(cut -d' ' -f2 <<<"$detail")))} ;;
      aborted) aborted=${aborted:-$detail} verdict=${verdict:-${detail#* }} ;;
      exited) exited=${exited:-$detail} verdict=${verdict:-${detail#* }} ;;
      quit) quit=${quit:-$detail} verdict=${verdict:-1} ;;
      host) if [[ -z $verdict ]]; then lost_host=${detail% *} family=${detail#* } verdict=71; fi ;;
      unreached | daemon) unreached=$fact trouble=${trouble:-$detail} ;;
      mpirun) trouble=${trouble:-$detail} ;;
      spoke) spoke=yes ;;
      ended)
        ended=$((ended + 1))
        if [[ ${detail#* } -eq 0 ]]; then well=${well:-${detail% *}}; fi
        if [[ $ended -eq $ranks && -n $verdict ]]; then end_job; fi
        ;;
    esac
    if [[ -n $parallel && -n $verdict ]]; then patience=$grace; fi
  done
  # A signal ends a wait early: it is the child that decides when it is over.
  wait "$child" || true
  while kill -0 "$child"; do wait "$child" || true; done
  wait "$child" && code=0 || code=$?
  exec 2>&"$stderr" {stderr}>&- {facts}<&-
  # No rank has failed, but not all have ended by themselves: the first was not to.
  if [[ -z $verdict$signal && -n $well && $ended -lt $ranks ]]; then quit=$well code=1; fi
  if [[ -n $verdict && (-n $lost_host || -n $mixes_codes || $patience -lt 0) ]]; then code=$verdict; fi
}

judge_job() {
  local contract=' 64 65 70 71 73 74 75 ' rank number host
  if [[ -z $parallel && $code -gt 128 ]]; then
    lost="0 $((code - 128)) $(hostname)"
  elif [[ -z $parallel ]]; then
    exited="0 $code"
  elif [[ $code -eq 1 && -z $late$signal$lost$aborted$exited$quit$lost_host$unreached$trouble ]]; then
    signal=TERM code=143  # mpirun itself was told to stop: nothing else makes it end with 1 and without a word
  fi
  reason=''
  if [[ $code -eq 0 || ($code -eq 75 && -n $signal) ]]; then
    :
  elif [[ -n $signal && (-z $orderly || ' 130 138 143 ' == *" $code "*) ]]; then
    case $signal in INT) code=130 ;; TERM) code=143 ;; USR1) code=138 ;; esac
    reason="stopped by SIG$signal"
  elif [[ -n $late ]]; then
    code=71 reason="the job did not start within $(watchdog) s$stopped"
  elif [[ -n $lost_host ]]; then
    reason="host $lost_host was lost$stopped"
  elif [[ -n $lost ]]; then
    read -r rank number host <<<"$lost"
    reason="rank $rank was lost (killed by signal $number) on host $host$stopped"
  elif [[ -n $quit ]]; then
    reason="rank $quit ended before its time$stopped"
  elif [[ -n $unreached ]] && ask_hosts && [[ ${#silent[@]} -gt 0 ]]; then
    code=71 reason="no answer from ${silent[*]}$stopped"
  elif [[ $unreached == daemon ]]; then
    code=71 reason="a host's MPI daemon was lost$stopped"
  elif [[ -n $spoke && $code -le 128 && ($contract == *" $code "* || -z $exited) ]]; then
    :  # The ranks have said why, and in good order or by MPI_Abort, whose notice can get lost.
  elif [[ -n $aborted ]]; then
    reason="rank ${aborted% *} aborted with code ${aborted#* }$stopped"
  elif [[ -n $exited ]]; then
    reason="rank ${exited% *} exited with code ${exited#* }$stopped"
  elif [[ $code -gt 128 && $code -le 192 ]]; then
    reason="mpirun was killed by signal $((code - 128))$stopped"
  elif [[ -n $trouble ]]; then
    code=70 reason="mpirun: ${trouble:0:300}"
  elif [[ $code -lt 128 ]]; then
    reason="a rank exited with code $code$stopped"  # mpirun's notice of it can get lost
  else
    reason="mpirun ended with code $code; --verbose shows its messages" code=70
  fi
}

# Whether a rank or a host was lost, in place of an end that another start would come to again.
is_lost() { [[ ' 0 64 65 70 73 74 75 ' != *" $code "* ]]; }
