// Looks at the page as it is laid out now and returns what is wrong with it,
// one sentence each.
(() => {
  const faults = [];
  const name = (el) => el.tagName.toLowerCase() + (el.id ? "#" + el.id : "") + (el.className ? "." + el.className : "");

  const parse = (text) => {
    const m = text.match(/^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/);
    if (!m) { faults.push("a colour that the audit cannot read: " + text); return [0, 0, 0, 1]; }
    return [+m[1], +m[2], +m[3], m[4] === undefined ? 1 : +m[4]];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const behind = (el) => {
    const stack = [];
    for (let e = el; e; e = e.parentElement) stack.push(parse(getComputedStyle(e).backgroundColor));
    return stack.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const light = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [hi, lo] = [light(a), light(b)].sort((x, y) => y - x);
    return (hi + 0.05) / (lo + 0.05);
  };
  const shown = (el) => el.checkVisibility({ opacityProperty: true, visibilityProperty: true });

  // Text against what is behind it.
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const read = (el, what) => {
    const bg = behind(el), r = ratio(over(parse(getComputedStyle(el).color), bg), bg);
    if (r < 4.5) faults.push(`contrast ${r.toFixed(2)} of ${what} in ${name(el)}`);
  };
  for (let n; (n = walker.nextNode());) {
    const el = n.parentElement;
    if (n.data.trim() && shown(el)) read(el, JSON.stringify(n.data.trim().slice(0, 20)));
  }

  // Fields: text, edge, label.
  for (const el of document.querySelectorAll("input:not([type=hidden]),select,textarea")) {
    read(el, "the field's text");
    const around = behind(el.parentElement), r = ratio(parse(getComputedStyle(el).borderTopColor), around);
    if (r < 3) faults.push(`contrast ${r.toFixed(2)} of the edge of ${name(el)}`);
    if (!el.labels.length || !el.labels[0].textContent.trim()) faults.push("no label on " + name(el));
    for (const id of (el.getAttribute("aria-describedby") || "").split(" "))
      if (id && !document.getElementById(id)) faults.push(`${name(el)} is described by ${id}, which is not there`);
    if (parseFloat(getComputedStyle(el).fontSize) < 16) faults.push("a phone zooms in on " + name(el));
  }

  // Targets are big enough for a finger.
  for (const el of document.querySelectorAll("a,button,summary,input:not([type=hidden])")) {
    const box = el.getBoundingClientRect();
    if (shown(el) && (box.height < 44 || box.width < 44)) faults.push(`target ${box.width}×${box.height} of ${name(el)}`);
    if (el.target) faults.push("a new window by " + name(el));
  }

  // Nothing to scroll to the side, nothing cut off.
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) faults.push(`scrolls to the side: ${root.scrollWidth} in ${root.clientWidth}`);
  for (const el of document.body.querySelectorAll("*")) {
    const box = el.getBoundingClientRect();
    if (shown(el) && (box.right > innerWidth + 0.5 || box.left < -0.5)) faults.push(name(el) + " is cut off");
  }

  // The bones.
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  if (document.querySelectorAll("main").length !== 1) faults.push("not one main");
  if (!root.lang || !root.dir) faults.push("no language or direction");
  if (!document.title.trim()) faults.push("no title");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size !== ids.length) faults.push("an id is there twice");
  for (const el of document.querySelectorAll("img")) if (!el.hasAttribute("alt") || !el.naturalWidth) faults.push("image without alt or content");
  for (const el of document.querySelectorAll("meter")) if (!el.getAttribute("aria-labelledby")) faults.push("meter without a name");
  for (const el of document.querySelectorAll("script:not([src]),style,[style],iframe:not([sandbox=''],[sandbox='allow-same-origin'])")) faults.push("not expected: " + name(el));
  if (!["flex", "grid"].includes(getComputedStyle(document.body).display)) faults.push("the style sheet is not in force");
  return [...new Set(faults)];
})()
