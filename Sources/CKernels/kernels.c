// Compiles kernel_bodies.h once a CPU level and calls the level in use.
#include "CKernels.h"
#include "kernel_list.h"
#include "level.h"
#include <math.h>
#include <string.h>

#define HW_JOIN_(a, b) a##_##b
#define HW_JOIN(a, b) HW_JOIN_(a, b)
#define HW_NAME(name) HW_JOIN(name, HW_SUFFIX)

#define HW_SUFFIX plain
#define HW_WIDTH 4
#include "kernel_bodies.h"
#undef HW_SUFFIX
#undef HW_WIDTH

#ifdef __x86_64__

#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define HW_SUFFIX avx2
#define HW_WIDTH 8
#include "kernel_bodies.h"
#undef HW_SUFFIX
#undef HW_WIDTH
#pragma clang attribute pop

// Without no-prefer-256-bit clang vectorises loops at half the width.
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4,no-prefer-256-bit"))), apply_to = function)
#define HW_SUFFIX avx512
#define HW_WIDTH 16
#include "kernel_bodies.h"
#undef HW_SUFFIX
#undef HW_WIDTH
#pragma clang attribute pop

#endif

struct table {
#define FIELD(result, name, parameters, arguments) result(*name) parameters;
  HW_KERNELS(FIELD)
};

static const struct table tables[] = {
#define PLAIN(result, name, parameters, arguments) .name = name##_plain,
    {HW_KERNELS(PLAIN)},
#ifdef __x86_64__
#define AVX2(result, name, parameters, arguments) .name = name##_avx2,
    {HW_KERNELS(AVX2)},
#define AVX512(result, name, parameters, arguments) .name = name##_avx512,
    {HW_KERNELS(AVX512)},
#endif
};

#define PUBLIC(result, name, parameters, arguments)                                                                    \
  result hw_##name parameters { return tables[hw_level_in_use].name arguments; }
HW_KERNELS(PUBLIC)
