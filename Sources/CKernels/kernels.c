// Compiles kernel_bodies.h once a CPU level and calls the level in use.
#include "CKernels.h"
#include "kernel_list.h"
#include "level.h"
#include <math.h>
#include <string.h>

// FIPS 180-4, section 4.2.2.
static const uint32_t hw_sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

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
