#define _GNU_SOURCE  // memfd_create
#include "CMPIShim.h"

#include <dlfcn.h>
#include <mpi.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static MPI_Comm handle(CMPICommunicator *comm) { return (MPI_Comm)(intptr_t)comm; }
static CMPICommunicator *opaque(MPI_Comm comm) { return (CMPICommunicator *)(intptr_t)comm; }

static MPI_Datatype datatype(int type) {
  switch (type) {
    case CMPI_FLOAT: return MPI_FLOAT;
    case CMPI_DOUBLE: return MPI_DOUBLE;
    case CMPI_INT32: return MPI_INT32_T;
    case CMPI_INT64: return MPI_INT64_T;
    case CMPI_UINT8: return MPI_UINT8_T;
  }
  return MPI_DATATYPE_NULL;
}

static MPI_Op operation(int op) {
  switch (op) {
    case CMPI_SUM: return MPI_SUM;
    case CMPI_MIN: return MPI_MIN;
    case CMPI_MAX: return MPI_MAX;
  }
  return MPI_OP_NULL;
}

static int launched(void) { return getenv("OMPI_COMM_WORLD_SIZE") || getenv("PMIX_RANK") || getenv("PMI_RANK"); }

// Whether ranks share cores, so that one that waits must give way: set by CMPI_YIELD_WHEN_IDLE. Open MPI has a parameter of its own
// for it; MPICH 4.0 spins inside a blocking call: a step of six ranks on two busy cores took 110 ms in place of 14.
static int yields = 0;

static int init(int required, int *provided) {
#ifndef OPEN_MPI
  yields = getenv("CMPI_YIELD_WHEN_IDLE") != NULL;
#endif
  static const int levels[] = {MPI_THREAD_SINGLE, MPI_THREAD_FUNNELED, MPI_THREAD_SERIALIZED, MPI_THREAD_MULTIPLE};
  int got = MPI_THREAD_SINGLE;
  int error = MPI_Init_thread(NULL, NULL, levels[required], &got);
  if (error != MPI_SUCCESS) return error;
  for (int i = 0; i < 4; i++)
    if (levels[i] == got) *provided = i;
  // Duplicates and splits inherit it.
  return MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
}

// Spares a lone rank the daemon and the network that its MPI would set up for it: with Open MPI 0.03 s to start in place of 0.3 s.
// Whoever sets these variables keeps their own choice. Afterwards the environment is as it was, without what Open MPI adds to a lone
// rank's: an mpirun that this process starts later would take that for its own.
static int init_alone(int required, int *provided) {
  static const struct {
    const char *name, *value;
  } settings[] = {
#ifdef OPEN_MPI
      {"OMPI_MCA_ess_singleton_isolated", "1"},
      {"OMPI_MCA_pml", "ob1"},
      {"OMPI_MCA_btl", "self"},
      // All lone ranks of a user would share one folder, which one removes while another makes it.
      {"OMPI_MCA_orte_create_session_dirs", "0"},
      {"OMPI_MCA_ess", NULL},
      {"OMPI_MCA_orte_ess_num_procs", NULL},
      {"OMPI_MCA_pmix", NULL},
      {"OMPI_APP_CTX_NUM_PROCS", NULL},
      {"ORTE_SCHIZO_DETECTION", NULL},
#else
      {"UCX_TLS", "self"},
#endif
  };
  enum { count = sizeof settings / sizeof *settings };
  int was_set[count];
  for (int i = 0; i < count; i++) {
    was_set[i] = getenv(settings[i].name) != NULL;
    if (settings[i].value) setenv(settings[i].name, settings[i].value, 0);
  }
  int error = init(required, provided);
  for (int i = 0; i < count; i++)
    if (!was_set[i]) unsetenv(settings[i].name);
  return error;
}

int cmpi_init(int required, int *provided) {
  return launched() ? init(required, provided) : init_alone(required, provided);
}

