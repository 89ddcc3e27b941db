// Empty on purpose: this target only carries the flags of the MPI's pkg-config file; CMPIShim includes mpi.h.
