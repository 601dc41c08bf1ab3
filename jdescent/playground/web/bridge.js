// Forwards what a person does to Python, and does to the page what Python answers. No more.
(function connect() {
  const doc = window.Bokeh?.documents[0];
  const inbox = doc?.get_model_by_name("inbox"), outbox = doc?.get_model_by_name("outbox");
  if (!inbox || !outbox) return void setTimeout(connect, 15);

  const root = document.documentElement;
  let sent = 0, busy = null, waiting = new Map();
  const send = (event, value = null) => {
    inbox.text = JSON.stringify([++sent, event, value]);
    busy ??= setTimeout(() => { root.dataset.busy = ""; }, 200);
  };
  const sendLatest = (event, value) => { // at most one a frame
    if (!waiting.size) requestAnimationFrame(() => {
      const all = waiting;
      waiting = new Map();
      all.forEach((value, event) => send(event, value));
    });
    waiting.set(event, value);
  };

  const valueOf = element => element.type === "checkbox" ? element.checked : element.value;
  const actor = event => event.target.closest?.("[data-do]");
  document.addEventListener("click", event => {
    const element = actor(event);
    if (element?.tagName === "BUTTON") send(element.dataset.do, element.value || null);
  });
  document.addEventListener("input", event => {
    const element = actor(event);
    if (element?.type === "range") sendLatest(element.dataset.do, valueOf(element));
  });
  document.addEventListener("change", event => {
    const element = actor(event);
    if (element && element.type !== "range") send(element.dataset.do, valueOf(element));
  });

  const keys = new Set(document.querySelector("main").dataset.keys.split(" "));
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const on = event.target, tag = on.tagName, space = event.code === "Space" || event.key === "Enter";
    if (tag === "SELECT" || tag === "TEXTAREA" || (tag === "INPUT" && on.type !== "range")) return;
    if (on.type === "range" && /^(Arrow|Page|Home|End)/.test(event.key)) return;
    if (space && ["BUTTON", "A", "SUMMARY"].includes(tag)) return;
    const name = event.code === "Space" ? "Space" : event.key;
    const key = (event.shiftKey && name.length > 1 ? "Shift+" : "") + name;
    if (!keys.has(key)) return;
    event.preventDefault();
    send("key", key);
  });

  const save = (name, blob) => {
    const link = Object.assign(document.createElement("a"), {
      href: URL.createObjectURL(blob), download: name,
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const picture = async ({ picture: kind, name, color }) => {
    const views = doc.roots().filter(model => model.type === "Figure")
      .map(model => Bokeh.index.get_by_id(model.id)).filter(view => view.el.checkVisibility());
    let below = 0;
    const parts = await Promise.all(views.map(async (view, i) => {
      const { clientWidth: width, clientHeight: height } = view.el;
      const [x, y] = i ? [views[0].el.clientWidth, below] : [0, 0];
      if (i) below += height;
      return { x, y, width, height, blob: await view.export(kind, true).to_blob() };
    }));
    const width = Math.max(...parts.map(part => part.x + part.width));
    const height = Math.max(...parts.map(part => part.y + part.height));
    if (kind === "svg") {
      const inner = await Promise.all(parts.map(async ({ x, y, blob }) =>
        `<g transform="translate(${x} ${y})">${await blob.text()}</g>`));
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">`
        + `<rect width="100%" height="100%" fill="${color}"/>${inner.join("")}</svg>`;
      return save(`${name}.svg`, new Blob([svg], { type: "image/svg+xml" }));
    }
    const canvas = new OffscreenCanvas(width * devicePixelRatio, height * devicePixelRatio);
    const brush = canvas.getContext("2d");
    brush.scale(devicePixelRatio, devicePixelRatio);
    brush.fillStyle = color;
    brush.fillRect(0, 0, width, height);
    for (const { x, y, width, height, blob } of parts)
      brush.drawImage(await createImageBitmap(blob), x, y, width, height);
    save(`${name}.png`, await canvas.convertToBlob());
  };
  const copy = async text => {
    try {
      await navigator.clipboard.writeText(text === "here" ? location.href : text);
      send("copied", true);
    } catch { send("copied", false); }
  };

  const change = one => {
    const element = one.id && document.getElementById(one.id);
    if (element && "text" in one) element.textContent = one.text;
    if (element && "html" in one) element.innerHTML = one.html;
    if (element && "set" in one) for (const [name, value] of Object.entries(one.set)) {
      const dashed = name.replaceAll("_", "-");
      if (dashed.includes("-")) element.setAttribute(dashed, value);
      else if (name !== "value" || !element.matches(":active")) element[name] = value;
    }
    if (element && "css" in one) for (const [name, value] of Object.entries(one.css))
      element.style.setProperty(`--${name}`, value);
    if ("address" in one) history.replaceState(null, "", one.address ? `?${one.address}` : location.pathname);
    if ("keep" in one) localStorage.setItem(`kept ${location.pathname}`, one.keep);
    if ("download" in one) save(one.download, new Blob([one.text]));
    if ("picture" in one) picture(one);
    if ("copy" in one) copy(one.copy);
    if ("ready" in one) root.dataset.ready = "";
  };
  const apply = () => {
    if (outbox.text) JSON.parse(outbox.text)[1].forEach(change);
    clearTimeout(busy);
    busy = null;
    delete root.dataset.busy;
  };
  outbox.properties.text.change.connect(apply);
  apply();

  const paint = theme => { root.dataset.theme = theme; send("theme", theme); };
  document.getElementById("theme").addEventListener("click", () => {
    const theme = root.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem("theme", theme);
    paint(theme);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", event => {
    if (!localStorage.getItem("theme")) paint(event.matches ? "dark" : "light");
  });
  doc.on_event?.("connection_lost", () => { document.getElementById("lost").hidden = false; });
  send("hello", root.dataset.theme);
})();