#if defined(MPICH_NUMVERSION) && MPICH_NUMVERSION < 40200000
static int left = 0;

// Sends a command of PMI 1, between a rank and what started it, and awaits the answer's line. Returns 0 if that does not come.
static int command(int fd, const char *line) {
  size_t length = strlen(line);
  if (write(fd, line, length) != (ssize_t)length) return 0;
  for (char byte = 0; byte != '\n';)
    if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 30000) != 1 || read(fd, &byte, 1) != 1) return 0;
  return 1;
}

// Ends ranks on several hosts without MPI_Finalize, which before MPICH 4.2 (its pull request 6596) closes UCX's connections, for which
// both ends must answer, and lets those that are done wait for the others without answering: one job in ten over TCP stood still.
static int leave(void) {
  int size = 1, here = 1;
  MPI_Comm near;
  const char *pmi = getenv("PMI_FD");
  if (dlsym(NULL, "PMI2_Init")) pmi = NULL;  // an MPICH that speaks PMI 2
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (!pmi || MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &near) != MPI_SUCCESS) return 0;
  MPI_Comm_size(near, &here);
  // All ranks must choose alike.
  int spread = here < size;
  if (MPI_Allreduce(MPI_IN_PLACE, &spread, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD) != MPI_SUCCESS || !spread) return 0;
  // Whoever is past the second barrier has sent all that others wait for: the connections were there.
  for (int i = 0; i < 2; i++)
    if (MPI_Barrier(MPI_COMM_WORLD) != MPI_SUCCESS) return 0;
  left = command(atoi(pmi), "cmd=barrier_in\n") && command(atoi(pmi), "cmd=finalize\n");
  return left;
}
#else
enum { left = 0 };
static int leave(void) { return 0; }
#endif

int cmpi_finalize(void) { return leave() ? MPI_SUCCESS : MPI_Finalize(); }

int cmpi_initialized(void) {
  int flag = 0;
  MPI_Initialized(&flag);
  return flag;
}

int cmpi_finalized(void) {
  int flag = 0;
  MPI_Finalized(&flag);
  return flag || left;
}

double cmpi_wtime(void) { return MPI_Wtime(); }

