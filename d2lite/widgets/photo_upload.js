// Photographs that a reader drops, chooses or takes: each is decoded and shrunk here, and saved where the notebook runs.

const EDGES = [512, 256, 1024];
const QUALITY = 0.92;  // of JPEG
const LARGEST = 60e6;  // bytes of a file that is opened at all
const SHOWN = 5;  // problems in the list

/** A photograph as JPEG in base64, upright, its shorter edge of `edge` pixels at most. `source` can be drawn. */
async function packed(source, width, height, edge) {
  const scale = Math.min(1, edge / Math.min(width, height)), canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";  // below what is transparent
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", QUALITY).split(",")[1];
}

/** The same of a file. An error says what is wrong with it. */
async function packedFile(file, edge) {
  if (file.size > LARGEST) throw new Error(`it is larger than ${shown(LARGEST / 1e6)} MB`);
  if (!file.size) throw new Error("it is empty");
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    throw new Error("it is no picture that this browser can decode");
  }
  try {
    return await packed(picture, picture.width, picture.height, edge);
  } finally {
    picture.close();
  }
}

/** A script of the site that defines what pages ask for only when it is needed. */
const loaded = (src) => new Promise((resolve, reject) => {
  document.head.append(h("script", { src, onload: () => resolve(), onerror: () => reject(new Error("it cannot be loaded")) }));
});

/** The lens of photo_lens.js, which comes when it is needed: with the site's network, or from the notebook. Null where there is none. */
async function lensOf(notebook, changed) {
  const root = document.documentElement.dataset.content_root;
  if (root !== undefined && !self.d2lKnown) await loaded(`${root}_static/known_network.js`);
  const known = self.d2lKnown ?? await notebook.ask({ lens: true });
  if (!known.lens) return null;
  const { default: made } = await import(URL.createObjectURL(new Blob([known.lens], { type: "text/javascript" })));
  const lens = made({ h, pixels, dragged, clamp, shown, meanOf, isShortcut, MOVES })(known, notebook, changed);
  lens.node.append(h("style", {}, known.style));
  return lens;
}

/** The time as a part of a name: 20260131-235959. */
const moment = () => new Date(Date.now() - 60000 * new Date().getTimezoneOffset()).toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");

