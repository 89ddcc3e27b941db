// Which CPU level runs: chosen before main, changed by hw_set_cpu_level.
#include "level.h"
#include "CKernels.h"
#include <stdlib.h>
#include <string.h>

int hw_level_in_use = HW_LEVEL_PLAIN;

static int level_of_cpu(void) {
#ifdef __x86_64__
  __builtin_cpu_init();
  // What x86-64-v3 allows the compiler: a virtual machine may lack some of it.
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("bmi") ||
      !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("f16c") || !__builtin_cpu_supports("lzcnt") ||
      !__builtin_cpu_supports("movbe"))
    return HW_LEVEL_PLAIN;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return HW_LEVEL_AVX512;
  return HW_LEVEL_AVX2;
#else
  return HW_LEVEL_PLAIN;
#endif
}

int hw_cpu_level_supported(void) {
  static const char *const names[] = {"plain", "avx2", "avx512"};
  int level = level_of_cpu();
  const char *wanted = getenv("HEARTWOOD_CPU_LEVEL");
  for (int i = 0; wanted && i < level; i++)
    if (strcmp(wanted, names[i]) == 0) level = i;
  return level;
}

int hw_cpu_level(void) { return hw_level_in_use; }

void hw_set_cpu_level(int level) {
  int highest = hw_cpu_level_supported();
  hw_level_in_use = level < 0 ? 0 : level > highest ? highest : level;
}

__attribute__((constructor)) static void choose_level(void) { hw_level_in_use = hw_cpu_level_supported(); }
