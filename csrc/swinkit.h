// The C interface of swinkit's CPU kernels: plain structs in, plain arrays out; no Python and no torch.
//
// A network is described once for an image size and then run on any number of images. All pointers belong to
// the caller and must outlive the call. Channels are padded with zeros to SWK_PAD in weights and maps, so that
// no kernel ever meets part of a vector in the channel direction.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define SWK_API __declspec(dllexport)
#else
#define SWK_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum { SWK_VERSION = 5, SWK_PAD = 32, SWK_MOST_STAGES = 8 };

// y = x·Wᵀ + bias. `panels` is W cut into panels of as many outputs as the target's panel has; inside a panel
// all weights of one input lie together (bf16: of two inputs, in pairs; int8: of four). Inputs and outputs are
// padded counts.
typedef struct {
    const void *panels;
    const float *bias;
    int64_t inputs;
    int64_t outputs;
    // Of int8 weights, else NULL. What 1 stands for in each output's weights …
    const float *scale;
    // … and their sums over each `chunk` of inputs, one row of padded outputs for each.
    const int32_t *totals;
    int64_t chunk;
} swk_linear;

// LayerNorm; weight and bias are padded with zeros. weight NULL: there is no norm.
typedef struct {
    const float *weight;
    const float *bias;
} swk_norm;

typedef struct {
    swk_norm norm1, norm2, norm3;
    // Outputs of qkv come head by head: q, k and v of one head side by side, then zeros to whole panels.
    // `qkv.outputs` counts those of one head.
    swk_linear qkv, proj, fc1, fc2;
    // heads, 2·Mh − 1, 2·Mw − 1, turned by 180°; SWK_PAD floats behind its end can be read.
    const float *bias_table;
    // v1: d^−½, v2: what the cosine is multiplied by; one for each head.
    const float *scale;
    int32_t heads;
    int32_t head_size; // padded to a multiple of 16
    int32_t window[2];
    int32_t shift[2];
    int32_t rolls_first;
    int32_t masks_padding;
    float mask_value;
    // Hidden units that are computed at a time; fixes the order of sums, so it depends on the model alone.
    int32_t hidden_chunk;
} swk_block;

typedef struct {
    swk_linear reduction; // panels NULL: the stage opens without merging
    swk_norm reduction_norm;
    const swk_block *blocks;
    swk_norm output_norm; // of a dense model
    int32_t depth;
    int32_t channels;
    int32_t height;
    int32_t width;
} swk_stage;

typedef struct {
    int32_t version;    // of Swin: 1 norms before attention and MLP, 2 behind them
    int32_t stages;
    int32_t in_channels;
    int32_t patch[2];
    int32_t image[2];   // in pixels; what a last patch lacks is zero
    int32_t classes;    // 0: no head
    swk_linear embed;
    swk_norm embed_norm;
    const float *position; // height, width, padded channels of the first stage; or NULL
    swk_norm norm;      // the final one
    swk_linear head;
    swk_stage stage[SWK_MOST_STAGES];
} swk_network;

// What is wanted of a run; NULL for what is not.
typedef struct {
    float *maps[SWK_MOST_STAGES]; // batch, channels, height, width of a stage, after its output norm
    float *encoded;               // batch, height, width, channels after the final norm
    float *embedding;             // batch, channels
    float *logits;                // batch, classes
} swk_outputs;

// Where to find the images: float or uint8, any strides in elements.
typedef struct {
    const void *pixels;
    int64_t batch;
    int64_t strides[4];
    // For each channel of uint8 images: the network sees value · scale + shift. NULL: pixels are float, as they are.
    const float *scale, *shift;
} swk_images;

// Attention of a training, between the layers qkv and proj. Maps are unpadded and unshifted; they, their gradients
// and what a training keeps are float, or bfloat16 throughout.
typedef struct {
    swk_block block; // norms and layers are not looked at
    int32_t version;
    int32_t is_bfloat16;
    int64_t batch;
    int32_t height, width, channels;
    const float *pad;         // 3 · channels: q, k and v of a padded token
    const void *qkv;          // batch, height, width, 3 · channels; inside each third head by head
    void *out;                // batch, height, width, channels
    const void *out_gradient; // likewise
    void *qkv_gradient;       // as qkv
    // A row for each part: gradients of the table of bias, as that is turned, of pad, of scale; they are added to.
    // SWK_PAD floats follow in each, to which nothing but 0 is added.
    float *sums;
} swk_attention;

SWK_API int swk_version(void);

// Targets are instruction sets with kernels of their own, best first; each serves one type of product.
SWK_API int swk_targets(void);
SWK_API const char *swk_target_name(int target);
SWK_API const char *swk_target_dtype(int target);
// Of the layers in blocks and between stages: outputs in a panel, and what their inputs are padded to.
SWK_API int swk_target_panel(int target);
SWK_API int swk_target_inputs(int target);
// Outputs in a panel of patch embedding and head, which a target for int8 computes in float32.
SWK_API int swk_target_end_panel(int target);
// Whether this machine has the instructions, and lets us use them.
SWK_API int swk_target_runs(int target);
// Whether it was ever tested on such a machine; one that was not should run for those alone who name it.
SWK_API int swk_target_tested(int target);

// Bytes that a run of so many images on so many threads works in, 64-byte aligned.
SWK_API size_t swk_workspace(int target, const swk_network *network, int64_t batch, int threads);

// 0, or −1 where the workspace is too small. Runs on the calling thread and threads − 1 of a pool.
SWK_API int swk_run(int target, const swk_network *network, const swk_images *images, const swk_outputs *outputs,
                    void *workspace, size_t bytes, int threads);

// Attention, or where it goes back its gradient. Only targets for float32 have it, which serve both types of maps.
SWK_API void swk_attend(int target, const swk_attention *attention, int goes_back, void *workspace, int threads);
// Bytes that either works in, 64-byte aligned; how many parts there are, and how long is a row of `sums`.
SWK_API size_t swk_attention_workspace(int target, const swk_attention *attention, int threads);
SWK_API int64_t swk_attention_parts(const swk_attention *attention);
SWK_API int64_t swk_attention_sums(const swk_attention *attention);

// A number that is likely to change when any of these pieces of memory does: it looks at samples of each.
SWK_API uint64_t swk_fingerprint(const void *const *starts, const int64_t *bytes, int count);

#ifdef __cplusplus
}
#endif
