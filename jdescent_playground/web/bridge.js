// Forwards what a person does to Python, and does to the page what Python answers. No more.
(async () => {
  const root = document.documentElement, main = document.querySelector("main");
  Bokeh.set_log_level("warn");
  const roots = [...document.querySelectorAll("[data-root-id]")];
  await Bokeh.embed.embed_items({}, [{
    token: main.dataset.token, use_for_title: false,
    roots: Object.fromEntries(roots.map(one => [one.dataset.rootId, one.id])),
    root_ids: roots.map(one => one.dataset.rootId),
  }]);
  const doc = Bokeh.documents[0];
  const inbox = doc.get_model_by_name("inbox"), outbox = doc.get_model_by_name("outbox");

  // At each paint Bokeh asks the page's style for each property of each glyph. Ours stand in Python
  // alone, and to answer would lay the page out again, several times a frame.
  let visuals = Bokeh.index.roots[0].visuals?.outline_line;
  while (visuals && !Object.hasOwn(visuals, "_get_css_value")) visuals = Object.getPrototypeOf(visuals);
  if (visuals) visuals._get_css_value = () => "";

  let sent = 0, busy = null;
  const IN_FLIGHT = 2; // so that Python computes a place while the one before is drawn
  const waiting = new Map(), unanswered = new Map(); // of events of which only the last counts
  const put = (event, value) => {
    inbox.text = JSON.stringify([++sent, event, value]);
    busy ??= setTimeout(() => { root.dataset.busy = ""; }, 200);
  };
  const send = (event, value = null) => {
    waiting.forEach((value, event) => put(event, value)); // what was done before comes before
    waiting.clear();
    put(event, value);
  };
  const sendLatest = (event, value) => {
    const others = unanswered.get(event) ?? 0;
    if (others >= IN_FLIGHT) return void waiting.set(event, value);
    unanswered.set(event, others + 1);
    put(event, value);
  };
  const sendNext = event => {
    const others = (unanswered.get(event) ?? 0) - 1;
    if (others > 0) unanswered.set(event, others);
    else unanswered.delete(event);
    if (!waiting.has(event)) return;
    const value = waiting.get(event);
    waiting.delete(event);
    sendLatest(event, value);
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

  const SLOP = { mouse: 3, pen: 5, touch: 12 }, GRIP = 36; // pixels: what is no drag yet; a finger
  const frameOf = (name, event) => {
    const view = Bokeh.index.get_by_id(doc.get_model_by_name(name).id);
    const { x, y } = view.canvas_view.el.getBoundingClientRect();
    return { frame: view.frame, at: [event.clientX - x, event.clientY - y] };
  };
  const listen = plot => {
    const name = plot.dataset.pointer, event = `pointer:${name}`;
    const place = (pointer, phase) => {
      const { frame, at: [x, y] } = frameOf(name, pointer);
      return [frame.x_scale.invert(x), frame.y_scale.invert(y), phase];
    };
    const grips = pointer => { // whether a finger is on the ball: then it drags, never scrolls
      const balls = doc.get_model_by_name(`${name}-balls`);
      if (!balls) return false;
      const { frame, at } = frameOf(name, pointer), ys = [...balls.get_column("y")];
      return [...balls.get_column("x")].some((x, i) =>
        Math.hypot(frame.x_scale.compute(x) - at[0], frame.y_scale.compute(ys[i]) - at[1]) < GRIP);
    };
    let held = null;
    plot.addEventListener("touchstart", touch => {
      if (touch.touches.length === 1 && grips(touch.touches[0])) touch.preventDefault();
    }, { passive: false });
    plot.addEventListener("pointerdown", pointer => {
      if (!pointer.isPrimary || pointer.button) return;
      const { frame, at: [x, y] } = frameOf(name, pointer);
      if (frame.bbox.contains(x, y)) held = { pointer, drags: false, grips: grips(pointer) };
    });
    plot.addEventListener("pointermove", pointer => {
      if (held?.pointer.pointerId !== pointer.pointerId) return;
      const x = pointer.clientX - held.pointer.clientX, y = pointer.clientY - held.pointer.clientY;
      if (!held.drags) {
        if (Math.hypot(x, y) < SLOP[pointer.pointerType]) return;
        if (pointer.pointerType === "touch" && !held.grips && Math.abs(y) >= Math.abs(x)) {
          held = null; // a swipe that scrolls the page
          return;
        }
        held.drags = true;
        plot.setPointerCapture(pointer.pointerId);
        send(event, place(held.pointer, "begin"));
      }
      sendLatest(event, place(pointer, "move"));
    });
    const end = phase => pointer => {
      if (held?.pointer.pointerId !== pointer.pointerId) return;
      const { drags } = held;
      held = null;
      if (!drags && phase === "cancel") return;
      waiting.delete(event);
      send(event, place(pointer, phase));
    };
    plot.addEventListener("pointerup", end("end"));
    plot.addEventListener("pointercancel", end("cancel"));
  };
  document.querySelectorAll("[data-pointer]").forEach(listen);

  const keys = new Set(main.dataset.keys.split(" "));
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const on = event.target, tag = on.tagName, space = event.code === "Space" || event.key === "Enter";
    if (tag === "SELECT" || tag === "TEXTAREA" || (tag === "INPUT" && on.type !== "range")) return;
    if (on.type === "range" && /^(Arrow|Page|Home|End)/.test(event.key)) return;
    if (space && ["BUTTON", "A", "SUMMARY"].includes(tag)) return;
    const name = event.code === "Space" ? "Space" : event.key;
    const key = (event.shiftKey && name.length > 1 ? "Shift+" : "") + name;
    if (key === "p") presentButton.click();
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

  let query = null, writing = null;
  const written = []; // when the address was changed: browsers take few changes in a while
  const writeAddress = () => {
    const now = performance.now(), busy = written.filter(time => now - time < 10_000).length > 30;
    const gap = busy || unanswered.size ? 400 : 0; // while a drag goes on it would cost milliseconds
    const wait = gap && written.length ? written.at(-1) + gap - now : 0;
    clearTimeout(writing);
    if (wait > 0) return void (writing = setTimeout(writeAddress, wait));
    written.splice(0, written.length - 40);
    written.push(now);
    history.replaceState(null, "", query ? `?${query}` : location.pathname);
  };

  const change = one => {
    const element = one.id && document.getElementById(one.id);
    if (element && "text" in one && element.textContent !== one.text) element.textContent = one.text;
    if (element && "html" in one) element.innerHTML = one.html;
    if (element && "set" in one) for (const [name, value] of Object.entries(one.set)) {
      const dashed = name.replaceAll("_", "-");
      if (dashed.includes("-")) {
        if (element.getAttribute(dashed) !== String(value)) element.setAttribute(dashed, value);
      } else if (element[name] !== value && (name !== "value" || !element.matches(":active"))) {
        element[name] = value;
      }
    }
    if (element && "css" in one) for (const [name, value] of Object.entries(one.css))
      element.style.setProperty(`--${name}`, value);
    if ("address" in one) { query = one.address; writeAddress(); }
    if ("keep" in one) localStorage.setItem(`kept ${location.pathname}`, one.keep);
    if ("download" in one) {
      const coded = one.base64 && Uint8Array.from(atob(one.base64), letter => letter.charCodeAt(0));
      save(one.download, new Blob([coded ?? one.text]));
    }
    if ("picture" in one) picture(one);
    if ("copy" in one) copy(one.copy);
    if ("ready" in one) root.dataset.ready = "";
    if ("answered" in one) sendNext(one.answered);
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

  // Larger, with what one works with left out: on each page of this tab until it is taken back.
  const presentButton = document.getElementById("present");
  const present = on => {
    root.toggleAttribute("data-presents", on);
    presentButton.setAttribute("aria-pressed", on);
    if (on) sessionStorage.setItem("presents", "yes");
    else sessionStorage.removeItem("presents");
    send("presents", on);
  };
  present("presents" in root.dataset);
  presentButton.addEventListener("click", () => present(!("presents" in root.dataset)));

  const still = matchMedia("(prefers-reduced-motion: reduce)");
  still.addEventListener("change", () => send("calm", still.matches));

  // A server that was started again knows nothing of this page: its address holds the state.
  const comeBack = async () => {
    const there = await fetch("/web/theme.js", { method: "HEAD", cache: "no-store" }).catch(() => null);
    if (there) location.reload();
    else setTimeout(comeBack, 1000);
  };
  doc.on_event("connection_lost", () => {
    document.getElementById("lost").hidden = false;
    comeBack();
  });

  send("calm", still.matches);
  send("hello", root.dataset.theme);
})();
