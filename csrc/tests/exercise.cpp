// Runs small networks, and attention of a training there and back, on every target that this machine has, in memory
// of exactly the size that is asked for.
// Under the sanitizers of the compiler every step outside, every race and every undefined operation shows.
//
//   exercise       exit code 0, or 1 where threads change the bits or a target is far from the portable float32
#include "../swinkit.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

long rounded_up(long n, long to) { return (n + to - 1) / to * to; }

// How a target has its weights.
struct Packing {
    long together, panel, inputs; // inputs side by side; outputs of a panel; what inputs are padded to
};

// A network with weights of its own, the same for every target.
struct Network {
    swk_network net = {};
    std::deque<std::vector<float>> numbers; // a deque: pieces stay where they are
    std::deque<std::vector<swk_block>> blocks;
    std::mt19937 random{1};
    const std::string dtype;
    const Packing inner, ends;

    Network(int target, int version, int height, int width, int window, int shift, int channels, int heads)
        : dtype(swk_target_dtype(target)),
          inner{dtype == "float32" ? 1 : dtype == "bfloat16" ? 2 : 4, swk_target_panel(target), swk_target_inputs(target)},
          ends{dtype == "bfloat16" ? 2 : 1, swk_target_end_panel(target), SWK_PAD} {
        net.version = version;
        net.stages = 2;
        net.in_channels = 3;
        net.patch[0] = net.patch[1] = 2;
        net.image[0] = height * 2 - 1; // the last patch lacks a row
        net.image[1] = width * 2;
        net.classes = 5;
        net.embed = linear(12, channels, ends);
        net.embed_norm = norm(channels);
        for (int i = 0; i < 2; i++) add_stage(i, height, width, window, shift, channels, heads);
        net.norm = norm(2 * channels);
        net.head = linear(2 * channels, net.classes, ends);
    }

