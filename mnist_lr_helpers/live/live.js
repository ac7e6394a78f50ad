// What the live figures share. README.md in this folder shows how a figure uses it.
const COLOURS = PAGE.colours;
const RED_TO_BLUE = ["67001f", "b2182b", "d6604d", "f4a582", "fddbc7", "f7f7f7", "d1e5f0", "92c5de", "4393c3", "2166ac", "053061"]
  .map((hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)));  // Matplotlib's RdBu
const REDUCED_MOTION = matchMedia("(prefers-reduced-motion: reduce)");

// Numbers as readers see them: at most so many digits behind the point, a real minus, NaN and infinity named.
function number(x, digits = 2) {
  if (Number.isNaN(x)) return "not a number";
  if (!Number.isFinite(x)) return x < 0 ? "\u2212infinity" : "infinity";
  const size = Math.abs(x), text = size >= 1e5 ? size.toExponential(1) : size.toFixed(digits);
  return (x < 0 && Number(text) !== 0 ? "\u2212" : "") + text;
}
const short = (x) => (x < 0 ? "\u2212" : "") + String(Number(Math.abs(x).toPrecision(3)));  // 0.1, 0.025, 300
const percent = (x, digits = 1) => `${number(100 * x, digits)}\u00a0%`;
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

function softmax(logits, temperature = 1) {
  const top = Math.max(...logits), powers = Array.from(logits, (z) => Math.exp((z - top) / temperature));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((p) => p / sum);
}

// The same numbers from 0 to below 1 for the same seed, in every browser (mulberry32).
function randomNumbers(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
function shuffled(n, random) {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

// Tensors come as typed arrays with a `shape`; everything else as it is.
async function unpack(value) {
  if (Array.isArray(value)) return Promise.all(value.map(unpack));
  if (value === null || typeof value !== "object") return value;
  if (value.base64 === undefined) {
    return Object.fromEntries(await Promise.all(Object.entries(value).map(async ([k, v]) => [k, await unpack(v)])));
  }
  const packed = Uint8Array.from(atob(value.base64), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = await new Response(stream).arrayBuffer();
  return Object.assign(value.type === "float32" ? new Float32Array(bytes) : new Uint8Array(bytes), { shape: value.shape });
}

function create(tag, attributes = {}, ...children) {
  const made = tag.startsWith("svg:") ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4)) :
    document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Red (+1) through white to blue (-1); grey for what is not a number.
function diverging(x) {
  if (Number.isNaN(x)) return [148, 148, 148];
  const place = clamp((1 - x) / 2, 0, 1) * 10, i = Math.min(9, Math.floor(place)), share = place - i;
  return [0, 1, 2].map((c) => RED_TO_BLUE[i][c] + share * (RED_TO_BLUE[i + 1][c] - RED_TO_BLUE[i][c]));
}

// Draw side × side values on a canvas of any size: white for 1 on black, or, with a `limit`, red to blue, and a broken
// line round what is clearly below zero, so that the sign shows without colour, too.
function drawImage(canvas, values, { side = 28, limit = null } = {}) {
  const context = canvas.getContext("2d"), small = drawImage.small ??= create("canvas"), cell = canvas.width / side;
  small.width = small.height = side;
  const pixels = new ImageData(side, side);
  for (let i = 0; i < side * side; i++) {
    const grey = 255 * values[i], [red, green, blue] = limit === null ? [grey, grey, grey] : diverging(values[i] / limit), p = 4 * i;
    [pixels.data[p], pixels.data[p + 1], pixels.data[p + 2], pixels.data[p + 3]] = [red, green, blue, 255];
  }
  small.getContext("2d").putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  if (limit === null || cell < 3) return;
  const below = (x, y) => x >= 0 && y >= 0 && x < side && y < side && values[y * side + x] < -limit / 4;
  context.fillStyle = "black";
  for (let y = 0; y <= side; y++) for (let x = 0; x <= side; x++) {
    if (below(x, y) !== below(x - 1, y)) context.fillRect(x * cell - 0.5, y * cell, 1, cell * 0.6);
    if (below(x, y) !== below(x, y - 1)) context.fillRect(x * cell, y * cell - 0.5, cell * 0.6, 1);
  }
}

// Round numbers from low to high, about so many.
function ticks(low, high, about = 5) {
  const rough = (high - low) / about, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough * 0.999), list = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) list.push(i * step);
  return list;
}

