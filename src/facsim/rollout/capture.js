// The page as HTML with computed visibility, live values and open shadow roots. The page itself is not changed:
// marks go to a copy in a document of its own, where nothing loads and no script runs.
// The marks are described in docs/your-data/pages.md, "Computed visibility".
() => {
  const VISIBLE = 'data-facsim-visible';
  // What is in these is drawn by the browser, or not at all.
  const WHOLE = 'select, svg, math, map, datalist, object, video, audio, canvas, iframe';
  const CONTROLS = 'a, area, button, input, select, textarea, summary, option, label';
  // As in record/extension/snapshot.js: pages of rollouts and recordings must have the same names.
  const BY_TAG_OR_ROLE = 'a[href],area[href],button,input,select,textarea,summary,option,label,[contenteditable=""],' +
    '[contenteditable=true],[role=button],[role=link],[role=checkbox],[role=radio],[role=tab],' +
    '[role=menuitem],[role=option],[role=switch],[role=combobox],[role=textbox],[role=searchbox],[role=slider],' +
    '[role=spinbutton],[role=treeitem],[role=menuitemcheckbox],[role=menuitemradio]';
  const FOCUSABLE = `${BY_TAG_OR_ROLE},[onclick],[tabindex]:not([tabindex^="-"])`;
  // A box that takes focus and has text beside the controls in it, such as a product that opens when clicked.
  const isCard = e => {
    if (e.tabIndex < 0 || e.hasAttribute('role') || !e.querySelector(FOCUSABLE)) return false;
    const texts = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode;
      if (text.data.trim() && text.parentElement.closest(FOCUSABLE) === e) return true;
    }
    return false;
  };
  const isVisible = e => e.checkVisibility({visibilityProperty: true});
  const looksHidden = e => e.hidden || e.getAttribute('aria-hidden') === 'true' ||
    /display:none|visibility:hidden/.test((e.getAttribute('style') || '').toLowerCase().replace(/\s/g, '')) ||
    (e.localName === 'dialog' && !e.open);
  const setState = (live, copy, name) => copy.toggleAttribute(name, Boolean(live[name]));
  const setLiveValue = (live, copy) => {
    if (live.localName === 'textarea') copy.textContent = live.value;
    else if (live.localName === 'option') setState(live, copy, 'selected');
    else if (live.localName === 'input') {
      if (live.type === 'password') copy.removeAttribute('value');
      else if (live.value || copy.hasAttribute('value')) copy.setAttribute('value', live.value);
      if (live.type === 'checkbox' || live.type === 'radio') setState(live, copy, 'checked');
    }
  };
  const walk = (live, copy, inControl) => {
    setLiveValue(live, copy);
    let isControl = inControl || live.matches(CONTROLS);
    // What listens for clicks without saying so in HTML has a pointer; so has everything in it.
    if (!isControl && isVisible(live) && getComputedStyle(live).cursor === 'pointer') {
      copy.setAttribute(...(isCard(live) ? ['role', 'button'] : ['onclick', '']));
      isControl = true;
    }
    const walked = (child, ofCopy) => [ofCopy, walk(child, ofCopy, isControl || live.matches(WHOLE))];
    const inside = [...live.children].map((child, place) => walked(child, copy.children[place]));
    if (live.shadowRoot) {
      const template = copy.ownerDocument.createElement('template');
      template.setAttribute('shadowrootmode', 'open');
      for (const node of live.shadowRoot.childNodes) template.content.append(copy.ownerDocument.importNode(node, true));
      [...live.shadowRoot.children].forEach((child, place) =>
        inside.push(walked(child, template.content.children[place])));
      copy.prepend(template);
    }
    const isWhole = live.matches(WHOLE);
    const shown = isVisible(live) || (!isWhole && inside.some(([, visible]) => visible));
    if (shown && !isWhole) for (const [child, visible] of inside) if (!visible) child.setAttribute(VISIBLE, 'false');
    // An icon may be drawn, but its title is not.
    if (shown && looksHidden(live) && live.localName !== 'svg') copy.setAttribute(VISIBLE, 'true');
    return shown;
  };
  const inert = document.implementation.createHTMLDocument('');
  const copy = inert.importNode(document.documentElement, true);
  for (const marked of copy.querySelectorAll(`[${VISIBLE}]`)) marked.removeAttribute(VISIBLE);
  if (document.body) {
    const bodies = [...document.documentElement.children].indexOf(document.body);
    walk(document.body, copy.children[bodies], false);
  }
  // Never drawn, but white space beside them would be read as the edge of a block. Locators count siblings of one
  // tag, so theirs do not change.
  for (const list of copy.querySelectorAll('datalist')) list.remove();
  return '<!doctype html>' + copy.outerHTML;
}
