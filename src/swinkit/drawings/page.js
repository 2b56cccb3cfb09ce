"use strict";
document.documentElement.classList.add("script");
const data = JSON.parse(document.getElementById("data").textContent);
const found = (id) => document.getElementById(id);
const shape = (name, attributes) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};
const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

/* A plan as the page knows it: which token of the map stands where in which window. */
function plan(stored) {
  const source = new Uint32Array(bytes(stored.source).buffer);
  const [height, width] = stored.map;
  const place = new Uint32Array(height * width);
  source.forEach((token, i) => { if (token < height * width) place[token] = i; });
  const size = stored.window[0] * stored.window[1];
  return { ...stored, source, place, size, height, width, padding: height * width };
}

/* The same window and the same region: tokens that may attend to each other. */
function partners(of, token) {
  const place = of.place[token], start = place - (place % of.size), found = [];
  for (let i = start; i < start + of.size; i++) {
    if (of.regions[i] === of.regions[place]) found.push(of.source[i]);
  }
  return found;
}

/* Clicks and arrow keys choose a token; `at` turns a point of the drawing into (row, column). */
function choosing(svg, says, at, size, chosen, choose) {
  svg.setAttribute("tabindex", "0");
  svg.setAttribute("role", "application");
  svg.setAttribute("aria-describedby", says);
  svg.addEventListener("click", (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    choose(...at(point.x, point.y));
  });
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const [rows, columns, stride] = size(), [row, column] = chosen();
    choose((row + step[0] * stride + rows) % rows, (column + step[1] * stride + columns) % columns);
  });
}

