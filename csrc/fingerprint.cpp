#include "swinkit.h"

namespace {
constexpr int64_t SAMPLES = 16; // of each piece, spread evenly
}

uint64_t swk_fingerprint(const void *const *starts, const int64_t *bytes, int count) {
    uint64_t hash = 0xcbf29ce484222325u; // FNV-1a
    for (int i = 0; i < count; i++) {
        const unsigned char *piece = (const unsigned char *)starts[i];
        const int64_t words = bytes[i] / 4;
        for (int64_t j = 0; j < SAMPLES && words; j++) {
            uint32_t word;
            __builtin_memcpy(&word, piece + (words - 1) * j / (SAMPLES - 1) * 4, 4);
            hash = (hash ^ word) * 0x100000001b3u;
        }
    }
    return hash;
}