export default {
  render({ model, el }) {
    const names = () => (Array.isArray(model.get("classes")) ? model.get("classes").map(String).slice(0, 50) : []);
    const counts = () => (Array.isArray(model.get("counts")) ? model.get("counts").map((count) => whole(count, 0, 1e6, 0)) : []);
    const edge = () => (EDGES.includes(model.get("edge")) ? model.get("edge") : EDGES[0]);
    const folder = () => String(model.get("folder") ?? "");
    const waiting = [], problems = [], notes = new Set();  // what is to be sent; what was not saved, and why
    let last = "", sent = 0, stream = null, session = "", taken = 0, redraw = () => {}, gone = false, lens = null;

    const notebook = askedNotebook(model, () => redraw());
    let busy = false;
    const complain = (name, why) => { problems.unshift(`${name}: ${why}.`); };
    /** One after the other: the notebook has saved a photograph before the next is decoded. */
    async function work() {
      if (busy) return;
      busy = true;
      while (waiting.length && !gone) {
        const { name, content } = waiting[0];
        try {
          const told = await notebook.ask(await content());
          if (told.problem) complain(name, told.problem);
          if (told.saved) { sent += 1; last = `Saved as ${told.saved}.`; }
          if (told.removed) { sent -= 1; last = `Removed ${told.removed}.`; }
          if (told.added) last = `${told.added} is a class now.`;
          if (told.note) notes.add(told.note);
        } catch (error) {
          complain(name, error.message);
        }
        waiting.shift();
        redraw();
      }
      busy = false;
    }
    const left = () => waiting.filter(({ name }) => name).length;
    const later = (name, content) => { waiting.push({ name, content }); redraw(); work(); };
    const photo = (label, name, data) => ({ photo: { class: label, name, data } });
    const take = (label, files) => {
      if (files.length) lens?.openFile(files[0]);
      for (const file of files) later(file.name, async () => photo(label, file.name, await packedFile(file, edge())));
    };

    /** The files of what was dropped; of a folder, those in it. */
    async function dropped(event) {
      const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
      if (!entries.some((entry) => entry.isDirectory)) return [...event.dataTransfer.files];
      const files = [];
      const open = async (entry) => {
        if (entry.isFile) files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
        else {
          const reader = entry.createReader(), read = () => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
          for (let some = await read(); some.length; some = await read()) for (const one of some) await open(one);
        }
      };
      for (const entry of entries) await open(entry);
      return files.filter(({ name }) => !name.startsWith("."));
    }

    const video = h("video", { muted: true, playsinline: true, "aria-label": "what the camera sees" });
    const camera = h("button", { type: "button", onclick: () => (stream ? shut() : open()) }, "open the camera");
    const viewer = h("div", { class: "d2l-camera", hidden: true }, video);
    const shut = () => {
      for (const track of stream?.getTracks() ?? []) track.stop();
      stream = video.srcObject = null;
      redraw();
    };
    async function open() {
      try {
        if (!navigator.mediaDevices) throw new Error("this page may not use it: it needs https or localhost");
        const found = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
        if (gone) return found.getTracks().forEach((track) => track.stop());
        stream = video.srcObject = found;
        [session, taken] = [moment(), 0];
        await video.play();
      } catch (error) {
        complain("The camera", error.name === "NotAllowedError" ? "it was not allowed" : error.message);
      }
      redraw();
    }
    const snap = (label) => {
      taken += 1;
      const name = `camera-${session}_${String(taken).padStart(3, "0")}.jpg`, { videoWidth: width, videoHeight: height } = video;
      const data = packed(video, width, height, edge());  // now, not when its turn comes
      later(name, async () => photo(label, name, await data));
    };

    /** The place of a class: its name, how many photographs it has, and the ways to add some. */
    function place(label) {
      const count = h("span", { class: "d2l-count" });
      const input = h("input", {
        type: "file", accept: "image/*", multiple: true, "aria-label": `choose photographs of ${label}`,
        onchange: () => { take(label, [...input.files]); input.value = ""; },
      });
      const shot = h("button", { type: "button", hidden: true, onclick: () => snap(label) }, `take one of ${label}`);
      const over = (on) => (event) => { event.preventDefault(); node.classList.toggle("d2l-over", on); };
      const node = h("div", {
        class: "d2l-place", role: "group", "aria-label": label, ondragover: over(true), ondragleave: over(false),
        ondrop: async (event) => { over(false)(event); take(label, await dropped(event)); },
      }, h("b", {}, `${label}/`), count, h("span", {}, "Drop photographs here, or choose:"), input, shot);
      return { label, node, count, shot };
    }

    const places = h("div", { class: "d2l-places" });
    const entered = ({ key }) => key === "Enter" && add();
    const name = h("input", { type: "text", maxlength: 60, "aria-label": "name of a new class", placeholder: "new class", onkeydown: entered });
    const add = () => {
      const wanted = name.value.trim();
      if (wanted) later(wanted, async () => ({ add: wanted }));
      name.value = "";
    };
    const undo = h("button", { type: "button", onclick: () => later("The last photograph", async () => ({ undo: true })) }, "remove the last one");
    const bar = h("div", { class: "d2l-row d2l-bar-of-buttons" }, name, h("button", { type: "button", onclick: add }, "add the class"), camera, undo);
    const list = h("ul", { class: "d2l-problems" }), kept = h("p", { class: "d2l-note d2l-kept", "aria-live": "polite" });
    const pixelsOfEdge = control(model, {
      trait: "edge", label: "shrink the shorter edge to", kind: "choice", options: EDGES.map((pixels) => [pixels, `${pixels} pixels`]),
    });
    const onSite = document.documentElement.dataset.content_root !== undefined;
    const where = onSite ? "Keep photographs, a folder for each class: in Jupyter or Colab" : "Keep photographs, a folder for each class";
    const shelf = h("details", { class: "d2l-more d2l-shelf", open: !onSite }, h("summary", {}, where), viewer, places, bar, pixelsOfEdge.node, list, kept);
    const view = h("div", { class: "d2l-window d2l-loading" }, "A small network is loaded, to look at photographs with.");
    let built = [];

    function draw(stage) {
      const labels = names(), numbers = counts();
      if (`${labels}` !== `${built.map(({ label }) => label)}`) {
        const old = new Map(built.map((each) => [each.label, each]));
        built = labels.map((label) => old.get(label) ?? place(label));
        places.replaceChildren(...built.map(({ node }) => node));
      }
      if (!stage.firstChild) stage.replaceChildren(view, shelf);
      built.forEach(({ count, shot }, at) => {
        count.textContent = `${shown(numbers[at] ?? 0)} saved`;
        shot.hidden = !stream;
      });
      camera.textContent = stream ? "close the camera" : "open the camera";
      viewer.hidden = !stream;
      undo.setAttribute("aria-disabled", !sent);
      list.replaceChildren(...problems.slice(0, SHOWN).map((text) => h("li", {}, text)));
      list.hidden = !problems.length;
      const total = numbers.reduce((sum, count) => sum + count, 0);
      view.hidden = !lens && !onSite && Boolean(notebook.trouble(""));
      const now = said(total, labels);
      if (kept.textContent !== now) kept.textContent = now;  // else it would be read out at each move of the frame
      const result = { total, edge: edge(), waiting: left(), saved: sent, problems: problems.slice(0, SHOWN), lens: lens?.result() ?? null };
      return { say: lens?.said() ?? "", result };
    }

    function said(total, labels) {
      const parts = [];
      const trouble = notebook.trouble(`photographs then go into the folder ${folder()} there.`);
      if (trouble) {
        parts.push(trouble);
      } else {
        const all = total === 1 ? "one photograph" : `${shown(total)} photographs`;
        const held = `holds ${all} of ${labels.length} class${labels.length === 1 ? "" : "es"}`;
        parts.push(`The folder ${folder()} ${total ? held : "is empty"}.`);
        if (last) parts.push(last);
      }
      if (left()) parts.push(`${shown(left())} waiting.`);
      if (problems.length) parts.push(`${shown(problems.length)} not saved.`);
      return [...parts, ...[...notes].map((note) => `${note}.`)].join(" ");
    }

    const off = interactive({
      model, el, title: "Your photographs, seen by a small network", traits: ["edge"],
      hint: "Choose a photograph or open your own, move the frame, and cover squares: what does the network see?",
      reset: () => { problems.length = 0; notes.clear(); last = ""; lens?.reset(); if (stream) shut(); },
      draw: (stage) => draw(stage),
    });
    const stage = el.querySelector(".d2l-stage"), sentence = el.querySelector(".d2l-say"), spoken = el.querySelector(".d2l-spoken");
    let rest = null;
    redraw = () => {
      if (gone) return;
      const { say, result } = draw(stage);
      sentence.textContent = say;
      give(model, { result });
      clearTimeout(rest);
      rest = setTimeout(() => { spoken.textContent = say; }, REST);
    };
    const changed = ["folder", "classes", "counts"].map((trait) => `change:${trait}`), update = () => redraw();  // reset keeps them
    for (const event of changed) model.on(event, update);
    const show = (made) => {
      lens = made;
      if (gone) return lens?.off();
      view.classList.remove("d2l-loading");
      view.replaceChildren(lens?.node ?? (onSite ? "The network could not be loaded." : ""));
      redraw();
    };
    const watch = new IntersectionObserver((entries) => {  // what it loads weighs more than the rest of the page's scripts
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watch.disconnect();
      lensOf(notebook, () => redraw()).then(show, () => show(null));
    }, { rootMargin: "300px" });
    watch.observe(view);
    later("", async () => ({ hello: true }));
    return () => {
      gone = true;
      shut();
      watch.disconnect();
      lens?.off();
      pixelsOfEdge.off();
      notebook.off();
      for (const event of changed) model.off(event, update);
      off();
    };
  },
};
