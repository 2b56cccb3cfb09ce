// Runs small networks on every target that this machine has, in memory of exactly the size that is asked for.
// Under the sanitizers of the compiler every step outside, every race and every undefined operation shows.
//
//   exercise            exit code 0, or 1 where threads change the bits or a result is not finite
#include "../swinkit.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace {

long rounded_up(long n, long to) { return (n + to - 1) / to * to; }

// A network with weights of its own.
struct Network {
    swk_network net = {};
    std::deque<std::vector<float>> numbers; // a deque: pieces stay where they are
    std::deque<std::vector<swk_block>> blocks;
    std::mt19937 random{1};
    const bool is_float;
    const long panel;

    Network(int target, int version, int height, int width, int window, int shift, int channels, int heads)
        : is_float(!std::strcmp(swk_target_dtype(target), "float32")), panel(swk_target_panel(target)) {
        net.version = version;
        net.stages = 2;
        net.in_channels = 3;
        net.patch[0] = net.patch[1] = 2;
        net.image[0] = height * 2 - 1; // the last patch lacks a row
        net.image[1] = width * 2;
        net.classes = 5;
        net.embed = linear(12, channels);
        net.embed_norm = norm(channels);
        for (int i = 0; i < 2; i++) add_stage(i, height, width, window, shift, channels, heads);
        net.norm = norm(2 * channels);
        net.head = linear(2 * channels, net.classes);
    }

    void add_stage(int i, int height, int width, int window, int shift, int channels, int heads) {
        swk_stage &stage = net.stage[i];
        stage.channels = channels << i;
        stage.height = i ? (height + 1) / 2 : height;
        stage.width = i ? (width + 1) / 2 : width;
        if (i) {
            stage.reduction = linear(4 * channels, stage.channels);
            stage.reduction_norm = norm(net.version == 1 ? 4 * channels : stage.channels);
        }
        stage.depth = 2;
        auto &some = blocks.emplace_back();
        for (int j = 0; j < 2; j++) some.push_back(block(stage.channels, heads << i, window, j ? shift : 0, j));
        stage.blocks = some.data();
        stage.output_norm = norm(stage.channels);
    }

    swk_block block(int channels, int heads, int window, int shift, int odd) {
        swk_block b = {};
        const long size = rounded_up(channels / heads, 16), of_head = rounded_up(3 * size, panel);
        b.norm1 = norm(channels);
        b.norm2 = norm(channels);
        if (odd) b.norm3 = norm(channels);
        b.qkv = linear(channels, heads * of_head);
        b.qkv.outputs = 3 * size;
        b.proj = linear(heads * size, channels);
        b.fc1 = linear(channels, 4 * channels);
        b.fc2 = linear(4 * channels, channels);
        b.bias_table = draw((long)heads * (2 * window - 1) * (2 * window - 1) + SWK_PAD);
        b.scale = draw(heads);
        b.heads = heads;
        b.head_size = (int)size;
        b.window[0] = b.window[1] = window;
        b.shift[0] = b.shift[1] = shift;
        b.masks_padding = odd;
        b.mask_value = -100;
        b.hidden_chunk = (int)(4 * channels < 384 ? rounded_up(4 * channels, SWK_PAD) : 384);
        return b;
    }

    float *draw(long count, float scale = 0.3f) {
        std::normal_distribution<float> normal(0, scale);
        auto &piece = numbers.emplace_back(count);
        for (float &number : piece) number = normal(random);
        return piece.data();
    }