/* ---- the cyclic shift ---- */
(() => {
  const svg = found("roll"), of = plan(data.roll), [down, right] = of.stride;
  let rolled = 1, token = null;

  function roll(share) {
    rolled = share;
    found("roll-by").value = share;
    found("rolling").setAttribute("transform", `translate(${-share * of.shift[1] * right} ${-share * of.shift[0] * down})`);
    found("roll-amount").textContent = (share * of.shift[1]).toFixed(share % 1 ? 1 : 0);
  }
  function choose(row, column) {
    if (row >= of.height || column >= of.width) return;
    token = [row, column];
    const allowed = partners(of, row * of.width + column);
    const real = allowed.filter((one) => one < of.padding);
    found("partners").replaceChildren(
      ...real.map((one) => shape("rect", {
        class: "partner", x: (one % of.width) * right, y: Math.floor(one / of.width) * down, width: right, height: down,
      })),
      shape("rect", { class: "token", x: column * right, y: row * down, width: right, height: down }),
    );
    const letter = "ABCDEFGHI"[of.regions[of.place[row * of.width + column]]];
    const padding = allowed.length - real.length;
    found("roll-says").textContent = `Row ${row}, column ${column} may attend to ${allowed.length} of the ${of.size} tokens `
      + `in its window: those of region ${letter}` + (padding ? `, ${padding} of them padding.` : ".");
  }
  const at = (x, y) => [
    Math.floor(((y + rolled * of.shift[0] * down) / down) % of.period[0]),
    Math.floor(((x + rolled * of.shift[1] * right) / right) % of.period[1]),
  ];
  choosing(svg, "roll-says", at, () => [of.height, of.width, 1], () => token ?? [0, 0], choose);
  found("roll-by").addEventListener("input", (event) => roll(Number(event.target.value)));
  found("roll-play").addEventListener("click", () => {
    const start = performance.now(), calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const frame = (now) => {
      const share = calm ? 1 : Math.min((now - start) / 1800, 1);
      roll(share < 1 ? share * share * (3 - 2 * share) : 1);
      if (share < 1) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
})();

/* ---- attention of a token ---- */
(() => {
  const svg = found("attention-view"), blocks = data.blocks.map(plan);
  let block = blocks[data.chosen], token = data.token, head = 0;
  blocks.forEach((one) => { one.packed = bytes(one.weights); one.floors = bytes(one.floors); });

  /* Row-major, every `step`-th token; two weights to a byte, as roots between the row's floor and 1. */
  function weights(of, [row, column], plane) {
    const across = Math.ceil(of.width / of.step);
    const query = Math.floor(row / of.step) * across + Math.floor(column / of.step);
    const line = query * (1 + of.heads) + plane, start = line * of.size, low = of.floors[line] / 255;
    const squares = Array.from({ length: of.size }, (_, j) => {
      const i = start + j, level = i % 2 ? of.packed[i >> 1] & 15 : of.packed[i >> 1] >> 4;
      return level ? (low + (1 - low) * (level - 1) / 14) ** 2 : 0;
    });
    const sum = squares.reduce((a, b) => a + b, 0);
    return squares.map((one) => one / sum);
  }
  function colour(share) {
    const place = share * (data.ramp.length - 1), low = Math.min(Math.floor(place), data.ramp.length - 2);
    return data.ramp[low].map((one, i) => Math.round(one + (place - low) * (data.ramp[low + 1][i] - one)));
  }
  function draw() {
    const of = block, [down, right] = of.stride, [row, column] = token;
    const looks = weights(of, token, head), most = Math.max(...looks);
    const place = of.place[row * of.width + column], start = place - (place % of.size);
    const cells = [];
    looks.forEach((weight, i) => {
      const one = of.source[start + i];
      if (one === of.padding) return;
      cells.push(shape("rect", {
        class: "looked", fill: `rgb(${colour(weight / most)})`,
        x: (one % of.width) * right, y: Math.floor(one / of.width) * down, width: right, height: down,
      }));
    });
    svg.setAttribute("viewBox", `0 0 ${of.extent[1]} ${of.extent[0]}`);
    svg.querySelectorAll(".padding, .veil").forEach((one) => {
      one.setAttribute("width", of.extent[1]);
      one.setAttribute("height", of.extent[0]);
    });
    found("looks").replaceChildren(...cells);
    found("asking").replaceChildren(shape("rect", { class: "token", x: column * right, y: row * down, width: right, height: down }));
    say(of, looks, most, start, place);
    drawHeads();
  }
  function say(of, looks, most, start, place) {
    const [row, column] = token, one = of.source[start + looks.indexOf(most)];
    const where = one === of.padding ? "padding"
      : one === row * of.width + column ? "itself" : `row ${Math.floor(one / of.width)}, column ${one % of.width}`;
    const allowed = partners(of, row * of.width + column).length, percent = (share) => `${(100 * share).toFixed(1)} %`;
    found("attention-says").textContent =
      `Stage ${of.stage + 1}, block ${of.block + 1}, ${head ? `head ${head}` : "mean of all heads"}. The token in row ${row}, column ${column} `
      + `looks at ${allowed === of.size ? "all" : allowed + " of"} ${of.size} tokens of window ${Math.floor(place / of.size) + 1} of ${of.grid[0] * of.grid[1]}, `
      + `most at ${where}: about ${percent(most)}. An even gaze would give each ${percent(1 / allowed)}.`;
  }
  function drawHeads() {
    const box = found("attention-heads"), [rows, columns] = block.window;
    if (box.childElementCount !== block.heads + 1 || box.dataset.block !== String(blocks.indexOf(block))) {
      box.dataset.block = blocks.indexOf(block);
      box.replaceChildren(...Array.from({ length: block.heads + 1 }, (_, i) => {
        const button = document.createElement("button"), canvas = document.createElement("canvas");
        button.type = "button";
        [canvas.height, canvas.width] = [rows, columns];
        button.append(canvas, i ? `head ${i}` : "mean");
        button.addEventListener("click", () => { head = i; draw(); });
        return button;
      }));
    }
    [...box.children].forEach((button, i) => {
      button.setAttribute("aria-pressed", String(i === head));
      const looks = weights(block, token, i), most = Math.max(...looks), picture = new ImageData(columns, rows);
      looks.forEach((weight, j) => picture.data.set([...colour(weight / most), 255], 4 * j));
      button.firstChild.getContext("2d").putImageData(picture, 0, 0);
    });
  }
  function choose(row, column) {
    const within = (one, size) => Math.min(Math.max(one, 0), size - 1);
    const snapped = (one) => one - (one % block.step);
    token = [snapped(within(row, block.height)), snapped(within(column, block.width))];
    draw();
  }
  const at = (x, y) => [Math.floor(y / block.stride[0]), Math.floor(x / block.stride[1])];
  choosing(svg, "attention-says", at, () => [block.height, block.width, block.step], () => token, choose);
  document.querySelectorAll("input[name=attend]").forEach((input) => input.addEventListener("change", () => {
    const y = (token[0] + 0.5) * block.stride[0], x = (token[1] + 0.5) * block.stride[1];
    block = blocks[input.value];
    head = Math.min(head, block.heads);
    choose(...at(x, y));
  }));
  const checked = document.querySelector("input[name=attend]:checked");  // browsers restore it on reload
  if (checked) block = blocks[checked.value];
  choose(...(block === blocks[data.chosen] ? data.token : [0, 0]));
})();
