"use strict";
// Numbers as written, and one plot in SVG: scales, ticks, labels. It computes no step of any method.

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
const raised = number => [...String(number)].map(character => RAISED[character]).join("");

// As `jdescent_playground.numbers.shown`: so many significant digits, two decimals below 100.
function shown(value, digits = 4) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  let text;
  if (size && !(size >= 1e-3 && size < 1e5)) {
    const [mantissa, exponent] = size.toExponential(2).split("e");
    text = `${mantissa}·10${raised(Number(exponent))}`;
  } else {
    const fewest = size < 100 ? 2 : 0;
    const decimals = size ? Math.max(digits - 1 - Math.floor(Math.log10(size)), fewest) : fewest;
    const [whole, fraction = ""] = size.toFixed(decimals).split(".");
    const kept = fraction.replace(/0+$/, "");
    text = size < 100 || kept ? `${whole}.${kept.padEnd(2, "0")}` : whole;
  }
  return value < 0 ? `−${text}` : text;
}

const bracketed = text => (text.startsWith("−") ? `(${text})` : text);

function make(name, attributes = {}, parent = null, text = null) {
  const svg = ["svg", "g", "path", "line", "circle", "text", "rect", "image", "title"].includes(name);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== null) node.textContent = text;
  parent?.append(node);
  return node;
}

function roundTicks(low, high, count) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(size => size >= raw * 0.999);
  const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const value = (first + i) * step;
    const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    return [value, (value < 0 ? "−" : "") + Math.abs(value).toFixed(decimals)];
  });
}

function powerTicks(low, high, count) {
  const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
  const stride = Math.max(1, Math.ceil((last - first + 1) / count));
  const ticks = [];
  for (let power = first; power <= last; power += stride) {
    ticks.push([10 ** power, power === 0 ? "1" : power === 1 ? "10" : `10${raised(power)}`]);
  }
  return ticks.length > 1 ? ticks : roundTicks(low, high, count).filter(([value]) => value > 0);
}

const LEFT = 58, RIGHT = 22, TOP = 12, BOTTOM = 46;

class Plot {
  constructor(parent, { label, xLabel, yLabel, xLog = false, yLog = false, equal = false, shape = 0.62 }) {
    Object.assign(this, { xLog, yLog, equal, shape, xLabel, yLabel });
    this.svg = make("svg", { role: "img", "aria-label": label }, parent);
    this.frame = make("g", { class: "frame" }, this.svg);
    const clip = `clip-${Plot.count = (Plot.count ?? 0) + 1}`;
    const holder = document.createElementNS("http://www.w3.org/2000/svg", "clipPath");
    holder.id = clip;
    this.window = make("rect", {}, holder);
    this.svg.append(holder);
    this.still = make("g", { "clip-path": `url(#${clip})` }, this.svg);
    this.moving = make("g", { "clip-path": `url(#${clip})` }, this.svg);
    this.above = make("g", {}, this.svg);
    this.box = null;
  }

  // Fits the width it is given; true where anything that stands still must be drawn anew.
  fit(box) {
    const width = Math.max(240, this.svg.parentNode.clientWidth);
    const height = Math.round(Math.min(width * this.shape, 420));
    const key = [width, ...box].join();
    if (key === this.key) return false;
    this.key = key;
    this.width = width; this.height = height;
    let [x0, x1, y0, y1] = box;
    if (this.equal) {
      const scale = Math.max((x1 - x0) / (width - LEFT - RIGHT), (y1 - y0) / (height - TOP - BOTTOM));
      const dx = (scale * (width - LEFT - RIGHT) - (x1 - x0)) / 2;
      const dy = (scale * (height - TOP - BOTTOM) - (y1 - y0)) / 2;
      [x0, x1, y0, y1] = [x0 - dx, x1 + dx, y0 - dy, y1 + dy];
    }
    this.box = [x0, x1, y0, y1];
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", height);
    for (const [k, v] of [["x", LEFT], ["y", TOP], ["width", width - LEFT - RIGHT], ["height", height - TOP - BOTTOM]]) {
      this.window.setAttribute(k, v);
    }
    this.drawFrame();
    return true;
  }

  drawFrame() {
    const [x0, x1, y0, y1] = this.box;
    const { frame, width, height } = this;
    frame.replaceChildren();
    const few = width < 420 ? 4 : 6;
    const bottom = height - BOTTOM;
    for (const [value, text] of (this.xLog ? powerTicks : roundTicks)(x0, x1, few)) {
      const x = this.x(value);
      make("line", { x1: x, x2: x, y1: TOP, y2: bottom }, frame);
      make("text", { x, y: bottom + 18, "text-anchor": "middle" }, frame, text);
    }
    for (const [value, text] of (this.yLog ? powerTicks : roundTicks)(y0, y1, 5)) {
      const y = this.y(value);
      make("line", { x1: LEFT, x2: width - RIGHT, y1: y, y2: y }, frame);
      make("text", { x: LEFT - 8, y: y + 5, "text-anchor": "end" }, frame, text);
    }
    const middle = (LEFT + width - RIGHT) / 2, across = (TOP + bottom) / 2;
    make("text", { x: middle, y: height - 6, "text-anchor": "middle" }, frame, this.xLabel);
    make("text", { x: 14, y: across, "text-anchor": "middle", transform: `rotate(-90 14 ${across})` }, frame, this.yLabel);
  }

  x(value) {
    const [x0, x1] = this.box;
    const part = this.xLog ? Math.log(value / x0) / Math.log(x1 / x0) : (value - x0) / (x1 - x0);
    return LEFT + part * (this.width - LEFT - RIGHT);
  }

  y(value) {
    const [, , y0, y1] = this.box;
    const part = this.yLog ? Math.log(Math.max(value, y0 * 1e-3) / y0) / Math.log(y1 / y0) : (value - y0) / (y1 - y0);
    return this.height - BOTTOM - part * (this.height - TOP - BOTTOM);
  }

  // Where in the data the pointer is.
  at(event) {
    const bounds = this.svg.getBoundingClientRect();
    const px = (event.clientX - bounds.left) * this.width / bounds.width;
    const py = (event.clientY - bounds.top) * this.height / bounds.height;
    const [x0, x1, y0, y1] = this.box;
    const u = (px - LEFT) / (this.width - LEFT - RIGHT), v = (this.height - BOTTOM - py) / (this.height - TOP - BOTTOM);
    return [this.xLog ? x0 * (x1 / x0) ** u : x0 + u * (x1 - x0), this.yLog ? y0 * (y1 / y0) ** v : y0 + v * (y1 - y0)];
  }

  // A polyline; what is not a number, or far outside, ends it.
  line(points) {
    let text = "", open = false;
    for (const [a, b] of points) {
      const x = this.x(a), y = this.y(b);
      if (!(Math.abs(x) < 1e5 && Math.abs(y) < 1e5)) {
        if (open && Number.isFinite(y)) text += `L${x.toFixed(1)} ${Math.sign(y) * 1e5}`;
        open = false;
        continue;
      }
      text += `${open ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
      open = true;
    }
    return text;
  }
}