    // Padded inputs and outputs have weight zero.
    swk_linear linear(long inputs, long outputs) {
        const long k = rounded_up(inputs, SWK_PAD), n = rounded_up(rounded_up(outputs, SWK_PAD), panel);
        float *weights = draw(is_float ? n * k : n * k / 2, is_float ? 0.05f : 0), *bias = draw(n);
        for (long i = outputs; i < n; i++) bias[i] = 0;
        auto *pairs = (unsigned short *)weights;
        for (long at = 0; at < n * k; at++) {
            const long row = is_float ? at / panel : at / 2 / panel, column = is_float ? at % panel : at / 2 % panel;
            const long rows = is_float ? k : k / 2, input = is_float ? row % rows : row % rows * 2 + at % 2;
            const bool real = input < inputs && row / rows * panel + column < outputs;
            if (is_float && !real) weights[at] = 0;
            if (!is_float) pairs[at] = real ? (at * 7919 % 2 ? 0x3d00 : 0xbcc0) + at % 64 : 0; // about ±0.03
        }
        return {weights, bias, k, rounded_up(outputs, SWK_PAD)};
    }

    swk_norm norm(long channels) {
        const long k = rounded_up(channels, SWK_PAD);
        float *weight = draw(k), *bias = draw(k);
        for (long i = channels; i < k; i++) weight[i] = bias[i] = 0;
        return {weight, bias};
    }
};

// Everything that a run can give, side by side.
std::vector<float> run(int target, const swk_network &net, int batch, int threads) {
    const long pixels = 3l * net.image[0] * net.image[1];
    std::vector<float> image(batch * pixels);
    for (size_t i = 0; i < image.size(); i++) image[i] = (float)(i * 2654435761u % 1000) / 500 - 1;
    const swk_images images = {image.data(), batch, {pixels, pixels / 3, net.image[1], 1}, nullptr, nullptr};
    std::vector<std::vector<float>> parts;
    const auto room = [&](long count) { return parts.emplace_back(count).data(); };
    swk_outputs outputs = {};
    const swk_stage &last = net.stage[net.stages - 1];
    for (int i = 0; i < net.stages; i++) {
        const swk_stage &stage = net.stage[i];
        outputs.maps[i] = room((long)batch * stage.channels * stage.height * stage.width);
    }
    outputs.encoded = room((long)batch * last.channels * last.height * last.width);
    outputs.embedding = room((long)batch * last.channels);
    outputs.logits = room((long)batch * net.classes);
    const size_t bytes = swk_workspace(target, &net, batch, threads);
    void *workspace = std::aligned_alloc(64, bytes);
    if (swk_run(target, &net, &images, &outputs, workspace, bytes, threads)) std::puts("the workspace is too small");
    std::free(workspace);
    std::vector<float> all;
    for (const auto &part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

bool exercise(int target, const swk_network &net, int batch) {
    const std::vector<float> alone = run(target, net, batch, 1);
    for (float number : alone)
        if (!std::isfinite(number)) return false;
    bool same = true;
    for (int threads : {2, 3, 7}) same &= run(target, net, batch, threads) == alone;
    bool others[3];
    std::vector<std::thread> callers; // several calls at once
    for (bool &other : others)
        callers.emplace_back([&] { other = run(target, net, batch, 2) == alone; });
    for (std::thread &caller : callers) caller.join();
    return same && others[0] && others[1] && others[2];
}

} // namespace

int main() {
    int failures = 0;
    for (int target = 0; target < swk_targets(); target++) {
        if (!swk_target_runs(target)) continue;
        for (int version : {1, 2})
            for (const auto &[height, width, window, shift, channels, heads] :
                 {std::array{8, 8, 4, 2, 16, 2}, std::array{7, 11, 4, 2, 20, 5}, std::array{3, 5, 7, 3, 48, 3},
                  std::array{15, 9, 9, 4, 32, 1}, std::array{1, 1, 2, 1, 24, 2}}) {
                const Network network(target, version, height, width, window, shift, channels, heads);
                const bool right = exercise(target, network.net, 3);
                failures += !right;
                std::printf("%-12s v%d map %2d x %2d window %d channels %d: %s\n", swk_target_name(target), version,
                            height, width, window, channels, right ? "right" : "WRONG");
            }
    }
    return failures != 0;
}
