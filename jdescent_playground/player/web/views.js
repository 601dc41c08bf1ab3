"use strict";
// What can be seen of a run: each view draws what was computed, at the row and setting shown.

const padded = (low, high, by = 0.06) => [low - by * (high - low), high + by * (high - low)];

class View {
  constructor(player, spec, parent) {
    Object.assign(this, { player, spec });
    this.host = make("figure", { class: `view ${spec.kind}` }, parent);
    if (spec.title) make("figcaption", {}, this.host, spec.title);
  }

  // Numbers of this view alone, or of the run.
  get(name, at = this.player.at) { return this.player.get(this.spec.arrays[name] ?? name, at); }
  key(name) { return this.player.key(this.spec.arrays[name] ?? name); }

  plot(options) {
    this.chart = new Plot(make("div", { class: "chart" }, this.host), {
      label: this.spec.label, xLabel: this.spec.x_label, yLabel: this.spec.y_label, ...options,
    });
  }

  // The settings of which all runs of the overlaid axis are drawn; the chosen one comes last.
  runs(names = ["params"]) {
    const { overlay, at, arrays } = this.player;
    if (!overlay || !names.some(name => arrays[name].axes.includes(overlay.name))) return [at];
    const all = Array.from({ length: overlay.labels.length }, (_, i) => ({ ...at, [overlay.name]: i }));
    return [...all.filter(other => other[overlay.name] !== at[overlay.name]), at];
  }
}

// Dragging, clicking and arrow keys choose the start among those that were computed.
class Ground extends View {
  dot(a, b, name, r) {
    const [cx, cy] = [this.chart.x(a), this.chart.y(b)];
    if (Math.abs(cx) < 1e5 && Math.abs(cy) < 1e5) make("circle", { class: name, cx, cy, r }, this.chart.moving);
  }

  startAxes() {
    return (this.spec.start ?? []).map(name => this.player.axis(name));
  }

  makeStart() {
    const axes = this.startAxes();
    if (!axes.length) return;
    this.chart.svg.setAttribute("role", "group");
    this.handle = make("circle", {
      class: "start", r: 9, tabindex: 0, role: "slider", "aria-label": "start",
      "aria-valuemin": 0, "aria-valuemax": axes[0].labels.length - 1,
    }, this.chart.above);
    const choose = event => {
      const where = this.chart.at(event);
      this.player.set(Object.fromEntries(axes.map((axis, i) => [axis.name, nearest(axis.values, where[i])])), 0);
    };
    this.handle.addEventListener("pointerdown", event => {
      event.preventDefault();
      this.handle.focus();
      this.handle.setPointerCapture(event.pointerId);
      this.dragged = true;
    });
    this.handle.addEventListener("pointermove", event => this.dragged && choose(event));
    for (const end of ["pointerup", "pointercancel"]) this.handle.addEventListener(end, () => { this.dragged = false; });
    this.chart.svg.addEventListener("click", event => event.target !== this.handle && choose(event));
    this.handle.addEventListener("keydown", event => {
      const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] }[event.key];
      if (!move) return;
      const [i, by] = axes.length > 1 ? move : [0, move[1]];
      this.player.set({ [axes[i].name]: this.player.at[axes[i].name] + by }, 0);
      event.preventDefault();
    });
  }

  showStart(x, y) {
    if (!this.handle) return;
    this.handle.setAttribute("cx", this.chart.x(x));
    this.handle.setAttribute("cy", this.chart.y(y));
    const axes = this.startAxes();
    this.handle.setAttribute("aria-valuenow", this.player.at[axes[0].name]);
    this.handle.setAttribute("aria-valuetext", axes.map(axis => axis.labels[this.player.at[axis.name]]).join(", "));
  }
}

// A loss of one parameter: the curve, the run on it, the tangent where it stands.
class Curve extends Ground {
  constructor(...all) {
    super(...all);
    this.plot({ shape: 0.56 });
    this.makeStart();
  }

