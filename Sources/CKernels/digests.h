// SHA-256 (FIPS 180-4, sections 4.1.2, 5.2.1 and 6.2.2) of sixteen messages at once, each in a vector's lane: the rounds of one message are
// a chain that leaves most of a core idle. kernel_bodies.h includes this file.

#define HW_VECTOR HW_JOIN(HW_NAME(vector), HW_WIDTH)
#define HW_WORDS HW_NAME(words)
#define HW_UNROLL _Pragma("clang loop unroll(full)")

typedef uint32_t HW_WORDS __attribute__((vector_size(4 * HW_WIDTH), aligned(4), may_alias));

HW_INLINE HW_WORDS HW_NAME(rotated)(HW_WORDS x, int right) { return x >> right | x << (32 - right); }

// The words of a block, big-endian, of as many messages as there are lanes.
HW_INLINE void HW_NAME(load_blocks)(const uint8_t *const *messages, size_t offset, HW_WORDS *words) {
  HW_UNROLL for (int part = 0; part < 16; part += HW_WIDTH) {
    HW_UNROLL for (int lane = 0; lane < HW_WIDTH; lane++)
      __builtin_memcpy(&words[part + lane], messages[lane] + offset + 4 * part, sizeof(HW_WORDS));
    HW_NAME(transpose_square)((HW_VECTOR *)(words + part));
  }
  HW_UNROLL for (int i = 0; i < 16; i++)
    words[i] = (HW_NAME(rotated)(words[i], 8) & 0xff00ff00u) | (HW_NAME(rotated)(words[i], 24) & 0x00ff00ffu);
}

HW_INLINE void HW_NAME(digest_block)(HW_WORDS *state, HW_WORDS *w) {
  HW_WORDS a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
  for (int round = 0; round < 64; round += 16) {
    HW_UNROLL for (int i = 0; i < 16; i++) {
      if (round > 0) {
        HW_WORDS x = w[(i + 1) % 16], y = w[(i + 14) % 16];
        w[i] += w[(i + 9) % 16] + (HW_NAME(rotated)(x, 7) ^ HW_NAME(rotated)(x, 18) ^ x >> 3) +
                (HW_NAME(rotated)(y, 17) ^ HW_NAME(rotated)(y, 19) ^ y >> 10);
      }
      HW_WORDS t1 = h + (HW_NAME(rotated)(e, 6) ^ HW_NAME(rotated)(e, 11) ^ HW_NAME(rotated)(e, 25)) +
                    ((e & f) ^ (~e & g)) + hw_sha256_constants[round + i] + w[i];
      HW_WORDS t2 = (HW_NAME(rotated)(a, 2) ^ HW_NAME(rotated)(a, 13) ^ HW_NAME(rotated)(a, 22)) +
                    ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

static void HW_NAME(sha256_blocks)(uint32_t *states, const uint8_t *const *messages, size_t count, size_t blocks) {
  for (size_t lane = 0; lane < count; lane += HW_WIDTH) {
    HW_WORDS state[8], words[16];
    for (int i = 0; i < 8; i++) state[i] = *(const HW_WORDS *)(states + 16 * i + lane);
    for (size_t block = 0; block < blocks; block++) {
      HW_NAME(load_blocks)(messages + lane, 64 * block, words);
      HW_NAME(digest_block)(state, words);
    }
    for (int i = 0; i < 8; i++) *(HW_WORDS *)(states + 16 * i + lane) = state[i];
  }
}

#undef HW_VECTOR
#undef HW_WORDS
#undef HW_UNROLL