void cmpi_library_version(char *text, int capacity) {
  char version[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(version, &length);
#ifdef MPICH_VERSION
  // "MPICH Version:\t4.0.2", and lines on how it was built.
  char number[64];
  if (sscanf(version, "MPICH Version: %63s", number) == 1) snprintf(version, sizeof version, "MPICH %s", number);
#endif
  snprintf(text, (size_t)capacity, "%s", version);
}

void cmpi_standard_version(int *version, int *subversion) { MPI_Get_version(version, subversion); }

void cmpi_abort(CMPICommunicator *comm, int code) {
  fflush(NULL);
#ifdef MPICH_VERSION
  // Hydra drops what a rank has said and it has not read by then.
  usleep(200000);
#endif
  MPI_Abort(handle(comm), code);
  _Exit(code);
}

void cmpi_error_text(int error, char *text, int capacity) {
  char message[MPI_MAX_ERROR_STRING];
  int length = 0;
  if (MPI_Error_string(error, message, &length) != MPI_SUCCESS) strcpy(message, "no text");
  snprintf(text, (size_t)capacity, "%s", message);
  // MPICH's text has a line a call.
  for (char *end = text; (end = strchr(end, '\n')) != NULL;) *end = ' ';
}

const char *cmpi_error_class(int error) {
  int class = MPI_ERR_UNKNOWN;
  MPI_Error_class(error, &class);
#define NAME(x) \
  case x: return #x;
  switch (class) {
    NAME(MPI_SUCCESS)
    NAME(MPI_ERR_BUFFER)
    NAME(MPI_ERR_COUNT)
    NAME(MPI_ERR_TYPE)
    NAME(MPI_ERR_TAG)
    NAME(MPI_ERR_COMM)
    NAME(MPI_ERR_RANK)
    NAME(MPI_ERR_REQUEST)
    NAME(MPI_ERR_ROOT)
    NAME(MPI_ERR_GROUP)
    NAME(MPI_ERR_OP)
    NAME(MPI_ERR_TOPOLOGY)
    NAME(MPI_ERR_DIMS)
    NAME(MPI_ERR_ARG)
    NAME(MPI_ERR_TRUNCATE)
    NAME(MPI_ERR_OTHER)
    NAME(MPI_ERR_INTERN)
    NAME(MPI_ERR_IN_STATUS)
    NAME(MPI_ERR_PENDING)
    NAME(MPI_ERR_NO_MEM)
    NAME(MPI_ERR_SPAWN)
  }
#undef NAME
  return "MPI_ERR_UNKNOWN";
}

CMPICommunicator *cmpi_world(void) { return opaque(MPI_COMM_WORLD); }

int cmpi_rank(CMPICommunicator *comm, int *rank) { return MPI_Comm_rank(handle(comm), rank); }

int cmpi_size(CMPICommunicator *comm, int *size) { return MPI_Comm_size(handle(comm), size); }

int cmpi_dup(CMPICommunicator *comm, CMPICommunicator **result) {
  MPI_Comm made = MPI_COMM_NULL;
  int error = MPI_Comm_dup(handle(comm), &made);
  *result = error == MPI_SUCCESS ? opaque(made) : NULL;
  return error;
}

int cmpi_split(CMPICommunicator *comm, int color, int key, CMPICommunicator **result) {
  MPI_Comm made = MPI_COMM_NULL;
  int error = MPI_Comm_split(handle(comm), color < 0 ? MPI_UNDEFINED : color, key, &made);
  *result = error == MPI_SUCCESS && made != MPI_COMM_NULL ? opaque(made) : NULL;
  return error;
}

int cmpi_split_shared(CMPICommunicator *comm, CMPICommunicator **result) {
  MPI_Comm made = MPI_COMM_NULL;
  int error = MPI_Comm_split_type(handle(comm), MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &made);
  *result = error == MPI_SUCCESS ? opaque(made) : NULL;
  return error;
}

int cmpi_free(CMPICommunicator *comm) {
  MPI_Comm freed = handle(comm);
  return MPI_Comm_free(&freed);
}

static CMPITally ledger[CMPI_KINDS];

CMPITally cmpi_sent(int kind) { return kind >= 0 && kind < CMPI_KINDS ? ledger[kind] : (CMPITally){0, 0}; }

// Every collective with payload begins with it.
int cmpi_enter(int kind, long long count, int type) {
  static const int bytes[] = {
      [CMPI_FLOAT] = 4, [CMPI_DOUBLE] = 8, [CMPI_INT32] = 4, [CMPI_INT64] = 8, [CMPI_UINT8] = 1};
  if (kind < 0 || kind >= CMPI_KINDS) return MPI_ERR_ARG;
  ledger[kind].calls += 1;
  ledger[kind].bytes += count * bytes[type];
  return MPI_SUCCESS;
}

int cmpi_progress(CMPICommunicator *comm) {
  int flag = 0;
  return MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, handle(comm), &flag, MPI_STATUS_IGNORE);
}

int cmpi_memory(long bytes) {
  int file = memfd_create("heartwood", MFD_CLOEXEC);
  if (file >= 0 && ftruncate(file, bytes) != 0) {
    close(file);
    file = -1;
  }
  return file;
}

static int await(int error, MPI_Request *request) {
  for (int done = 0; error == MPI_SUCCESS && !done;) {
    error = MPI_Test(request, &done, MPI_STATUS_IGNORE);
    if (!done) sched_yield();
  }
  return error;
}

// Returns what a collective does: its blocking form, or its other one, yielding while that lasts.
#define RETURN_COLLECTIVE(blocking, other, ...) \
  if (!yields) return blocking(__VA_ARGS__);    \
  MPI_Request request;                          \
  return await(other(__VA_ARGS__, &request), &request)

