// The panel's only script. Pages work without it: see the package's doc.go for
// what each data- attribute asks for.

// fetchPage asks for a page of this host and returns it, parsed, with where it
// came from in the end; undefined if it is not a page that can be used.
const fetchPage = async (url, options, headers) => {
  const answer = await fetch(url, { ...options, headers: { Accept: "text/html", ...headers }, credentials: "same-origin" });
  if (!answer.ok || !(answer.headers.get("Content-Type") || "").startsWith("text/html")) return;
  return { page: new DOMParser().parseFromString(await answer.text(), "text/html"), url: answer.url };
};

// swap puts what a fetched page has under an id into the place of what is here.
const swap = (fetched, id) => {
  const next = fetched?.page.getElementById(id), old = document.getElementById(id);
  if (!next || !old) return false;
  const focus = document.activeElement?.id, inside = old.contains(document.activeElement);
  old.replaceWith(document.adoptNode(next));
  if (inside) {
    const heir = (focus && document.getElementById(focus)) || next;
    if (heir === next) next.tabIndex = -1;
    heir.focus({ preventScroll: true });
  }
  // What happened is said above, wherever it happened.
  const said = fetched.page.getElementById("said");
  if (said && id !== "said") document.getElementById("said")?.replaceWith(document.adoptNode(said));
  start(next);
  return true;
};

let latest = 0; // of several clicks, the last one counts

const follow = async (link) => {
  const turn = ++latest;
  let fetched;
  try { fetched = await fetchPage(link.href); } catch { /* the browser shall say it */ }
  if (turn !== latest) return;
  if (!swap(fetched, link.dataset.swap)) { location.assign(link.href); return; }
  document.title = fetched.page.title;
  history.pushState({ swap: link.dataset.swap }, "", fetched.url);
};

const send = async (form, button) => {
  const body = new URLSearchParams(new FormData(form, button));
  let fetched;
  try { fetched = await fetchPage(form.action, { method: "POST", body }); } catch { /* as above */ }
  // An answer that cannot be used may have changed something: see where we are.
  if (!swap(fetched, form.dataset.swap)) location.reload();
};

const copy = async (button) => {
  const from = document.getElementById(button.dataset.copy);
  if (!from) return;
  const text = "value" in from ? from.value : from.textContent;
  let done = false;
  try { await navigator.clipboard.writeText(text); done = true; } catch {
    // Without HTTPS there is no clipboard: copy a selection instead.
    const field = Object.assign(document.createElement("textarea"), { value: text, readOnly: true });
    field.className = "skip";
    button.after(field);
    field.select();
    done = document.execCommand("copy");
    field.remove();
    button.focus();
  }
  const said = document.getElementById(button.dataset.said);
  if (said && done) said.textContent = button.dataset.done;
};

const watch = (element) => {
  const source = new EventSource(element.dataset.events);
  let busy = false, again = false;
  const renew = async () => {
    if (!document.contains(element)) { source.close(); return; }
    // Nobody looks: the router has better to do.
    if (document.hidden) { document.addEventListener("visibilitychange", renew, { once: true }); return; }
    if (busy) { again = true; return; }
    do {
      busy = true; again = false;
      try {
        const fetched = await fetchPage(location.href, {}, { "X-Refresh": "1" });
        const next = fetched?.page.getElementById(element.id);
        // The session has ended: what it could see does not stay.
        if (fetched && !next) { source.close(); location.reload(); return; }
        // The element stays, so that its events do.
        if (next) { keep(element, () => element.replaceChildren(...document.adoptNode(next).childNodes)); start(element); }
      } catch { /* the next event tries again */ }
      busy = false;
    } while (again);
  };
  source.onmessage = renew;
  source.onerror = () => { if (source.readyState === EventSource.CLOSED) renew(); };
};

// keep changes what is in an element, and leaves open what was open, and the
// focus where it was.
const keep = (element, change) => {
  const open = [...element.querySelectorAll("details")].map((d) => d.open);
  const links = () => [...element.querySelectorAll("a,summary")];
  const at = document.activeElement, href = at.getAttribute("href"), place = links().indexOf(at);
  change();
  element.querySelectorAll("details").forEach((d, i) => { d.open = !!open[i]; });
  if (place >= 0) (links().find((a) => href && a.getAttribute("href") === href) || links()[place])?.focus({ preventScroll: true });
};

