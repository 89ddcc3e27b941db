# For the scripts here, which read this file: which MPI HEARTWOOD_MPI chooses, and the folder of its builds. Expects `root`; sets `mpi`
# and `build`.
# shellcheck shell=bash disable=SC2034,SC2154

mpi=${HEARTWOOD_MPI:-openmpi}
case $mpi in
  openmpi) build=$root/.build ;;
  mpich) build=$root/.build-mpich ;;
  *) printf '%s: HEARTWOOD_MPI=%s: there are openmpi and mpich\n' "${0##*/}" "$mpi" >&2 && exit 64 ;;
esac
