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
  const CONTROLS = 'a[href],area[href],button,input,select,textarea,summary,option,label,[contenteditable=""],' +
    '[contenteditable=true],[onclick],[tabindex],[role=button],[role=link],[role=checkbox],[role=radio],[role=tab],' +
    '[role=menuitem],[role=option],[role=switch],[role=combobox],[role=textbox],[role=searchbox],[role=slider],' +
    '[role=spinbutton],[role=treeitem],[role=menuitemcheckbox],[role=menuitemradio]';
  const DEEPEST = 1500;
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

  class Writer {
    constructor(target, mark, skip) {
      this.target = target; this.mark = mark; this.skip = skip;
      this.parts = []; this.masked = 0; this.special = false;
      this.private = new Set();
    }

    // Private elements are looked up once for each tree: asking every element would take most of the time.
    notePrivate(root) {
      for (const e of root.querySelectorAll(facsim.masking.privateSelector)) this.private.add(e);
    }

    document(doc) {
      const modals = doc.querySelectorAll('dialog:modal');
      this.modal = modals.length ? modals[modals.length - 1] : null;
      this.notePrivate(doc);
      this.parts.push('<!doctype html>');
      if (doc.documentElement) this.element(doc.documentElement, {inPrivate: false, whole: false, pointer: false, depth: 0});
    }

    // Writes an element; returns whether it, or something in it, is visible. `hidden` collects the places of
    // invisible elements: only the outermost are marked.
    element(e, context, hidden = []) {
      const tag = e.localName;
      if (SKIPPED.has(tag) || e === this.skip || context.depth > DEEPEST) return false;
      const inPrivate = context.inPrivate || (this.private.size > 0 && this.private.has(e));
      const whole = context.whole;
      let shown = whole || e.checkVisibility({visibilityProperty: true});
      // What listens for clicks without saying so in HTML has a pointer; so has everything in it.
      const pointer = context.pointer || STRONG.has(tag) || (shown && !whole && getComputedStyle(e).cursor === 'pointer');
      const at = this.parts.push('') - 1;
      const inside = {inPrivate, whole: whole || WHOLE.has(tag), pointer, depth: context.depth + 1};
      const hiddenInside = [];
      if (tag === 'iframe') this.frame(e, inside);
      else if (tag === 'textarea') this.parts.push('\n', escapeText(value(e, e.value, inPrivate)));
      else if (!VOID.has(tag)) {
        const root = whole ? null : shadowOf(e);
        if (root) {
          this.special = true;
          this.notePrivate(root);
          this.parts.push('<template shadowrootmode="open">');
          shown = this.children(root, inside, hiddenInside) || shown;
          this.parts.push('</template>');
        }
        shown = this.children(e, inside, hiddenInside) || shown;
      }
      if (!VOID.has(tag)) this.parts.push(`</${tag}>`);
      this.parts[at] = this.openTag(e, tag, {shown, inPrivate, listens: pointer && !context.pointer && !STRONG.has(tag)});
      if (!shown) hidden.push(at);
      else for (const place of hiddenInside) this.parts[place] = `${this.parts[place].slice(0, -1)} data-facsim-visible="false">`;
      return shown;
    }

    children(parent, context, hidden) {
      let shown = false;
      for (let node = parent.firstChild; node; node = node.nextSibling) {
        if (node.nodeType === 1) shown = this.element(node, context, hidden) || shown;
        else if (node.nodeType === 3) this.text(node.data, context.inPrivate);
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

    frame(e, context) {
      const doc = frameDocument(e);
      this.special = true;
      if (!doc || !doc.documentElement || context.depth > DEEPEST) return;
      const inner = new Writer(this.target, this.mark, null);
      inner.modal = null;
      inner.notePrivate(doc);
      inner.parts.push('<!doctype html>');
      inner.element(doc.documentElement, {...context, whole: false, pointer: false});
      this.masked += inner.masked;
      this.inlined = this.inlined || new Map();
      this.inlined.set(e, inner.parts.join(''));
    }

    openTag(e, tag, {shown, inPrivate, listens}) {
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
      if (listens && !e.matches(CONTROLS)) open += ' onclick=""';
      if (shown && hides) open += ' data-facsim-visible="true"';
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
    TARGET, CONTROLS, shadowOf,
    // The document as HTML, with a mark on the target, or on each of its options if it is a select.
    take(doc, target, mark, skip) {
      const started = performance.now();
      for (const field of doc.querySelectorAll('input,textarea')) {
        if (field.value && facsim.masking.isSecretField(field)) facsim.masking.remember(field.value);
      }
      const writer = new Writer(target, mark, skip);
      writer.document(doc);
      return {html: writer.parts.join(''), mark, masked: writer.masked, special: writer.special, taken: started,
        cost: performance.now() - started};
    },
  };
})();