// back goes on to a page once the daemon answers and is younger than this page:
// it has begun anew.
const back = (element) => {
  const look = async () => {
    try {
      const { uptime } = await (await fetch("/healthz", { cache: "no-store" })).json();
      if (uptime * 1000 < performance.now()) { location.assign(element.dataset.back); return; }
    } catch { /* it is not there yet */ }
    setTimeout(look, 1000);
  };
  setTimeout(look, 1000);
};

// compare shows the browser's time beside that of the router.
const compare = (element) => {
  const { clock, same, other } = element.dataset, [time, verdict] = element.children;
  time.textContent = new Date().toLocaleString(document.documentElement.lang);
  verdict.textContent = Math.abs(Date.now() - clock * 1000) < 15000 ? same : other;
  element.hidden = false;
};

let shown = 0; // of several previews, the last one counts
let unsaved = false; // what stands in a form with a preview

// show brings the page in a frame up to date with what a form holds. The frame
// keeps its place and its history.
const show = async (form) => {
  const frame = document.getElementById(form.dataset.preview), turn = ++shown;
  const button = [...form.elements].find((e) => e.formTarget === frame?.name);
  let fetched;
  try { fetched = await fetchPage(button.formAction, { method: "POST", body: new URLSearchParams(new FormData(form)) }); } catch { /* the next input tries again */ }
  const from = fetched?.page, to = frame?.contentDocument;
  if (turn !== shown || !from || !to) return;
  to.documentElement.lang = from.documentElement.lang;
  to.documentElement.dir = from.documentElement.dir;
  const links = [...to.querySelectorAll("link[rel=stylesheet]")];
  for (const link of from.querySelectorAll("link[rel=stylesheet]")) {
    const old = links.shift();
    if (!old) to.head.append(to.adoptNode(link.cloneNode()));
    else if (old.href !== link.href) old.href = link.href;
  }
  for (const old of links) old.remove();
  to.body.replaceChildren(...to.adoptNode(from.body).childNodes);
};

// start makes what is only of use with script usable.
const start = (root) => {
  for (const b of root.querySelectorAll("[data-copy],.ticks")) b.hidden = false;
  for (const e of root.querySelectorAll("[data-back]")) back(e);
  for (const e of root.querySelectorAll("[data-clock]")) compare(e);
  for (const f of root.querySelectorAll("form[data-unsaved]")) {
    unsaved = true;
    show(f);
    document.getElementById(f.dataset.preview).onload = () => show(f); // if it was not there yet
  }
  for (const e of [root, ...root.querySelectorAll("[data-events]")]) if (e.dataset?.events && !e.watched) { e.watched = true; watch(e); }
};

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const on = event.target.closest?.("[data-dialog],[data-copy],a[data-swap]");
  if (!on) return;
  if (on.dataset.copy) { copy(on); return; }
  if (on.dataset.dialog) {
    const dialog = document.getElementById(on.dataset.dialog);
    if (!dialog?.showModal) return;
    event.preventDefault();
    dialog.showModal();
    return;
  }
  event.preventDefault();
  follow(on);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !form.dataset.swap) return;
  event.preventDefault();
  if (form.method === "get") {
    const url = new URL(form.action), asked = [...new FormData(form)].filter(([, value]) => value !== "");
    url.search = new URLSearchParams(asked);
    follow({ href: url.href, dataset: form.dataset });
    return;
  }
  send(form, event.submitter);
});

// One box ticks all others of a name in its form.
document.addEventListener("change", (event) => {
  const { ticks } = event.target.dataset;
  if (ticks) for (const box of event.target.form.querySelectorAll("input[type=checkbox]")) if (box.name === ticks) box.checked = event.target.checked;
});

let typing;

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (!form?.dataset.preview) return;
  unsaved ||= event.target.form === event.target.closest("form"); // what only the preview has is not lost
  clearTimeout(typing);
  typing = setTimeout(show, 250, form);
});

addEventListener("submit", (event) => { if (event.target.dataset.preview && !event.submitter?.formTarget) unsaved = false; });
addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });

// Back and forward: the page is asked for again, since what it shows changes.
addEventListener("popstate", () => location.reload());

start(document);
