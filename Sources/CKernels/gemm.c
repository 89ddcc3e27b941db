// The one matrix product: oneDNN's, on one thread.
#define _GNU_SOURCE
#include "CKernels.h"
#include "level.h"
#include <dlfcn.h>
#include <dnnl.h>

// oneDNN brings libgomp, which reads OMP_NUM_THREADS only when it is loaded: a rank has one core, so say it here.
static void prepare(void) {
  void (*set_threads)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  if (set_threads) set_threads(1);
  hw_lower_onednn();
}

int hw_sgemm(int transA, int transB, int64_t M, int64_t N, int64_t K, float alpha, const float *A, int64_t lda,
             const float *B, int64_t ldb, float beta, float *C, int64_t ldc) {
  static int prepared = 0;
  if (!prepared) {
    prepare();
    prepared = 1;
  }
  if (M == 0 || N == 0) return 0;
  return dnnl_sgemm(transA ? 'T' : 'N', transB ? 'T' : 'N', M, N, K, alpha, A, lda, B, ldb, beta, C, ldc);
}
