#include "CMPIShim.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cmpi_comm {
  MPI_Comm comm;
};

static MPI_Datatype datatype(int type) {
  switch (type) {
  case CMPI_FLOAT: return MPI_FLOAT;
  case CMPI_DOUBLE: return MPI_DOUBLE;
  case CMPI_INT32: return MPI_INT32_T;
  case CMPI_INT64: return MPI_INT64_T;
  default: return MPI_UINT8_T;
  }
}

static MPI_Op operation(int op) { return op == CMPI_SUM ? MPI_SUM : op == CMPI_MIN ? MPI_MIN : MPI_MAX; }

int cmpi_init(int required, int *provided) {
  static const int levels[] = {MPI_THREAD_SINGLE, MPI_THREAD_FUNNELED, MPI_THREAD_SERIALIZED, MPI_THREAD_MULTIPLE};
  int level = MPI_THREAD_SINGLE;
  int error = MPI_Init_thread(NULL, NULL, levels[required], &level);
  *provided = 0;
  for (int i = 0; i < 4; i++)
    if (levels[i] == level) *provided = i;
  return error;
}

int cmpi_finalize(void) { return MPI_Finalize(); }
int cmpi_initialized(int *flag) { return MPI_Initialized(flag); }
int cmpi_finalized(int *flag) { return MPI_Finalized(flag); }
double cmpi_wtime(void) { return MPI_Wtime(); }

void cmpi_library_version(char *text, size_t size) {
  char version[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  MPI_Get_library_version(version, &length);
  snprintf(text, size, "%s", version);
}

static const char *class_name(int class) {
  switch (class) {
#define NAME(x) case x: return #x
    NAME(MPI_ERR_BUFFER); NAME(MPI_ERR_COUNT); NAME(MPI_ERR_TYPE); NAME(MPI_ERR_TAG); NAME(MPI_ERR_COMM);
    NAME(MPI_ERR_RANK); NAME(MPI_ERR_ROOT); NAME(MPI_ERR_GROUP); NAME(MPI_ERR_OP); NAME(MPI_ERR_TRUNCATE);
    NAME(MPI_ERR_ARG); NAME(MPI_ERR_OTHER); NAME(MPI_ERR_INTERN); NAME(MPI_ERR_IN_STATUS); NAME(MPI_ERR_PENDING);
    NAME(MPI_ERR_NO_MEM);
#undef NAME
  default: return "MPI_ERR_UNKNOWN";
  }
}

void cmpi_error_text(int code, char *name, size_t name_size, char *text, size_t text_size) {
  int class = MPI_ERR_UNKNOWN, length = 0;
  char message[MPI_MAX_ERROR_STRING] = "";
  MPI_Error_class(code, &class);
  MPI_Error_string(code, message, &length);
  snprintf(name, name_size, "%s", class_name(class));
  snprintf(text, text_size, "%s", message);
}

cmpi_comm *cmpi_world(void) {
  static cmpi_comm world;
  world.comm = MPI_COMM_WORLD;
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  return &world;
}

int cmpi_rank(cmpi_comm *comm, int *rank) { return MPI_Comm_rank(comm->comm, rank); }
int cmpi_size(cmpi_comm *comm, int *size) { return MPI_Comm_size(comm->comm, size); }

static int wrap(int error, MPI_Comm comm, cmpi_comm **result) {
  *result = NULL;
  if (error != MPI_SUCCESS || comm == MPI_COMM_NULL) return error;
  *result = malloc(sizeof **result);
  if (*result == NULL) return MPI_ERR_NO_MEM;
  (*result)->comm = comm;
  return MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
}

int cmpi_dup(cmpi_comm *comm, cmpi_comm **result) {
  MPI_Comm made = MPI_COMM_NULL;
  return wrap(MPI_Comm_dup(comm->comm, &made), made, result);
}

int cmpi_split(cmpi_comm *comm, int color, int key, cmpi_comm **result) {
  MPI_Comm made = MPI_COMM_NULL;
  return wrap(MPI_Comm_split(comm->comm, color < 0 ? MPI_UNDEFINED : color, key, &made), made, result);
}

int cmpi_free(cmpi_comm *comm) {
  int error = MPI_Comm_free(&comm->comm);
  free(comm);
  return error;
}

void cmpi_abort(cmpi_comm *comm, int code) { MPI_Abort(comm->comm, code); }

int cmpi_barrier(cmpi_comm *comm) { return MPI_Barrier(comm->comm); }

int cmpi_bcast(cmpi_comm *comm, void *buffer, int count, int type, int root) {
  return MPI_Bcast(buffer, count, datatype(type), root, comm->comm);
}

int cmpi_allreduce(cmpi_comm *comm, void *in_place, int count, int type, int op) {
  return MPI_Allreduce(MPI_IN_PLACE, in_place, count, datatype(type), operation(op), comm->comm);
}

int cmpi_allgather(cmpi_comm *comm, const void *send, int count, void *receive, int type) {
  return MPI_Allgather(send, count, datatype(type), receive, count, datatype(type), comm->comm);
}

int cmpi_allgatherv(cmpi_comm *comm, const void *send, int count, void *receive, const int *counts,
                    const int *offsets, int type) {
  return MPI_Allgatherv(send, count, datatype(type), receive, counts, offsets, datatype(type), comm->comm);
}

int cmpi_reduce_scatter(cmpi_comm *comm, const void *send, void *receive, const int *counts, int type, int op) {
  return MPI_Reduce_scatter(send, receive, counts, datatype(type), operation(op), comm->comm);
}

int cmpi_gather(cmpi_comm *comm, const void *send, int count, void *receive, int type, int root) {
  return MPI_Gather(send, count, datatype(type), receive, count, datatype(type), root, comm->comm);
}