  render() {
    const { player, chart, spec } = this;
    const xs = this.get("curve_x").data, ys = this.get("curve_y").data;
    const changed = chart.fit(spec.box ?? [...padded(xs[0], xs[xs.length - 1], 0), ...padded(Math.min(...ys), Math.max(...ys))]);
    const settings = this.key("curve_y");
    if (changed || settings !== this.settings) {
      this.settings = settings;
      chart.still.replaceChildren();
      make("path", { class: "ground", d: chart.line(Array.from(xs, (x, i) => [x, ys[i]])) }, chart.still);
    }
    chart.moving.replaceChildren();
    for (const at of this.runs()) {
      const row = player.rowOf(at), own = at === player.at;
      const x = this.get("params", at).data, y = this.get("loss", at).data;
      if (own) {
        if (spec.path) {
          const seen = Array.from({ length: row + 1 }, (_, i) => [x[i], y[i]]);
          make("path", { class: "path", d: chart.line(seen) }, chart.moving);
          for (const [a, b] of seen.slice(Math.max(0, row - 200), -1)) this.dot(a, b, "been", 3.5);
        }
        const slope = this.get("slope", at).data[row], half = (chart.box[1] - chart.box[0]) / 9;
        const reach = half / Math.hypot(1, slope * (chart.x(1) - chart.x(0)) ** -1 * (chart.y(0) - chart.y(1)));
        make("path", { class: "tangent", d: chart.line([-1, 1].map(side => [x[row] + side * reach, y[row] + side * reach * slope])) }, chart.moving);
      }
      this.dot(x[row], y[row], own ? "ball" : "other", own ? 11 : 6);
      if (own) this.showStart(x[0], y[0]);
    }
  }
}

// A loss of two parameters: contours, the run, the direction of descent where it stands.
class Contours extends Ground {
  constructor(...all) {
    super(...all);
    this.plot({ equal: true, shape: this.spec.shape });
    this.makeStart();
  }

  render() {
    const { player, chart, spec } = this;
    const changed = chart.fit(spec.box);
    const settings = spec.contour_axes.map(name => player.at[name]).join();
    if (changed || settings !== this.settings) {
      this.settings = settings;
      chart.still.replaceChildren();
      const levels = spec.contour_axes.reduce((part, name) => part[player.at[name]], spec.contours);
      for (const line of levels) {
        const points = [];
        for (let i = 0; i < line.length; i += 2) points.push([line[i], line[i + 1]]);
        make("path", { class: "contour", d: chart.line(points) }, chart.still);
      }
      for (const [a, b] of spec.minima) make("path", { class: "minimum", d: cross(chart.x(a), chart.y(b), 6) }, chart.still);
    }
    chart.moving.replaceChildren();
    for (const at of this.runs()) {
      const row = player.rowOf(at), own = at === player.at, p = this.get("params", at).data;
      const point = i => [p[2 * i], p[2 * i + 1]];
      if (own) {
        const seen = Array.from({ length: row + 1 }, (_, i) => point(i));
        make("path", { class: "path", d: chart.line(seen) }, chart.moving);
        for (const [a, b] of seen.slice(Math.max(0, row - 200), -1)) this.dot(a, b, "been", 2.5);
        if (spec.arrow) this.arrow(point(row), this.get("slope", at).data.slice(2 * row, 2 * row + 2));
      }
      this.dot(...point(row), own ? "ball" : "other", own ? 9 : 4);
      if (own) this.showStart(...point(0));
    }
  }

  // −∇L, of one length: only its direction is meant.
  arrow([x, y], [gx, gy]) {
    const size = Math.hypot(gx, gy);
    if (!(size > 0)) return;
    const [a, b] = [this.chart.x(x), this.chart.y(y)], length = 64;
    const [dx, dy] = [-gx / size, gy / size];
    const [tipX, tipY] = [a + length * dx, b + length * dy];
    const head = side => `${tipX - 10 * dx + side * 5 * dy} ${tipY - 10 * dy - side * 5 * dx}`;
    make("path", { class: "slope-arrow", d: `M${a} ${b}L${tipX} ${tipY}M${head(1)}L${tipX} ${tipY}L${head(-1)}` }, this.chart.moving);
  }
}

const cross = (x, y, r) => `M${x - r} ${y}H${x + r}M${x} ${y - r}V${y + r}`;

// A recorded quantity against the step.
class History extends View {
  constructor(...all) {
    super(...all);
    this.plot({ yLog: this.spec.y_log, xLog: false, shape: this.spec.shape ?? 0.45 });
  }