    void add_stage(int i, int height, int width, int window, int shift, int channels, int heads) {
        swk_stage &stage = net.stage[i];
        stage.channels = channels << i;
        stage.height = i ? (height + 1) / 2 : height;
        stage.width = i ? (width + 1) / 2 : width;
        if (i) {
            stage.reduction = linear(4 * channels, stage.channels, inner);
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
        const long size = rounded_up(channels / heads, 16);
        b.norm1 = norm(channels);
        b.norm2 = norm(channels);
        if (odd) b.norm3 = norm(channels);
        b.hidden_chunk = (int)(4 * channels < 384 ? rounded_up(4 * channels, inner.inputs) : 384);
        b.qkv = linear(channels, 3 * size, inner, heads);
        b.qkv.outputs = 3 * size;
        b.proj = linear(heads * size, channels, inner);
        b.fc1 = linear(channels, 4 * channels, inner);
        b.fc2 = linear(4 * channels, channels, inner, 1, b.hidden_chunk);
        b.bias_table = draw((long)heads * (2 * window - 1) * (2 * window - 1) + SWK_PAD);
        b.scale = draw(heads);
        b.heads = heads;
        b.head_size = (int)size;
        b.window[0] = b.window[1] = window;
        b.shift[0] = b.shift[1] = shift;
        b.masks_padding = odd;
        b.mask_value = -100;
        return b;
    }

    float *draw(long count, float scale = 0.3f) {
        std::normal_distribution<float> normal(0, scale);
        auto &piece = numbers.emplace_back(count);
        for (float &number : piece) number = normal(random);
        return piece.data();
    }

    // Memory for so many bytes.
    void *room(long bytes) { return numbers.emplace_back((bytes + 3) / 4).data(); }

    // A layer of heads × `outputs`, each head padded to whole panels. Padded inputs and outputs have weight zero.
    swk_linear linear(long inputs, long outputs, const Packing &packing, long heads = 1, long chunk = 0) {
        const long k = rounded_up(inputs, packing.inputs), of_head = rounded_up(outputs, packing.panel);
        const long n = rounded_up(rounded_up((heads - 1) * of_head + outputs, SWK_PAD), packing.panel);
        const float *weights = draw(heads * outputs * inputs, 0.05f), *biases = draw(heads * outputs);
        swk_linear layer = {};
        layer.inputs = k;
        layer.outputs = rounded_up(outputs, SWK_PAD);
        layer.chunk = chunk ? chunk : k;
        float *bias = (float *)room(n * 4), *scale = (float *)room(n * 4);
        int *totals = (int *)room((k + layer.chunk - 1) / layer.chunk * n * 4);
        char *panels = (char *)room(n * k * 4 / packing.together);
        for (long head = 0; head < heads; head++)
            for (long output = 0; output < outputs; output++) {
                const long row = head * of_head + output;
                bias[row] = biases[head * outputs + output];
                scale[row] = 0.25f / 127; // of the largest weights that are likely
                for (long input = 0; input < inputs; input++) {
                    const float weight = weights[(head * outputs + output) * inputs + input];
                    const long group = row / packing.panel * (k / packing.together) + input / packing.together;
                    char *place = panels + (group * packing.panel + row % packing.panel) * 4 +
                                  input % packing.together * (4 / packing.together);
                    totals[input / layer.chunk * n + row] += put(weight, scale[row], packing.together, place);
                }
            }
        layer.panels = panels;
        layer.bias = bias;
        layer.scale = scale;
        layer.totals = totals;
        return layer;
    }

    // A weight as its type has it; the integer that it became.
    static int put(float weight, float scale, long together, char *place) {
        if (together == 1) std::memcpy(place, &weight, 4);
        if (together == 2) std::memcpy(place, (char *)&weight + 2, 2); // bfloat16 is the upper half
        const int whole = together == 4 ? (int)std::lrint(std::fmax(-127, std::fmin(127, weight / scale))) : 0;
        if (together == 4) *place = (char)whole;
        return whole;
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

// How far numbers are from the right ones, as a share of the largest.
double distance(const std::vector<float> &found, const std::vector<float> &right) {
    double furthest = 0, largest = 0;
    for (size_t i = 0; i < right.size(); i++) {
        furthest = std::fmax(furthest, std::isfinite(found[i]) ? std::fabs(found[i] - right[i]) : INFINITY);
        largest = std::fmax(largest, std::fabs(right[i]));
    }
    return furthest / largest;
}

bool exercise(int target, const swk_network &net, int batch, const std::vector<float> &right) {
    const std::vector<float> alone = run(target, net, batch, 1);
    const bool is_float = !std::strcmp(swk_target_dtype(target), "float32");
    bool same = distance(alone, right) < (is_float ? 1e-5 : 5e-2);
    for (int threads : {2, 3, 7}) same &= run(target, net, batch, threads) == alone;
    bool others[3];
    std::vector<std::thread> callers; // several calls at once
    for (bool &other : others)
        callers.emplace_back([&] { other = run(target, net, batch, 2) == alone; });
    for (std::thread &caller : callers) caller.join();
    return same && others[0] && others[1] && others[2];
}

// The portable target for float32, which all are held against.
int portable() {
    for (int target = 0;; target++)
        if (!std::strcmp(swk_target_name(target), "portable") && !std::strcmp(swk_target_dtype(target), "float32"))
            return target;
}

// Attention of the second block of a network's first stage, and its gradient, side by side.
std::vector<float> train(int target, const Network &network, bool is_bfloat16, int batch, int threads) {
    const swk_stage &stage = network.net.stage[0];
    const long tokens = (long)batch * stage.height * stage.width, channels = stage.channels;
    swk_attention call = {};
    call.block = stage.blocks[1];
    call.version = network.net.version;
    call.is_bfloat16 = is_bfloat16;
    call.batch = batch;
    call.height = stage.height;
    call.width = stage.width;
    call.channels = (int)channels;
    const int share = is_bfloat16 ? 2 : 1; // numbers in the room of a float
    const auto numbers = [&](long count) {
        std::vector<float> all(count);
        for (long i = 0; i < count; i++) all[i] = (float)(i * 2654435761u % 1000) / 500 - 1;
        std::vector<float> given((count + share - 1) / share);
        for (long i = 0; i < count; i++)
            std::memcpy((char *)given.data() + i * 4 / share, (char *)&all[i] + 4 - 4 / share, 4 / share);
        return given;
    };
    const std::vector<float> qkv = numbers(tokens * 3 * channels), gradient = numbers(tokens * channels),
                             pad(3 * channels, 0.5f);
    std::vector<float> out(gradient.size()), back(qkv.size());
    std::vector<float> sums(swk_attention_parts(&call) * swk_attention_sums(&call));
    call.pad = pad.data();
    call.qkv = qkv.data();
    call.out = out.data();
    call.out_gradient = gradient.data();
    call.qkv_gradient = back.data();
    call.sums = sums.data();
    const size_t bytes = swk_attention_workspace(target, &call, threads);
    void *workspace = std::aligned_alloc(64, bytes);
    for (int goes_back : {0, 1}) swk_attend(target, &call, goes_back, workspace, threads);
    std::free(workspace);
    std::vector<float> all;
    const auto add = [&](const std::vector<float> &part, int numbers) {
        for (size_t i = 0; i < part.size() * numbers; i++) {
            float number = 0;
            std::memcpy((char *)&number + 4 - 4 / numbers, (const char *)part.data() + i * 4 / numbers, 4 / numbers);
            all.push_back(number);
        }
    };
    add(out, share);
    add(back, share);
    add(sums, 1);
    return all;
}

bool exercise_training(int target, const Network &network, int batch) {
    bool right = true;
    for (bool is_bfloat16 : {false, true}) {
        const std::vector<float> alone = train(target, network, is_bfloat16, batch, 1);
        right &= distance(alone, train(portable(), network, is_bfloat16, batch, 1)) < (is_bfloat16 ? 1e-2 : 1e-5);
        for (int threads : {2, 7}) right &= train(target, network, is_bfloat16, batch, threads) == alone;
    }
    return right;
}

} // namespace

int main() {
    int failures = 0;
    for (int target = 0; target < swk_targets(); target++) {
        if (!swk_target_runs(target)) continue;
        for (int version : {1, 2})
            for (const auto &[height, width, window, shift, channels, heads] :
                 {std::array{8, 8, 4, 2, 16, 2}, std::array{7, 11, 4, 2, 20, 5}, std::array{3, 5, 7, 3, 48, 3},
                  std::array{15, 9, 9, 4, 32, 1}, std::array{1, 1, 2, 1, 24, 2}, std::array{5, 4, 2, 1, 4, 1}}) {
                const Network plain(portable(), version, height, width, window, shift, channels, heads);
                const Network network(target, version, height, width, window, shift, channels, heads);
                bool right = exercise(target, network.net, 3, run(portable(), plain.net, 3, 1));
                if (!std::strcmp(swk_target_dtype(target), "float32")) right &= exercise_training(target, network, 3);
                failures += !right;
                std::printf("%-12s %-8s v%d map %2d x %2d window %d channels %d: %s\n", swk_target_name(target),
                            swk_target_dtype(target), version, height, width, window, channels,
                            right ? "right" : "WRONG");
            }
    }
    return failures != 0;
}
