// The part of MPI that Heartwood uses, behind plain C types: no type of mpi.h is exposed.
// Every function returns 0 or an MPI error code; communicators are opaque pointers.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct cmpi_comm cmpi_comm;

enum { CMPI_FLOAT, CMPI_DOUBLE, CMPI_INT32, CMPI_INT64, CMPI_UINT8 };
enum { CMPI_SUM, CMPI_MIN, CMPI_MAX };

int cmpi_init(int required, int *provided);
int cmpi_finalize(void);
int cmpi_initialized(int *flag);
int cmpi_finalized(int *flag);
double cmpi_wtime(void);
/// At most `size` bytes with the terminating zero.
void cmpi_library_version(char *text, size_t size);
void cmpi_error_text(int code, char *class_name, size_t class_size, char *text, size_t text_size);

/// MPI_COMM_WORLD; its errors are returned from now on.
cmpi_comm *cmpi_world(void);
int cmpi_rank(cmpi_comm *comm, int *rank);
int cmpi_size(cmpi_comm *comm, int *size);
int cmpi_dup(cmpi_comm *comm, cmpi_comm **result);
/// `color` below 0: no part in any new communicator, *result is NULL.
int cmpi_split(cmpi_comm *comm, int color, int key, cmpi_comm **result);
int cmpi_free(cmpi_comm *comm);
void cmpi_abort(cmpi_comm *comm, int code);

int cmpi_barrier(cmpi_comm *comm);
int cmpi_bcast(cmpi_comm *comm, void *buffer, int count, int type, int root);
int cmpi_allreduce(cmpi_comm *comm, void *in_place, int count, int type, int op);
int cmpi_allgather(cmpi_comm *comm, const void *send, int count, void *receive, int type);
int cmpi_allgatherv(cmpi_comm *comm, const void *send, int count, void *receive, const int *counts,
                    const int *offsets, int type);
int cmpi_reduce_scatter(cmpi_comm *comm, const void *send, void *receive, const int *counts, int type, int op);
int cmpi_gather(cmpi_comm *comm, const void *send, int count, void *receive, int type, int root);
