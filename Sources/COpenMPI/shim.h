// Empty on purpose: this target only carries the flags of pkg-config `ompi-c`; CMPIShim includes mpi.h.
