// What a person could act on in the open page, told apart from the simplifier's rules.
// Takes [[name, locator], …]; returns which names hold and which elements have none.
named => {
  const ROLES = new Set(('button link checkbox radio tab menuitem menuitemcheckbox menuitemradio option switch ' +
    'combobox textbox searchbox slider spinbutton').split(' '));
  const NATIVE = 'a[href], area[href], button, input:not([type=hidden]), select, textarea, summary';
  const role = e => (e.getAttribute('role') || '').trim().toLowerCase().split(/\s+/)[0];
  const editable = e => e.hasAttribute('contenteditable') && e.getAttribute('contenteditable') !== 'false';
  // The value of a combobox, called a text box for screen readers: nobody can write there, and a click on it
  // opens the combobox around it.
  const onlyShows = e => role(e) === 'textbox' && e.getAttribute('aria-readonly') === 'true' &&
    !e.hasAttribute('tabindex') && e.parentElement && e.parentElement.closest('[role=combobox]');
  const isControl = e => e.matches(NATIVE) || (ROLES.has(role(e)) && !onlyShows(e)) || editable(e);
  const listens = e => e !== document.body && e !== document.documentElement &&
    (e.hasAttribute('onclick') || /^\s*\d+\s*$/.test(e.getAttribute('tabindex') || ''));
  const visible = e => e.checkVisibility({checkOpacity: true, checkVisibilityCSS: true}) && box(e) !== null;
  const box = e => {
    for (const r of e.getClientRects()) if (r.width >= 2 && r.height >= 2) return r;
    return null;
  };
  const standsFor = e => {
    const control = e.localName === 'label' ? e.control : null;
    return control && /^(checkbox|radio|file)$/.test(control.type) && !reachesItself(control) ? control : null;
  };
  const at = (x, y) => {
    let hit = document.elementFromPoint(x, y);
    return hit && hit.localName === 'option' ? hit.closest('select') : hit;
  };
  const POINTS = [[.5, .5], [.5, .25], [.5, .75], [.25, .5], [.75, .5], [.1, .5], [.9, .5], [.5, .1], [.5, .9]];
  // The innermost thing to act on that a click on this node would reach.
  const target = hit => {
    for (let e = hit; e; e = e.parentElement) {
      if (isControl(e) || listens(e) || nodes.has(e)) return e;
      if (e.localName === 'label' && e.control) return e;
    }
    return null;
  };
  const same = (a, b) => a === b || (a && b && ((a.localName === 'label' && a.control === b) ||
    (b.localName === 'label' && b.control === a)));
  const hits = function* (e) {
    e.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});
    const r = box(e);
    if (!r) return;
    for (const [fx, fy] of POINTS) {
      const hit = at(r.left + r.width * fx, r.top + r.height * fy);
      if (hit) yield hit;
    }
  };
  const reachesItself = e => {
    if (!visible(e)) return false;
    for (const hit of hits(e)) if (e.contains(hit)) return true;
    return false;
  };
  const words = e => ((e.getAttribute('aria-label') || '') + ' ' + (e.textContent || '') + ' ' +
    (e.getAttribute('alt') || '') + ' ' + (e.getAttribute('title') || '')).replace(/\s+/g, ' ').trim().slice(0, 80);
  const path = e => {
    const parts = [];
    for (let n = e; n && n.parentElement; n = n.parentElement)
      parts.unshift(n.localName + [...n.parentElement.children].filter(s => s.localName === n.localName).indexOf(n));
    return parts.join('>');
  };
  const told = e => [e.localName, e.getAttribute('type') || '', e.getAttribute('name') || '', words(e),
    (e.getAttribute('href') || '').split(/[?#]/)[0], path(e)].join('|');
  const show = e => e.cloneNode(e.childElementCount < 3).outerHTML.replace(/\s+/g, ' ').slice(0, 240);

  const result = {not_found: [], reached: 0, elsewhere: [], not_actionable: [], invisible: 0, actionable: 0,
    missing: [], identity: {}, text: document.body.innerText};
  const nodes = new Map();
  for (const [name, locator] of named) {
    let found = [];
    try { found = [...document.querySelectorAll(locator)]; } catch (error) { /* not a selector */ }
    if (found.length !== 1) { result.not_found.push(`${name} finds ${found.length}: ${locator}`); continue; }
    if (nodes.has(found[0])) { result.not_found.push(`${name} finds what ${nodes.get(found[0])} is`); continue; }
    nodes.set(found[0], name);
    result.identity[name] = told(found[0]);
  }

  for (const [node, name] of nodes) {
    const inSelect = node.localName === 'option';
    if (!(isControl(node) || listens(node) || (node.localName === 'label' && node.control) || inSelect))
      result.not_actionable.push(`${name} ${show(node)}`);
    if (inSelect) continue;
    if (!visible(node)) { result.invisible++; continue; }
    let itself = false, other = null, inReach = false;
    for (const hit of hits(node)) {
      const reached = target(hit);
      if (same(reached, node) || (node.contains(hit) && reached && reached.contains(node))) { itself = true; break; }
      if (node.contains(hit)) {
        // An unnamed inner thing that says no more than this one is the same to a person.
        inReach = true;
        if (!nodes.has(reached) && !(isControl(reached) && words(reached) !== words(node))) { itself = true; break; }
        other = reached;
      }
    }
    if (itself) result.reached++;
    else if (inReach) { result.reached++; result.elsewhere.push(`${name} reaches ${show(other)}`); }
  }

  for (const e of document.querySelectorAll('*')) {
    const control = isControl(e), label = standsFor(e);
    if (!(control || label || listens(e)) || !visible(e)) continue;
    let reach = false, resolved = nodes.has(e) || (label && nodes.has(label));
    for (const hit of hits(e)) {
      if (!e.contains(hit)) continue;
      reach = true;
      if (resolved) break;
      const reached = target(hit);
      // A click into it reaches another, named one inside it; a container that only listens gives way to any.
      if (reached !== e && [...nodes.keys()].some(n => same(n, reached))) { resolved = true; break; }
      if (control) {
        // Or a named one around it that says the same.
        const around = e.parentElement && [...nodes.keys()].find(n => n !== e && n.contains(e) && isControl(n));
        if (around && words(around) === words(e)) { resolved = true; break; }
      } else if ([...nodes.keys()].some(n => n.contains(e) || e.contains(n))) { resolved = true; break; }
      if (e.id && [...nodes.keys()].some(n => n.localName === 'label' && n.control === e)) { resolved = true; break; }
    }
    if (!reach) continue;
    result.actionable++;
    if (!resolved) result.missing.push(show(e));
  }
  return result;
}
