// The page as HTML with what only a browser knows: live values, computed visibility, shadow roots and frames.
// Nothing in the page is changed. Secrets are masked while the text is written.
'use strict';

facsim.snapshot = (() => {
  const {clean, value, address, MASK} = facsim.masking;
  const VOID = new Set('area base br col embed hr img input link meta param source track wbr'.split(' '));
  const SKIPPED = new Set('script style noscript template link meta base param source track'.split(' '));
  // What is in these is drawn by the browser, or not at all.
  const WHOLE = new Set('select svg math map datalist object video audio canvas iframe'.split(' '));
  // Enough for names, states, recipes and re-reading; other attributes often carry tokens.
  const KEPT = new Set(('alt class colspan contenteditable disabled expanded for headers hidden id inert label lang list max ' +
    'maxlength min multiple name open placeholder readonly required role rowspan scope start tabindex title type dir ' +
    'autocomplete itemprop itemtype slot size step data-testid data-test data-qa data-cy data-component-type ' +
    'data-asin pressed current shadowrootmode').split(' '));
  const MAYBE_KEPT = /^(?:aria-|href$|src$|onclick$|value$)/;
  const STRONG = new Set('a area button input select textarea summary option label'.split(' '));
  const TEXTS = new Set(['alt', 'label', 'placeholder', 'title', 'name', 'id']);
  const BY_TAG_OR_ROLE = 'a[href],area[href],button,input,select,textarea,summary,option,label,[contenteditable=""],' +
    '[contenteditable=true],[role=button],[role=link],[role=checkbox],[role=radio],[role=tab],' +
    '[role=menuitem],[role=option],[role=switch],[role=combobox],[role=textbox],[role=searchbox],[role=slider],' +
    '[role=spinbutton],[role=treeitem],[role=menuitemcheckbox],[role=menuitemradio]';
  // Perhaps only a box around controls. A negative `tabindex` is for scripts, such as that of a skip link's target.
  const LISTENING = '[onclick],[tabindex]:not([tabindex^="-"])';
  const CONTROLS = `${BY_TAG_OR_ROLE},${LISTENING}`;
  const DEEPEST = 1500;
  const VISIBLE = {visibilityProperty: true};
  const TARGET = 'data-facsim-target';

  const ENTITIES = {'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;'};
  const escapeText = text => /[&<>]/.test(text) ? text.replace(/[&<>]/g, c => ENTITIES[c]) : text;
  const escapeAttribute = text => /[&"<>]/.test(text) ? text.replace(/[&"<>]/g, c => ENTITIES[c]) : text;

  function shadowOf(e) {
    if (e.shadowRoot) return e.shadowRoot;
    if (!e.localName.includes('-')) return null;
    try { return chrome.dom.openOrClosedShadowRoot(e); } catch { return null; }
  }

  function frameDocument(e) {
    try { return e.contentDocument; } catch { return null; }
  }

  // A box that takes focus and has text beside the controls in it, such as a product that opens when clicked: without
  // a role it would pass for the wrapper of these controls.
  function isCard(e) {
    if (e.tabIndex < 0 || e.hasAttribute('role') || !e.querySelector(CONTROLS)) return false;
    const texts = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const {data, parentElement} = texts.currentNode;
      if (data.trim() && parentElement.closest(CONTROLS) === e) return true;
    }
    return false;
  }

  class Writer {
    constructor(target, mark, skip) {
      this.target = target; this.mark = mark; this.skip = skip;
      this.parts = []; this.masked = 0; this.special = false; this.depth = 0;
      this.private = new Set();
      // Places, in `parts`, of start tags inside the element that is being written: of those without anything visible
      // in them, and of those with a pointer. The outermost ones count.
      this.hidden = []; this.pointers = [];
    }

    // Private elements are looked up once for each tree: asking every element would take most of the time.
    notePrivate(root) {
      for (const e of facsim.masking.privateElements(root)) this.private.add(e);
    }

    document(doc, inPrivate) {
      const modals = doc.querySelectorAll('dialog:modal');
      this.modal = modals.length ? modals[modals.length - 1] : null;
      this.notePrivate(doc);
      this.parts.push('<!doctype html>');
      if (doc.documentElement) this.element(doc.documentElement, inPrivate, false, false);
      // What listens for clicks without saying so in HTML has a pointer; so has everything in it.
      for (const place of this.pointers) this.add(place, 'onclick=""');
    }

    add(place, attribute) { this.parts[place] = `${this.parts[place].slice(0, -1)} ${attribute}>`; }

    // Writes an element; returns whether it, or something in it, is visible. `whole`: it is drawn with what is around
    // it, or not at all. `inControl`: something around it is a control by its tag. To ask Chromium about visibility and
    // style takes most of the time, so neither is asked where what is inside has told already.
    element(e, inPrivate, whole, inControl) {
      const tag = e.localName;
      if (SKIPPED.has(tag) || e === this.skip || this.depth > DEEPEST) return false;
      const {parts, hidden, pointers} = this;
      const isVoid = VOID.has(tag), isControl = inControl || STRONG.has(tag);
      const at = parts.push('') - 1, firstHidden = hidden.length, firstPointer = pointers.length;
      inPrivate ||= this.private.size > 0 && this.private.has(e);
      let shown = whole;
      if (!isVoid) {
        this.depth++;
        const isWhole = WHOLE.has(tag);
        shown = this.inside(e, tag, inPrivate, whole || isWhole, isControl) && !isWhole || shown;
        this.depth--;
        parts.push(`</${tag}>`);
      }
      const isAround = shown && !whole; // something visible is inside
      shown ||= e.checkVisibility(VISIBLE);
      parts[at] = this.openTag(e, tag, shown, inPrivate);
      if (shown) {
        while (hidden.length > firstHidden) this.add(hidden.pop(), 'data-facsim-visible="false"');
        if (!isControl && !whole && getComputedStyle(e).cursor === 'pointer' && (!isAround || e.checkVisibility(VISIBLE))) {
          pointers.length = firstPointer;
          if (isCard(e)) this.add(at, 'role="button"');
          else if (!e.matches(CONTROLS)) pointers.push(at);
        }
      } else if (tag !== 'datalist') { // the browser draws its options elsewhere
        hidden.length = firstHidden;
        hidden.push(at);
      }
      return shown;
    }

    // Writes what is in an element; returns whether any of it is visible.
    inside(e, tag, inPrivate, whole, inControl) {
      if (tag === 'iframe') { this.frame(e, inPrivate); return false; }
      if (tag === 'textarea') { this.parts.push('\n', escapeText(value(e, e.value, inPrivate))); return false; }
      const root = whole ? null : shadowOf(e);
      let shown = false;
      if (root) {
        this.special = true;
        this.notePrivate(root);
        this.parts.push('<template shadowrootmode="open">');
        shown = this.children(root, inPrivate, whole, inControl);
        this.parts.push('</template>');
      }
      return this.children(e, inPrivate, whole, inControl) || shown;
    }

    children(parent, inPrivate, whole, inControl) {
      let shown = false;
      for (let node = parent.firstChild; node; node = node.nextSibling) {
        if (node.nodeType === 1) shown = this.element(node, inPrivate, whole, inControl) || shown;
        else if (node.nodeType === 3) this.text(node.data, inPrivate);
      }
      return shown;
    }

    text(text, inPrivate) {
      if (!text) return;
      if (inPrivate && text.trim()) { this.masked++; this.parts.push(MASK); return; }
      const cleaned = clean(text);
      if (cleaned !== text) this.masked++;
      this.parts.push(escapeText(cleaned));
    }

    frame(e, inPrivate) {
      const doc = frameDocument(e);
      this.special = true;
      if (!doc || !doc.documentElement || this.depth > DEEPEST) return;
      const inner = new Writer(this.target, this.mark, null);
      inner.depth = this.depth;
      inner.document(doc, inPrivate);
      this.masked += inner.masked;
      this.inlined = this.inlined || new Map();
      this.inlined.set(e, inner.parts.join(''));
    }

    openTag(e, tag, shown, inPrivate) {
      let open = `<${tag}`;
      let hides = tag === 'dialog' && !e.hasAttribute('open');
      for (const name of e.getAttributeNames()) {
        if (!MAYBE_KEPT.test(name) && !KEPT.has(name)) continue;
        const given = e.getAttribute(name);
        const written = this.attribute(e, tag, name, given, inPrivate);
        if (written === null) continue;
        if (name === 'hidden' || (name === 'aria-hidden' && given === 'true')) hides = true;
        open += written === '' ? ` ${name}=""` : ` ${name}="${escapeAttribute(written)}"`;
      }
      open += this.state(e, tag, inPrivate);
      // An icon may be drawn, but its title is not.
      if (shown && hides && tag !== 'svg') open += ' data-facsim-visible="true"';
      if (this.modal && !e.hasAttribute('inert') && this.isBehind(e)) open += ' inert=""';
      if (e === this.target) open += ` ${TARGET}="${this.mark}"`;
      else if (tag === 'option' && this.target?.localName === 'select' && this.target.contains(e)) {
        open += ` ${TARGET}="${this.mark}.${[...this.target.options].indexOf(e)}"`;
      }
      if (tag === 'iframe' && this.inlined?.has(e)) open += ` srcdoc="${escapeAttribute(this.inlined.get(e))}"`;
      return `${open}>`;
    }

    // What a modal dialog makes inert without an attribute.
    isBehind(e) {
      return !e.contains(this.modal) && !this.modal.contains(e) && e.parentElement?.contains(this.modal);
    }

    attribute(e, tag, name, given, inPrivate) {
      if (name === 'href') return inPrivate ? '' : address(given);
      if (name === 'src') return tag === 'img' && !inPrivate ? address(given) : null;
      if (name === 'onclick') return '';
      if (name.startsWith('aria-')) return inPrivate && !/^aria-(?:hidden|expanded|checked|disabled|modal|pressed|selected|current)$/.test(name)
        ? MASK : clean(given);
      if (name === 'value') return /^(?:option|button|li|data|meter|progress)$/.test(tag) ? (inPrivate ? MASK : clean(given)) : null;
      if (!KEPT.has(name)) return null;
      return TEXTS.has(name) ? (inPrivate && given ? MASK : clean(given)) : given;
    }

    // What is set by properties, not attributes: the live values and states of fields.
    state(e, tag, inPrivate) {
      if (tag === 'input') {
        // Noted even if it is empty: it stays a password when the page shows what is typed later.
        if (e.type === 'password') facsim.masking.isSecretField(e);
        if (e.type === 'checkbox' || e.type === 'radio') {
          return (e.checked ? ' checked=""' : '') + (e.hasAttribute('value') && !inPrivate ? ` value="${escapeAttribute(clean(e.value))}"` : '');
        }
        if (e.type === 'hidden' || e.type === 'file' || !e.value) return '';
        const text = value(e, e.value, inPrivate);
        if (text !== e.value) this.masked++;
        return ` value="${escapeAttribute(text)}"`;
      }
      return tag === 'option' && e.selected ? ' selected=""' : '';
    }
  }

  return {
    TARGET, BY_TAG_OR_ROLE, LISTENING, CONTROLS, shadowOf,
    // The document as HTML, with a mark on the target, or on each of its options if it is a select.
    take(doc, target, mark, skip) {
      const started = performance.now();
      for (const field of doc.querySelectorAll('input,textarea')) {
        if (field.value && facsim.masking.isSecretField(field)) facsim.masking.remember(field.value);
      }
      const writer = new Writer(target, mark, skip);
      writer.document(doc, false);
      return {html: writer.parts.join(''), mark, masked: writer.masked, special: writer.special, taken: started,
        cost: performance.now() - started};
    },
  };
})();