int cmpi_barrier(CMPICommunicator *comm) { RETURN_COLLECTIVE(MPI_Barrier, MPI_Ibarrier, handle(comm)); }

int cmpi_barrier_sleeping(CMPICommunicator *comm, long nanoseconds) {
  MPI_Request request;
  int error = MPI_Ibarrier(handle(comm), &request);
  for (int done = 0; error == MPI_SUCCESS && !done;) {
    error = MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (!done) nanosleep(&(struct timespec){.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000}, NULL);
  }
  return error;
}

int cmpi_bcast(int kind, void *buffer, int count, int type, int root, CMPICommunicator *comm) {
  int rank = 0;
  int error = MPI_Comm_rank(handle(comm), &rank);
  if (error == MPI_SUCCESS) error = cmpi_enter(kind, rank == root ? count : 0, type);
  if (error != MPI_SUCCESS) return error;
  RETURN_COLLECTIVE(MPI_Bcast, MPI_Ibcast, buffer, count, datatype(type), root, handle(comm));
}

int cmpi_allreduce_in_place(int kind, void *buffer, int count, int type, int op, CMPICommunicator *comm) {
  int error = cmpi_enter(kind, count, type);
  if (error != MPI_SUCCESS) return error;
  RETURN_COLLECTIVE(MPI_Allreduce, MPI_Iallreduce, MPI_IN_PLACE, buffer, count, datatype(type), operation(op),
                    handle(comm));
}

int cmpi_allgather(int kind, const void *send, int count, int type, void *receive, CMPICommunicator *comm) {
  int error = cmpi_enter(kind, count, type);
  if (error != MPI_SUCCESS) return error;
  RETURN_COLLECTIVE(MPI_Allgather, MPI_Iallgather, send, count, datatype(type), receive, count, datatype(type),
                    handle(comm));
}

int cmpi_allgatherv(int kind, const void *send, int count, int type, void *receive, const int *counts,
                    const int *displacements, CMPICommunicator *comm) {
  int error = cmpi_enter(kind, count, type);
  if (error != MPI_SUCCESS) return error;
  RETURN_COLLECTIVE(MPI_Allgatherv, MPI_Iallgatherv, send, count, datatype(type), receive, counts, displacements,
                    datatype(type), handle(comm));
}

int cmpi_reduce_scatter(int kind, const void *send, void *receive, const int *counts, int type, int op,
                        CMPICommunicator *comm) {
  int size = 0;
  long long total = 0;
  int error = MPI_Comm_size(handle(comm), &size);
  for (int i = 0; error == MPI_SUCCESS && i < size; i++) total += counts[i];
  if (error == MPI_SUCCESS) error = cmpi_enter(kind, total, type);
  if (error != MPI_SUCCESS) return error;
  RETURN_COLLECTIVE(MPI_Reduce_scatter, MPI_Ireduce_scatter, send, receive, counts, datatype(type), operation(op),
                    handle(comm));
}

int cmpi_gather(int kind, const void *send, int count, int type, void *receive, int root, CMPICommunicator *comm) {
  int error = cmpi_enter(kind, count, type);
  if (error != MPI_SUCCESS) return error;
  RETURN_COLLECTIVE(MPI_Gather, MPI_Igather, send, count, datatype(type), receive, count, datatype(type), root,
                    handle(comm));
}

int cmpi_gatherv(int kind, const void *send, int count, int type, void *receive, const int *counts,
                 const int *displacements, int root, CMPICommunicator *comm) {
  int error = cmpi_enter(kind, count, type);
  if (error != MPI_SUCCESS) return error;
  RETURN_COLLECTIVE(MPI_Gatherv, MPI_Igatherv, send, count, datatype(type), receive, counts, displacements, datatype(type),
                    root, handle(comm));
}