  render() {
    const { player, chart, spec } = this;
    const steps = player.steps, last = player.last(player.at);
    const shownSteps = Math.max(spec.whole ? steps[steps.length - 1] : player.stepOf(last), steps[0] + 1);
    const names = spec.names, runs = this.runs(names);
    let [low, high] = spec.range ?? [Infinity, -Infinity];
    if (!spec.range) {
      for (const at of runs) for (const name of names) {
        const values = this.get(name, at).data, end = player.last(at);
        for (let i = 0; i <= end; i++) if (Number.isFinite(values[i]) && (!spec.y_log || values[i] > 0)) {
          low = Math.min(low, values[i]); high = Math.max(high, values[i]);
        }
      }
      for (const reference of spec.references) {
        const value = this.level(reference);
        if (Number.isFinite(value) && (value > 0 || !spec.y_log)) { low = Math.min(low, value); high = Math.max(high, value); }
      }
      if (!(high > low)) [low, high] = spec.y_log ? [low / 2 || 0.1, low * 2 || 10] : [low - 1 || -1, low + 1 || 1];
      if (spec.y_log) [low, high] = [low / 1.5, high * 1.5]; else [low, high] = padded(low, high);
    }
    chart.fit([steps[0], shownSteps, low, high]);
    chart.still.replaceChildren();
    chart.moving.replaceChildren();
    for (const reference of spec.references) {
      const y = chart.y(this.level(reference));
      if (!Number.isFinite(y)) continue;
      make("line", { class: "reference", x1: LEFT, x2: chart.width - RIGHT, y1: y, y2: y }, chart.still);
      make("text", { class: "reference", x: chart.width - RIGHT - 4, y: y - 6, "text-anchor": "end" }, chart.still, reference.label);
    }
    for (const at of runs) names.forEach((name, which) => {
      const values = this.get(name, at).data, end = player.last(at), own = at === player.at;
      const all = Array.from({ length: end + 1 }, (_, i) => [player.stepOf(i, at), values[i]]);
      make("path", { class: `ahead tone-${which} ${own ? "" : "other"}`, d: chart.line(all) }, chart.still);
      if (!own) return;
      const row = player.rowOf(at);
      make("path", { class: `seen tone-${which}`, d: chart.line(all.slice(0, row + 1)) }, chart.moving);
      const [cx, cy] = [chart.x(player.stepOf(row, at)), chart.y(values[row])];
      if (Number.isFinite(cy)) make("circle", { class: `now tone-${which}`, cx, cy, r: 6 }, chart.moving);
    });
  }

  level(reference) { return this.get(reference.array).data[0]; }
}

// One number for every pair of two settings, as colors; a click or the sliders choose the run.
class Map2 extends View {
  constructor(...all) {
    super(...all);
    [this.across, this.up] = [this.spec.across, this.spec.up].map(name => this.player.axis(name));
    this.plot({ shape: 0.72, xLog: this.across.log, yLog: this.up.log });
    this.chart.svg.addEventListener("click", event => {
      const [x, y] = this.chart.at(event);
      this.player.set({ [this.across.name]: nearest(this.across.values, x), [this.up.name]: nearest(this.up.values, y) }, 0);
    });
    const scale = make("p", { class: "scale" }, this.host);
    make("span", {}, scale, shown(this.spec.range[0], 2));
    make("b", { style: `background: linear-gradient(90deg, ${this.spec.colors.join()})` }, scale);
    make("span", {}, scale, shown(this.spec.range[1], 2));
    make("span", { class: "muted" }, scale, this.spec.legend);
  }

  render() {
    const { player, chart, spec, across, up } = this;
    const edges = axis => {
      const v = axis.values, n = v.length;
      return axis.log ? [v[0] * Math.sqrt(v[0] / v[1]), v[n - 1] * Math.sqrt(v[n - 1] / v[n - 2])] : [v[0] - (v[1] - v[0]) / 2, v[n - 1] + (v[n - 1] - v[n - 2]) / 2];
    };
    const changed = chart.fit([...edges(across), ...edges(up)]);
    const settings = this.key(spec.array);
    if (changed || settings !== this.settings) {
      this.settings = settings;
      chart.still.replaceChildren();
      const [x0, x1, y0, y1] = chart.box;
      make("image", {
        href: this.picture(), x: chart.x(x0), y: chart.y(y1), width: chart.x(x1) - chart.x(x0), height: chart.y(y0) - chart.y(y1),
        preserveAspectRatio: "none", style: "image-rendering: pixelated",
      }, chart.still);
      for (const line of spec.lines) {
        const { data } = this.get(line.array);
        const points = Array.from({ length: data.length / 2 }, (_, i) => [data[2 * i], data[2 * i + 1]]);
        make("path", { class: "theory", d: chart.line(points) }, chart.still);
      }
    }
    chart.moving.replaceChildren();
    make("circle", { class: "chosen", cx: chart.x(across.values[player.at[across.name]]), cy: chart.y(up.values[player.at[up.name]]), r: 8 }, chart.moving);
  }

