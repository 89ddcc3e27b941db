// Plain C over MPI (Open MPI or MPICH) for the Swift module MPI. No MPI type shows here, so that Swift never has to import mpi.h, whose
// handles are macros it cannot see. Every int result is an MPI error code (0 is success) unless said otherwise.
#pragma once

typedef struct CMPICommunicator CMPICommunicator;

// Datatypes and reduction operations, by number.
enum { CMPI_FLOAT, CMPI_DOUBLE, CMPI_INT32, CMPI_INT64, CMPI_UINT8 };
enum { CMPI_SUM, CMPI_MIN, CMPI_MAX };

// Environment. Thread levels: 0 single, 1 funneled, 2 serialized, 3 multiple.
int cmpi_init(int required, int *provided);
int cmpi_finalize(void);
int cmpi_initialized(void);  // a truth value
int cmpi_finalized(void);    // a truth value
double cmpi_wtime(void);
void cmpi_library_version(char *text, int capacity);
void cmpi_standard_version(int *version, int *subversion);
_Noreturn void cmpi_abort(CMPICommunicator *comm, int code);  // flushes C's streams first

// Errors.
void cmpi_error_text(int error, char *text, int capacity);
const char *cmpi_error_class(int error);

// Communicators.
CMPICommunicator *cmpi_world(void);
int cmpi_rank(CMPICommunicator *comm, int *rank);
int cmpi_size(CMPICommunicator *comm, int *size);
int cmpi_dup(CMPICommunicator *comm, CMPICommunicator **result);
// A negative colour is MPI_UNDEFINED: the result is then NULL.
int cmpi_split(CMPICommunicator *comm, int color, int key, CMPICommunicator **result);
// The ranks that share memory with this one.
int cmpi_split_shared(CMPICommunicator *comm, CMPICommunicator **result);
int cmpi_free(CMPICommunicator *comm);

// The ledger: what this process handed to others, by kind of message, in calls and bytes of payload. Every collective below that carries
// payload takes its kind, a number below CMPI_KINDS, and enters itself before it sends; another number is MPI_ERR_ARG, and nothing is sent.
enum { CMPI_KINDS = 64 };
typedef struct {
  long long calls, bytes;
} CMPITally;
CMPITally cmpi_sent(int kind);
// Enters what is handed to other ranks otherwise than by a call below.
int cmpi_enter(int kind, long long count, int type);

// Waiting for other ranks otherwise than in a call below: a moment of it, and what MPI has to do meanwhile.
static inline void cmpi_pause(void) {
#ifdef __x86_64__
  __builtin_ia32_pause();
#elif defined __aarch64__
  __asm__ volatile("yield");
#endif
}
int cmpi_progress(CMPICommunicator *comm);
// A file of so many zeros in memory, without a name; -1 if there can be none. Linux alone has such.
int cmpi_memory(long bytes);

// Collectives. In the ledger: allreduce's buffer; the root's buffer of a broadcast, and nothing elsewhere; else what is sent.
int cmpi_barrier(CMPICommunicator *comm);
// A barrier that sleeps between two looks at whether all have come.
int cmpi_barrier_sleeping(CMPICommunicator *comm, long nanoseconds);
int cmpi_bcast(int kind, void *buffer, int count, int type, int root, CMPICommunicator *comm);
int cmpi_allreduce_in_place(int kind, void *buffer, int count, int type, int op, CMPICommunicator *comm);
int cmpi_allgather(int kind, const void *send, int count, int type, void *receive, CMPICommunicator *comm);
int cmpi_allgatherv(int kind, const void *send, int count, int type, void *receive, const int *counts,
                    const int *displacements, CMPICommunicator *comm);
int cmpi_reduce_scatter(int kind, const void *send, void *receive, const int *counts, int type, int op,
                        CMPICommunicator *comm);
int cmpi_gather(int kind, const void *send, int count, int type, void *receive, int root, CMPICommunicator *comm);
int cmpi_gatherv(int kind, const void *send, int count, int type, void *receive, const int *counts,
                 const int *displacements, int root, CMPICommunicator *comm);