class Figure {
  constructor(host) {
    this.host = host;
    this.name = PAGE.name;
    this.parts = {};  // what the state is made of: key -> { get(), set(text) }
    this.changed = () => {};  // a figure says what to do when a control was used: changed(key)
    this.draw = () => {};  // and how to draw itself
    this.root = host.attachShadow({ mode: "open" });
    this.root.innerHTML = `<style>${PAGE.style}</style><div role="group" class="figure">${PAGE.body}</div>`;
    this.find(".figure").setAttribute("aria-label", PAGE.title);
    if (!this.find(".said")) this.find(".figure").append(create("p", { class: "said" }));  // or where the markup has it
    this.find(".said").setAttribute("role", "status");  // which screen readers follow
    host.setAttribute("data-lm-suppress-shortcuts", "true");  // JupyterLab leaves the keys to the figure
    for (const name of ["keydown", "keyup", "pointerdown", "mousedown", "touchstart"])
      host.addEventListener(name, (event) => event.stopPropagation());  // a click here is not a click on the cell
    const theme = new MutationObserver(() => this.later());
    for (const node of [document.documentElement, document.body])
      theme.observe(node, { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light", "class"] });
    new ResizeObserver(() => this.later()).observe(this.find(".figure"));
  }

  find(selector) { return this.root.querySelector(selector); }

  // Draw before the next frame, once, however often this is called.
  later() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.draw(); });
  }

  // One sentence, shown and, when it has stood for a moment, read out.
  say(text) {
    clearTimeout(this.saying);
    this.saying = setTimeout(() => { if (this.find(".said").textContent !== text) this.find(".said").textContent = text; }, 150);
  }

  // ------ controls; `place` is a selector in the figure. Each has a `value` to read and set (setting calls nothing).

  keep(key, control, read = Number) {
    this.parts[key] = { get: () => control.value, set: (text) => { control.value = read(text); } };
    return control;
  }

  used(key) { this.changed(key); this.later(); }

  // Linear from min to max in steps; with `log` the exponent runs evenly; with `values` it steps through a list.
  slider(place, { key, label, min, max, value, step = "any", log = false, values = null, show = short }) {
    const input = create("input", { type: "range" }), shown = create("span", { class: "value", "aria-hidden": "true" });
    this.find(place).append(create("label", { class: "slider" }, create("span", { class: "name" }, label), input, shown));
    const from = values ? (x) => values[Math.round(x)] : log ? (x) => Number((10 ** x).toPrecision(2)) : Number;
    const nearest = (v) => values.reduce((best, one, i) => (Math.abs(one - v) < Math.abs(values[best] - v) ? i : best), 0);
    const to = values ? nearest : log ? Math.log10 : Number;
    const ends = values ? [0, values.length - 1, 1] : log ? [Math.log10(min), Math.log10(max), 0.05] : [min, max, step];
    [input.min, input.max, input.step] = ends;
    let now = value;
    const write = () => { shown.textContent = show(now); input.setAttribute("aria-valuetext", show(now)); };
    const control = {
      input,
      get value() { return now; },
      set value(v) {
        if (!Number.isFinite(v)) return;
        now = values ? values[nearest(v)] : clamp(v, min, max);
        input.value = to(now);
        write();
      },
      range(low, high) { [min, max] = [input.min, input.max] = [low, high]; input.value = to(now); },
    };
    control.value = value;
    input.addEventListener("input", () => { now = from(input.valueAsNumber); write(); this.used(key); });
    return this.keep(key, control);
  }

  select(place, { key, label, options, value }) {
    const select = create("select", {}, ...options.map(([v, text]) => create("option", { value: v }, text)));
    this.find(place).append(create("label", {}, label, select));
    const control = {
      input: select,
      get value() { return select.value; },
      set value(v) { if (options.some(([one]) => String(one) === String(v))) select.value = v; },
    };
    control.value = value;
    select.addEventListener("change", () => this.used(key));
    return this.keep(key, control, String);
  }

  button(place, label, action, kind = "") {
    const button = create("button", { type: "button", class: kind }, label);
    this.find(place).append(button);
    button.addEventListener("click", () => { action(); this.later(); });
    return button;
  }

  // Follow one pointer at a time: a second finger or a palm changes nothing. Each function gets (x, y) in fractions of
  // the element's width and height; start returns false to let this one go. With touch: "pan-y pinch-zoom" a finger
  // that was let go scrolls the page.
  drag(element, { start = () => {}, move, end = () => {}, touch = "none" }) {
    let active = null;
    element.style.touchAction = touch;
    const place = (event) => {
      const box = element.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    element.addEventListener("pointerdown", (event) => {
      if (active !== null || event.button !== 0 || start(...place(event)) === false) return;
      active = event.pointerId;
      element.setPointerCapture(active);
      event.preventDefault();
      element.focus({ preventScroll: true, focusVisible: false });
      this.later();
    });
    element.addEventListener("pointermove", (event) => {
      if (event.pointerId !== active) return;
      const all = event.getCoalescedEvents?.() ?? [];  // where it was since the last frame
      for (const one of all.length ? all : [event]) move(...place(one));
      this.later();
    });
    for (const name of ["touchstart", "touchmove"])  // while one finger drags, no finger scrolls or zooms
      element.addEventListener(name, (event) => { if (active !== null) event.preventDefault(); }, { passive: false });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
      element.addEventListener(name, (event) => {
        if (event.pointerId !== active) return;
        active = null;
        end();
        this.later();
      });
    }
  }

  // ------ a line chart. Call the result with a list of { name, points: [[x, y], …], colour, dash, width, digits }.
  chart(place, { title, across, low = null, high = null, height = 200, show = number }) {
    const legend = create("div", { class: "legend" }), svg = create("svg:svg", { role: "img", height });
    this.find(place).append(create("div", { class: "chart" }, create("div", { class: "title" }, title), legend, svg));
    return (lines, end = 1) => {
      const all = lines.flatMap((line) => line.points.map((point) => point[1])).filter(Number.isFinite);
      const min = low ?? Math.min(...all, 0), max = Math.max(high ?? -Infinity, ...all) || 1;
      const width = svg.clientWidth || 320, left = max < 1e5 ? 44 : 64, right = width - 12, top = 8, bottom = height - 34;
      const x = (v) => left + ((right - left) * v) / end, y = (v) => bottom - ((bottom - top) * (v - min)) / (max - min);
      const drawn = [];
      for (const v of ticks(min, max, 4)) {
        drawn.push(create("svg:line", { x1: left, x2: right, y1: y(v), y2: y(v), stroke: "currentColor", opacity: 0.18 }));
        drawn.push(create("svg:text", { x: left - 6, y: y(v) + 4, "text-anchor": "end" }, show(v, max - min < 1.5 ? 1 : 0)));
      }
      for (const v of ticks(0, end, width > 420 ? 8 : 5))
        drawn.push(create("svg:text", { x: x(v), y: bottom + 16, "text-anchor": "middle" }, short(v)));
      drawn.push(create("svg:text", { x: (left + right) / 2, y: height - 3, "text-anchor": "middle" }, across));
      for (const { points, colour, dash = "", width: thick = 2 } of lines) {
        const finite = points.map(([a, b]) => (Number.isFinite(b) ? `${x(a).toFixed(1)} ${y(b).toFixed(1)}` : ""));
        const path = finite.map((one, i) => one && (finite[i - 1] ? "L" : "M") + one).join("");
        drawn.push(create("svg:path", { d: path, fill: "none", stroke: colour, "stroke-width": thick, "stroke-dasharray": dash }));
      }
      svg.replaceChildren(...drawn);
      const told = lines.map((line) => [line, line.points.length ? show(line.points.at(-1)[1], line.digits ?? 2) : ""]);
      legend.replaceChildren(...told.map(([line, last]) => create("span", {}, create("svg:svg", { "aria-hidden": "true" },
        create("svg:line", { x1: 0, x2: 26, y1: 5, y2: 5, stroke: line.colour, "stroke-width": line.width ?? 2,
          "stroke-dasharray": line.dash ?? "" })), `${line.name} ${last}`)));
      svg.setAttribute("aria-label", `${title}. Last values: ${told.map(([line, last]) => `${line.name} ${last}`).join(", ")}`);
    };
  }

  // ------ the state: what the controls say, and what a figure adds with `keep`. In an address it reads
  // page.html#train=lr:0.1,batch:64 (a second figure of the kind is train-2; several are joined with &).

  get key() {
    const same = [...document.querySelectorAll(`.live-figure[data-figure="${this.name}"]`)], i = same.indexOf(this.host);
    return i > 0 ? `${this.name}-${i + 1}` : this.name;
  }

  state() { return Object.fromEntries(Object.entries(this.parts).map(([key, part]) => [key, part.get()])); }

  set(state) {
    for (const [key, part] of Object.entries(this.parts)) if (state[key] !== undefined) part.set(String(state[key]));
    this.changed(null);
    this.draw();
  }

  openFromAddress() {
    let hash = location.hash.slice(1);
    try { hash = decodeURIComponent(hash); } catch { return; }  // somebody else's
    const parts = hash.split("&"), mine = parts.findIndex((part) => part.startsWith(`${this.key}=`));
    if (mine < 0) return;
    const pairs = parts[mine].slice(this.key.length + 1).split(",").map((pair) => pair.split(":"));
    this.set(Object.fromEntries(pairs.filter((pair) => pair.length === 2)));
    if (mine === 0) this.host.scrollIntoView({ block: "start" });
  }

  offerLink() {
    const inJupyter = document.body.hasAttribute("data-jp-theme-light"), embedded = window.self !== window.top;
    if (inJupyter || embedded) return;  // the address there is not one to pass on
    const button = create("button", { type: "button", class: "plain" }, "Link to this state");
    this.find(".figure").append(button);
    button.addEventListener("click", async () => {
      const pairs = Object.entries(this.state()).map(([key, value]) => `${key}:${value}`);
      history.replaceState(null, "", `#${this.key}=${pairs.join(",")}`);
      try {
        await navigator.clipboard.writeText(location.href);
        this.say("The address of this page now opens the figure like this. It is in the clipboard.");
      } catch {
        this.say("The address of this page now opens the figure like this: copy it from the address bar.");
      }
    });
  }
}

// Bring the figure in front of this script to life. `build(figure, data)` returns what tests and the curious may call
// on `element.figure`. Whatever goes wrong, the still picture stays.
async function start(build) {
  const before = document.currentScript?.previousElementSibling;
  const host = before?.matches(".live-figure:not([data-started])") ? before :
    document.querySelector(`.live-figure[data-figure="${PAGE.name}"]:not([data-started])`);
  if (!host) return;
  host.dataset.started = "";
  const data = await unpack(PAGE.data);
  const figure = new Figure(host);
  try {
    const tools = build(figure, data);
    figure.offerLink();
    figure.draw();
    host.figure = Object.assign({ state: () => figure.state(), set: (state) => figure.set(state) }, tools);
    figure.openFromAddress();
    addEventListener("hashchange", () => figure.openFromAddress());
  } catch (error) {
    figure.root.innerHTML = "<slot></slot>";
    throw error;
  }
}
