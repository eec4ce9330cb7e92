// Tells where the element of a selector can be clicked, in the window's pixels, or
// why it cannot be, yet. It gives it the focus if that is asked for.
(selector, focus) => {
  const not = (why) => ({ X: 0, Y: 0, Not: why });
  if (document.readyState !== "complete") return not("the page is not loaded");
  const el = document.querySelector(selector);
  if (!el) return not("it is not there");
  if (el.disabled || !el.checkVisibility({ visibilityProperty: true })) return not("it is hidden, or disabled");
  el.scrollIntoViewIfNeeded(true);
  const box = el.getClientRects()[0];
  if (!box || !box.width || !box.height) return not("it has no size");
  const x = box.x + box.width / 2, y = box.y + box.height / 2, upon = document.elementFromPoint(x, y);
  if (!upon || !el.contains(upon)) return not("upon it is " + (upon ? upon.outerHTML.slice(0, 80) : "nothing"));
  if (focus) {
    el.focus();
    if (document.activeElement !== el) return not("it does not take the focus");
  }
  const { offsetLeft, offsetTop, scale } = visualViewport;
  return { X: (x - offsetLeft) * scale, Y: (y - offsetTop) * scale, Not: "" };
}
