// Where the tokens of a window lie: the same integers as swinkit.windows.WindowPlan.
//
// A map that is no whole number of windows is padded right and below. On the shifted map each axis has three
// strips, [0, P−M), [P−M, P−s) and [P−s, P); tokens of different strip pairs are apart, and get the mask.
#pragma once

namespace swinkit::SWK_TARGET { namespace {

struct Axis {
    long size, window, shift, windows, whole;
    bool rolls_first;

    Axis(long size_, long window_, long shift_, bool rolls_first_)
        : size(size_), window(window_), shift(shift_), windows((size_ + window_ - 1) / window_),
          whole(windows * window_), rolls_first(rolls_first_) {}

    // Coordinate on the map of a place on the shifted, padded axis; −1 for padding.
    long source(long place) const {
        if (rolls_first) return place < size ? (place + shift) % size : -1;
        const long coordinate = (place + shift) % whole;
        return coordinate < size ? coordinate : -1;
    }

    long strip(long place) const { return (place >= whole - window) + (place >= whole - shift); }
};

// A group of windows, `from` to `to` counted over all images: their tokens, real and padded.
struct Group {
    const Axis rows, columns;
    const long tokens;   // N, of one window
    const long stride;   // N padded to whole vectors
    long windows;        // in this group
    long real;           // tokens that are no padding
    long *token;         // for each real token its number on the maps: (image · H + y) · W + x
    int *place;          // for each real token its place in the group
    int *number;         // for each place in the group its number among the real tokens; −1 for padding
    float *region;       // for each window, `stride` region numbers
    float *is_padding;   // likewise 0 or 1
    unsigned char *mask; // for each window whether anything in it is masked

    Group(const BlockTask &task, long most, Carver &room)
        : rows(task.height, task.block->window[0], task.block->shift[0], task.block->rolls_first),
          columns(task.width, task.block->window[1], task.block->shift[1], task.block->rolls_first),
          tokens(rows.window * columns.window), stride(rounded_up(tokens, LANES)), windows(0), real(0),
          token(room.take<long>(most * tokens)), place(room.take<int>(most * tokens)),
          number(room.take<int>(most * tokens)), region(room.take<float>(most * stride)),
          is_padding(room.take<float>(most * stride)), mask(room.take<unsigned char>(most)) {}

    void find(const BlockTask &task, long from, long to) {
        const long in_image = rows.windows * columns.windows;
        windows = to - from;
        real = 0;
        for (long w = 0; w < windows; w++) {
            const long image = (from + w) / in_image, index = (from + w) % in_image;
            const long row = index / columns.windows, column = index % columns.windows;
            const bool pads = find_window(w, row, column, image * task.height * task.width, task.width);
            mask[w] = (rows.shift && row == rows.windows - 1) || (columns.shift && column == columns.windows - 1) ||
                      (pads && task.block->masks_padding);
        }
    }

  private:
    // Whether the window holds padding.
    bool find_window(long w, long row, long column, long first, long width) {
        bool pads = false;
        for (long y = 0, at = 0; y < rows.window; y++) {
            const long map_y = rows.source(row * rows.window + y), strip = rows.strip(row * rows.window + y);
            for (long x = 0; x < columns.window; x++, at++) {
                const long map_x = columns.source(column * columns.window + x);
                const bool is_real = map_y >= 0 && map_x >= 0;
                region[w * stride + at] = (float)(strip * 3 + columns.strip(column * columns.window + x));
                is_padding[w * stride + at] = is_real ? 0.0f : 1.0f;
                number[w * tokens + at] = is_real ? (int)real : -1;
                if (is_real) {
                    token[real] = first + map_y * width + map_x;
                    place[real++] = (int)(w * tokens + at);
                }
                pads |= !is_real;
            }
        }
        clear(region + w * stride, tokens, stride);
        clear(is_padding + w * stride, tokens, stride);
        return pads;
    }
};

}} // namespace
