// The sums of one int8 target against plain loops: they must be equal to the last bit, at the extremes too.
//
// Compiled with the flags of the target, -DSOURCE='"../targets/avx2_int8.cpp"' and -DSPACE=avx2_int8.
#include SOURCE

#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#if defined(__AMX_INT8__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

using namespace swinkit::SPACE;

namespace {

constexpr long PANEL = panel_outputs<Int8>();

// Bytes of rows or weights: random, or all at one extreme.
std::vector<Int8> bytes(long count, int extreme, std::mt19937 &random) {
    std::vector<Int8> some(count);
    for (Int8 &one : some) one.bits = (unsigned char)(extreme < 0 ? random() : extreme);
    for (Int8 &one : some)
        if (extreme < 0 && one.bits == 128) one.bits = 127; // weights keep to −127 … 127
    return some;
}

bool equal(long rows, long inputs, long outputs, int extreme_row, int extreme_weight, std::mt19937 &random) {
    const long panels = (outputs + PANEL - 1) / PANEL;
    const std::vector<Int8> a = bytes((rows + Cut<Int8>::rows) * inputs, extreme_row, random);
    const std::vector<Int8> b = bytes(panels * PANEL * inputs, extreme_weight, random);
    const Panels<Int8> packed = {b.data(), PANEL, PANEL * inputs, Cut<Int8>::vectors};
    bool right = true;
    product(a.data(), inputs, rows, packed, inputs, outputs, [&](long row, long column, V sums) {
        int found[LANES];
        __builtin_memcpy(found, &sums, sizeof found);
        for (long lane = 0; lane < LANES; lane++) {
            const long output = column + lane;
            const Int8 *weights = b.data() + output / PANEL * PANEL * inputs + output % PANEL * 4;
            long sum = 0;
            for (long k = 0; k < inputs; k++)
                sum += (long)a[row * inputs + k].bits * (signed char)weights[k / 4 * PANEL * 4 + k % 4].bits;
            right &= found[lane] == sum;
        }
    });
    return right;
}

} // namespace

int main() {
    std::mt19937 random(1);
#if defined(__AMX_INT8__)
    if (syscall(SYS_arch_prctl, 0x1023, 18)) return 2;
    take_tiles();
#endif
    bool right = true;
    for (long rows : {1, 7, 16, 33, 49})
        for (long inputs : {64, 192, 3072})
            for (long outputs : {32, 96, 160})
                right &= equal(rows, inputs, outputs, -1, -1, random) && equal(rows, inputs, outputs, 255, 127, random) &&
                         equal(rows, inputs, outputs, 255, 129, random);
    std::puts(right ? "equal" : "DIFFERENT");
    return !right;
}
