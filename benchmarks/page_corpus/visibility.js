// What a recorder in a browser would set: on what is not visible, nor anything in it, `data-facsim-visible=false`;
// on what is visible although its HTML says otherwise, `true` (docs/your-data/pages.md, Computed visibility).
() => {
  const looksHidden = e => e.hidden || e.getAttribute('aria-hidden') === 'true' ||
    /display:none|visibility:hidden/.test((e.getAttribute('style') || '').toLowerCase().replace(/\s/g, '')) ||
    (e.localName === 'dialog' && !e.open);
  // What is in these is drawn by the browser, or not at all.
  const WHOLE = 'select, svg, math, map, datalist, object, video, audio, canvas, iframe';
  const walk = e => {
    const inside = e.matches(WHOLE) ? [] : [...e.children].map(child => [child, walk(child)]);
    const shown = e.checkVisibility({visibilityProperty: true}) || inside.some(([, visible]) => visible);
    for (const [child, visible] of inside)
      if (!visible && shown) child.setAttribute('data-facsim-visible', 'false');
    if (shown && looksHidden(e)) e.setAttribute('data-facsim-visible', 'true');
    return shown;
  };
  walk(document.body);
}
