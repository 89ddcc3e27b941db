
# What Launch/heartwood adds to the completions above: options of its own, which stand before the subcommand.
_heartwood_launcher() {
  local -i k=1
  while ((k < COMP_CWORD)); do
    case ${COMP_WORDS[k]} in
      -n | --hostfile | --restarts) k+=2 ;;
      --verbose) k+=1 ;;
      *) break ;;
    esac
  done
  if ((k > COMP_CWORD)); then  # the value of one of them
    if [[ $3 == --hostfile ]]; then mapfile -t COMPREPLY < <(compgen -f -- "$2"); fi
    return
  fi
  COMP_WORDS=("${COMP_WORDS[0]}" "${COMP_WORDS[@]:k}") COMP_CWORD=$((COMP_CWORD - k + 1))
  _heartwood "$@"
  if ((COMP_CWORD == 1)) && [[ $(type -P "$1") == *Launch/heartwood ]]; then
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W '-n --hostfile --restarts --verbose' -- "$2")
  fi
}
complete -o filenames -F _heartwood_launcher heartwood
