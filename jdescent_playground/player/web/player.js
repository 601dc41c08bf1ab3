"use strict";
// A run that was computed whole is shown step by step. Settings choose among the runs that were
// computed: nothing is interpolated, and no rule of any optimizer is written here.

const TYPES = { f4: Float32Array, i4: Int32Array, i1: Int8Array };
const reduced = matchMedia("(prefers-reduced-motion: reduce)");

function nearest(values, wanted) {
  let best = 0;
  values.forEach((value, i) => { if (Math.abs(value - wanted) < Math.abs(values[best] - wanted)) best = i; });
  return best;
}

async function unpacked(text) {
  const packed = Uint8Array.from(atob(text.trim()), character => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const buffer = await new Response(stream).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return [header, buffer, Math.ceil((4 + length) / 8) * 8];
}

class Player {
  constructor(host, [header, buffer, start]) {
    Object.assign(this, header, { host });
    for (const array of Object.values(this.arrays)) {
      const count = array.counts.reduce((a, b) => a * b, 1) * array.shape.reduce((a, b) => a * b, 1);
      array.data = new TYPES[array.type](buffer, start + array.offset, count);
      array.inner = array.shape.reduce((a, b) => a * b, 1);
    }
    this.overlay = this.axes.find(axis => axis.kind === "overlay") ?? null;
    this.at = Object.fromEntries(this.axes.map(axis => [axis.name, axis.first]));
    this.row = 0;
    this.timer = null;
    this.build();
    this.render();
    new ResizeObserver(() => this.render()).observe(host);
  }

  axis(name) { return this.axes.find(axis => axis.name === name); }

  // Which of the runs' numbers a name stands for at a setting.
  index(array, at) {
    return array.axes.reduce((sum, name, i) => sum * array.counts[i] + at[name], 0);
  }

  get(name, at = this.at) {
    const array = this.arrays[name], first = this.index(array, at) * array.inner;
    return { data: array.data.subarray(first, first + array.inner), shape: array.shape };
  }

  key(name) { return this.index(this.arrays[name], this.at); }
  last(at = this.at) { return this.get("last", at).data[0]; }
  // The step of a row; of a run's last row, the step at which the run ended.
  stepOf(row, at = this.at) { return Math.min(this.steps[row], this.get("ended", at).data[0]); }
  rowOf(at) { return Math.min(this.row, this.last(at)); }
  end() { return this.overlay ? this.steps.length - 1 : this.last(); }

  set(changes, row = this.row) {
    for (const [name, index] of Object.entries(changes)) {
      this.at[name] = Math.min(Math.max(index, 0), this.axis(name).labels.length - 1);
    }
    this.go(row);
  }

  go(row) {
    this.row = Math.min(Math.max(row, 0), this.end());
    this.render();
  }

  play() {
    this.pause();
    if (this.row >= this.end()) this.row = 0;
    if (reduced.matches) { this.go(this.end()); return; }
    const began = performance.now(), first = this.row;
    const perSecond = Math.max(5, (this.end() + 1) / 6);
    const tick = now => {
      this.go(first + Math.floor((now - began) / 1000 * perSecond));
      if (this.row < this.end()) this.timer = requestAnimationFrame(tick);
      else this.pause();
    };
    this.timer = requestAnimationFrame(tick);
    this.render();
  }

  pause() {
    if (this.timer !== null) cancelAnimationFrame(this.timer);
    this.timer = null;
    if (this.playing) this.render();
  }

  build() {
    const { host } = this;
    host.replaceChildren(...host.querySelectorAll(".still, .stills")); // for paper
    host.dataset.plays = "";
    if (this.title) make("h3", {}, host, this.title);
    const views = make("div", { class: "views" }, host);
    this.shownViews = this.views.map(spec => new VIEWS[spec.kind](this, spec, views));
    this.lineNodes = this.lines.map(line => {
      const group = make("p", { class: "line" }, host);
      make("span", { class: "symbols" }, group, line.symbols);
      return [line, make("span", { class: "numbers" }, group)];
    });
    const readings = make("dl", { class: "readings" }, host);
    this.readingNodes = this.readings.map(reading => {
      const group = make("div", {}, readings);
      make("dt", {}, group, reading.label);
      return [reading, make("dd", { class: reading.tone ?? "" }, group)];
    });
    this.buildTransport();
    const controls = make("div", { class: "controls" }, host);
    this.controls = this.axes.filter(axis => axis.kind !== "start").map(axis => this.buildControl(axis, controls));
    this.tones = new Set(Array.from(this.arrays.outcome.data, code => this.outcomes[code].tone));
    if (this.tones.size > 1) {
      const legend = make("p", { class: "legend" }, host);
      for (const [tone, word] of [["good", "arrives"], ["slow", "steps run out"], ["bad", "diverges"]]) {
        if (!this.tones.has(tone)) continue;
        make("b", { style: `background: var(--strip-${tone})` }, legend);
        legend.append(word);
      }
    }
    this.status = make("p", { class: "status", role: "status" }, host);
    if (this.laboratory) this.buildLink();
  }

  // The live page that shows this run, on a server that the reader starts.
  buildLink() {
    const note = make("p", { class: "laboratory" }, this.host);
    this.link = make("a", { target: "_blank", rel: "noopener noreferrer" }, note, "open in the laboratory");
    note.append(" once ");
    make("code", {}, note, this.laboratory.command);
    note.append(" runs on this machine");
  }

  address() {
    const query = new URLSearchParams();
    for (const part of this.laboratory.parts) query.set(part.name, part.texts[this.index(part, this.at)]);
    query.set("step", Math.min(this.stepOf(this.rowOf(this.at)), this.laboratory.limit));
    return `${this.laboratory.where}?${query}`;
  }

  buildTransport() {
    const bar = make("div", { class: "transport" }, this.host);
    const button = (text, label, action) => {
      const node = make("button", { type: "button", "aria-label": label }, bar, text);
      node.addEventListener("click", action);
      return node;
    };
    button("⟲", "to the start", () => { this.pause(); this.go(0); });
    button("◂", "one step back", () => { this.pause(); this.go(this.row - 1); });
    this.playButton = button("▶", "play", () => (this.timer === null ? this.play() : this.pause()));
    this.playButton.classList.add("main");
    button("▸", "one step on", () => { this.pause(); this.go(this.row + 1); });
    this.scrub = make("input", { type: "range", min: 0, step: 1, "aria-label": "step" }, bar);
    this.scrub.addEventListener("input", () => { this.pause(); this.go(Number(this.scrub.value)); });
  }

  buildControl(axis, parent) {
    const group = make("div", { class: `control ${axis.kind}` }, parent);
    const id = `axis-${Player.made = (Player.made ?? 0) + 1}`;
    const label = make("label", { for: id }, group, axis.label);
    if (axis.kind === "choice") {
      const select = make("select", { id }, group);
      axis.labels.forEach((text, i) => make("option", { value: i }, select, text));
      select.addEventListener("change", () => { this.pause(); this.set({ [axis.name]: Number(select.value) }, 0); });
      return { axis, input: select };
    }
    const output = make("output", { for: id }, label);
    const rail = make("div", { class: "rail" }, group);
    const strip = make("span", { class: "outcomes" }, rail);
    const marks = axis.marks.map(mark => [mark, make("span", { class: "mark", title: mark.label }, rail), make("small", {}, label)]);
    const input = make("input", { id, type: "range", min: 0, max: axis.labels.length - 1, step: 1 }, rail);
    input.addEventListener("input", () => { this.pause(); this.set({ [axis.name]: Number(input.value) }, axis.kind === "overlay" ? this.row : this.end()); });
    return { axis, input, output, strip, marks };
  }

  // Along an axis, how the runs at the other settings ended.
  colors(axis) {
    const count = axis.labels.length;
    const tones = axis.labels.map((_, i) => this.outcomes[this.get("outcome", { ...this.at, [axis.name]: i }).data[0]].tone);
    if (count < 2) return "none";
    const place = i => `${(100 * Math.min(Math.max(i - 0.5, 0), count - 1) / (count - 1)).toFixed(2)}%`;
    return `linear-gradient(90deg, ${tones.map((tone, i) => `var(--strip-${tone}) ${place(i)} ${place(i + 1)}`).join()})`;
  }

  place(axis, value) {
    const v = axis.values, last = Math.max(v.length - 1, 1);
    const above = v.findIndex(other => other >= value);
    if (above < 0 || value < v[0]) return null;
    const below = Math.max(above - 1, 0), width = v[above] - v[below];
    return (below + (width ? (value - v[below]) / width : 0)) / last;
  }

  render() {
    for (const view of this.shownViews) view.render();
    for (const [line, node] of this.lineNodes) node.textContent = this.filled(line.numbers);
    for (const [reading, node] of this.readingNodes) node.textContent = this.filled(reading.text);
    this.scrub.max = this.end();
    this.scrub.value = this.row;
    this.scrub.setAttribute("aria-valuetext", `step ${this.stepOf(this.rowOf(this.at))}`);
    this.playing = this.timer !== null;
    this.playButton.textContent = this.playing ? "❚❚" : "▶";
    this.playButton.setAttribute("aria-label", this.playing ? "pause" : "play");
    for (const { axis, input, output, strip, marks } of this.controls) {
      input.value = this.at[axis.name];
      const text = axis.labels[this.at[axis.name]];
      if (!output) continue;
      output.textContent = text;
      input.setAttribute("aria-valuetext", text);
      strip.hidden = axis.kind === "overlay" || this.tones.size < 2;
      if (!strip.hidden) strip.style.background = this.colors(axis);
      for (const [mark, node, note] of marks) {
        const value = this.get(mark.array).data[0], at = this.place(axis, value);
        note.hidden = !Number.isFinite(value);
        node.hidden = note.hidden || at === null;
        node.style.setProperty("--at", at ?? 0);
        note.textContent = `${mark.label} = ${shown(value, 3)}`;
      }
    }
    if (this.link) this.link.href = this.address();
    const outcome = this.outcomes[this.get("outcome").data[0]];
    const ended = this.row >= this.last();
    const told = ended ? outcome.sentence.replace("{step}", this.stepOf(this.last()).toLocaleString("en")) : "";
    if (this.status.textContent !== told) this.status.textContent = told;
    this.status.className = `status ${ended ? outcome.tone : ""}`;
    this.host.dispatchEvent(new CustomEvent("shown", { bubbles: true }));
  }

  // {name}: a setting, the step, or a number of the run at this row; {name+1} at the next one;
  // {name|b} in brackets if it is negative.
  filled(text) {
    return text.replace(/\{([\p{L}\p{N}_]+)(\+1)?(\|b)?\}/gu, (_, name, next, brackets) => {
      const row = this.rowOf(this.at) + (next ? 1 : 0);
      const axis = this.axis(name);
      let number;
      if (name === "step") return row > this.last() ? "…" : this.stepOf(row).toLocaleString("en");
      if (axis && !next) number = axis.labels[this.at[name]];
      else if (row > this.last()) return "…";
      else {
        const { data, shape } = this.get(name);
        const width = shape.length ? data.length / shape[0] : 1, first = shape.length ? row * width : 0;
        number = [...data.subarray(first, first + width)].map(value => shown(value)).join(", ");
      }
      return brackets ? bracketed(number) : number;
    });
  }
}

const opened = new Map();
for (const host of document.querySelectorAll(".player")) {
  const data = host.querySelector("script[type='application/gzip']");
  opened.set(host.id, unpacked(data.textContent).then(parts => (host.player = new Player(host, parts))));
}
Promise.all(opened.values()).then(() => { document.documentElement.dataset.ready = ""; });

// Buttons within sentences set a figure.
document.addEventListener("click", async event => {
  const button = event.target.closest("[data-figure]");
  if (!button) return;
  const player = await opened.get(button.dataset.figure);
  player.pause();
  player.set(JSON.parse(button.dataset.at), 0);
  if (button.dataset.play !== undefined) player.play();
  const bounds = player.host.getBoundingClientRect();
  if (bounds.bottom < 80 || bounds.top > innerHeight - 80) {
    player.host.scrollIntoView({ behavior: reduced.matches ? "auto" : "smooth", block: "nearest" });
  }
});
document.getElementById("theme")?.addEventListener("click", () => {
  const root = document.documentElement;
  const usual = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  root.dataset.theme = (root.dataset.theme ?? usual) === "dark" ? "light" : "dark";
});
