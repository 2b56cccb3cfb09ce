// A whole Swin block over a group of windows, from the map and back to the same places of it.
//
//   x̂ = norm1(x)                      v2: x itself
//   for each head                      shared among a team by heads
//     q, k, v of all tokens            C → 3·d; padding is zero, so its q, k, v are the bias
//     for each window: attend          results side by side in `mixed`
//   x += proj(mixed)                   v2: through norm1
//   x̂ = norm2(x)                      v2: x itself
//   for each chunk of hidden units     4·C never exist at once
//     hidden = gelu(fc1(x̂))
//     x += fc2(hidden)                 v2: summed apart, then through norm2
//   x = norm3(x)                       some huge v2 sizes
//
// Shift, padding and partition are in the addresses of the tokens and nowhere else. Only real tokens take part
// in anything but attention.
#pragma once

namespace swinkit::SWK_TARGET { namespace {

// What a team shares while it does a group of windows.
template <class Element> struct BlockRoom {
    const long rows, channels;
    const Rows<Element> normed; // x̂
    const Rows<Element> mixed;  // results of attention; later
    const Rows<Element> hidden; // hidden units, in the same place
    float *const branch;        // v2: what a branch gives, before its norm

    BlockRoom(const BlockTask &task, long windows, Carver &common, Carver &own)
        : rows(windows * task.block->window[0] * task.block->window[1]), channels(padded(task.channels)),
          normed(Rows<Element>::at_once(rows, task.block->qkv.inputs, common, own)),
          mixed(Rows<Element>::in_pieces(rows, longest(*task.block), common).with_step(task.block->proj.inputs)),
          hidden(mixed.with_step(task.block->hidden_chunk)),
          branch(common.take<float>(task.version == 2 ? rows * channels : 0)) {}

  private:
    static long longest(const swk_block &block) {
        return block.proj.inputs > block.hidden_chunk ? block.proj.inputs : block.hidden_chunk;
    }
};

// Element: of layers; Number: of attention.
template <class Element, class Number> class Block {
  public:
    Block(const BlockTask &task_, long windows, const Team &team_, char *common, char *own)
        : Block(task_, windows, team_, Carver(common), Carver(own)) {}

    void run(long from, long to) {
        group.find(task, from, to);
        normalise_rows(block.norm1);
        barrier(team);
        attention();
        barrier(team);
        project();
        barrier(team);
        if (cosine) add_branch(block.norm1);
        normalise_rows(block.norm2);
        barrier(team);
        mlp();
        if (cosine) add_branch(block.norm2);
        if (block.norm3.weight) final_norm();
        barrier(team);
    }

  private:
    Block(const BlockTask &task_, long windows, const Team &team_, Carver common, Carver own)
        : task(task_), block(*task_.block), team(team_), cosine(task_.version == 2), room(task_, windows, common, own),
          group(task_, windows, own), heads(block, group, windows, own) {}

    const BlockTask &task;
    const swk_block &block;
    const Team &team;
    const bool cosine;
    const BlockRoom<Element> room;
    Group group;
    const Heads<Number> heads;

    // A real token on the map.
    float *token(long i) const { return task.map + group.token[i] * room.channels; }

    // v2 has its norms behind attention and MLP: there x itself goes in.
    void normalise_rows(const swk_norm &norm) {
        const swk_norm none = {};
        const Share mine(group.real, team);
        for (long i = mine.from; i < mine.to; i++)
            normalise(token(i), cosine ? none : norm, task.channels, room.channels, room.normed, i);
    }

    void attention() {
        const Share mine(block.heads, team);
        for (int head = (int)mine.from; head < mine.to; head++) {
            queries_keys_values(head);
            for (long w = 0; w < group.windows; w++)
                attend(block, group, heads, w, head, cosine, room.mixed.row(0) + head * heads.size, room.mixed.step);
        }
        const long filled = block.heads * heads.size;
        const Share rows(group.real, team);
        for (long i = rows.from; i < rows.to; i++) clear(room.mixed.row(i), filled, room.mixed.step);
    }

    void queries_keys_values(int head) {
        const long outputs = rounded_up(heads.step, panel_outputs<Element>());
        const float *bias = block.qkv.bias + head * outputs;
        if (group.real < group.windows * group.tokens)
            for (long i = 0; i < group.windows * group.tokens; i++)
                if (group.number[i] < 0) convert(bias, heads.step, heads.qkv + i * heads.step);
        layer(room.normed, group.real, block.qkv, Span{0, block.qkv.inputs},
              Span{head * outputs, head * outputs + heads.step}, [&](long i, long column, V sums) {
                  store_as(heads.qkv + group.place[i] * heads.step + column, sums + load(bias + column));
              });
    }

    void project() {
        settle(room.mixed, group.real, room.mixed.step, team);
        shared_layer(room.mixed, group.real, block.proj, team,
                     [&](long i, long column, V sums) { give(i, column, sums + load(block.proj.bias + column)); });
    }

    void mlp() {
        const long chunk = block.hidden_chunk;
        for (long from = 0; from < block.fc1.outputs; from += chunk) {
            // Outputs of the first layer, and inputs of the second, which may have more padding.
            const Span units{from, from + chunk < block.fc1.outputs ? from + chunk : block.fc1.outputs};
            const Span inputs{from, from + chunk < block.fc2.inputs ? from + chunk : block.fc2.inputs};
            const float *bias = block.fc1.bias + from;
            shared_layer(room.normed, group.real, block.fc1, Span{0, block.fc1.inputs}, units, team,
                         [&](long i, long column, V sums) {
                             store_gelu<Element>(room.hidden.row(i) + column, sums + load(bias + column));
                         });
            barrier(team);
            settle(room.hidden, group.real, units.to - units.from, team);
            const auto second = [&](auto add) {
                shared_layer(room.hidden, group.real, block.fc2, inputs, Span{0, block.fc2.outputs}, team, add);
            };
            if (from == 0)
                second([&](long i, long column, V sums) { give(i, column, sums + load(block.fc2.bias + column)); });
            else
                second([&](long i, long column, V sums) { add(i, column, sums); });
            barrier(team);
        }
    }

    // Part of what a branch gives: v1 adds it to the map, v2 keeps it for its norm.
    void give(long i, long column, V part) {
        if (cosine)
            store(room.branch + i * room.channels + column, part);
        else
            store(token(i) + column, load(token(i) + column) + part);
    }

    void add(long i, long column, V part) {
        float *x = cosine ? room.branch + i * room.channels : token(i);
        store(x + column, load(x + column) + part);
    }

    void add_branch(const swk_norm &norm) {
        const Share mine(group.real, team);
        for (long i = mine.from; i < mine.to; i++)
            add_normalised(token(i), room.branch + i * room.channels, norm, task.channels, room.channels);
    }

    void final_norm() {
        const Share mine(group.real, team);
        for (long i = mine.from; i < mine.to; i++)
            normalise(token(i), block.norm3, task.channels, room.channels, token(i));
    }
};

template <class Element, class Number>
void block(const BlockTask &task, long from, long to, const Team &team, char *common, char *own) {
    Block<Element, Number>(task, to - from, team, common, own).run(from, to);
}

template <class Element> size_t block_common(const BlockTask &task, long windows) {
    Carver common(nullptr), own(nullptr);
    BlockRoom<Element>(task, windows, common, own);
    return common.bytes();
}

template <class Element, class Number> size_t block_own(const BlockTask &task, long windows) {
    Carver common(nullptr), own(nullptr);
    BlockRoom<Element>(task, windows, common, own);
    const Group group(task, windows, own);
    Heads<Number>(*task.block, group, windows, own);
    return own.bytes();
}

}} // namespace