  picture() {
    const { player, spec, across, up } = this;
    const canvas = Object.assign(document.createElement("canvas"), { width: across.values.length, height: up.values.length });
    const pixels = canvas.getContext("2d");
    const [low, high] = spec.range, colors = spec.colors;
    for (let i = 0; i < canvas.width; i++) for (let j = 0; j < canvas.height; j++) {
      const value = this.get(spec.array, { ...player.at, [across.name]: i, [up.name]: j }).data[0];
      const part = Math.min(Math.max((value - low) / (high - low), 0), 1);
      pixels.fillStyle = Number.isFinite(value) ? colors[Math.round(part * (colors.length - 1))] : spec.missing;
      pixels.fillRect(i, canvas.height - 1 - j, 1, 1);
    }
    return canvas.toDataURL();
  }
}

// Points in the plane, such as eigenvalues beside the unit circle.
class Plane extends View {
  constructor(...all) {
    super(...all);
    this.plot({ equal: true, shape: 1 });
  }

  render() {
    const { player, chart, spec } = this;
    chart.fit(spec.box);
    chart.still.replaceChildren();
    chart.moving.replaceChildren();
    if (spec.circle) {
      const turn = Array.from({ length: 181 }, (_, i) => [Math.cos(i * Math.PI / 90), Math.sin(i * Math.PI / 90)]);
      make("path", { class: "theory", d: chart.line(turn) }, chart.still);
    }
    const { data } = this.get(spec.array);
    for (let i = 0; i + 1 < data.length; i += 2) {
      const [cx, cy] = [chart.x(data[i]), chart.y(data[i + 1])];
      if (Number.isFinite(cx) && Number.isFinite(cy)) make("circle", { class: "point", cx, cy, r: 7 }, chart.moving);
    }
  }
}

// A quantity of the run against one setting, the others as they are chosen; a click chooses.
class Sweep extends View {
  constructor(...all) {
    super(...all);
    this.axis = this.player.axis(this.spec.along);
    this.plot({ xLog: this.axis.log, yLog: this.spec.y_log, shape: 0.5 });
    this.chart.svg.addEventListener("click", event => {
      this.player.set({ [this.axis.name]: nearest(this.axis.values, this.chart.at(event)[0]) }, 0);
    });
  }

  render() {
    const { player, chart, spec, axis } = this;
    const of = (name, i) => this.get(name, { ...player.at, [axis.name]: i }).data[0];
    const values = name => axis.values.map((x, i) => [x, of(name, i)]);
    const [lines, theory] = [spec.names, spec.theory].map(names => names.map(values));
    const all = [...lines, ...theory].flat().map(([, y]) => y).filter(y => Number.isFinite(y) && (!spec.y_log || y > 0));
    const [low, high] = spec.range ?? (spec.y_log ? [Math.min(...all) / 1.3, Math.max(...all) * 1.3] : padded(Math.min(...all), Math.max(...all)));
    const ends = [axis.values[0], axis.values[axis.values.length - 1]];
    chart.fit([...(axis.log ? [ends[0] / 1.05, ends[1] * 1.05] : padded(...ends, 0.03)), low, high]);
    chart.still.replaceChildren();
    chart.moving.replaceChildren();
    for (const line of theory) make("path", { class: "theory", d: chart.line(line) }, chart.still);
    lines.forEach((line, which) => {
      for (const [a, b] of line) {
        const [cx, cy] = [chart.x(a), chart.y(b)];
        if (Number.isFinite(cy)) make("circle", { class: `measured tone-${which}`, cx, cy, r: 3.2 }, chart.still);
      }
      const [a, b] = line[player.at[axis.name]];
      if (Number.isFinite(chart.y(b))) make("circle", { class: `now tone-${which}`, cx: chart.x(a), cy: chart.y(b), r: 7 }, chart.moving);
    });
  }
}

const VIEWS = { curve: Curve, contours: Contours, history: History, map: Map2, plane: Plane, sweep: Sweep };
