// Turns what a person does on a page into recorded actions, and puts them into the queue on disk.
//
// One recorder serves a page with all its same-origin frames; it lives in the outermost window. Only trusted
// events count: what a script of the page dispatches is not an action. An action is stored with the page as it
// was just before (`snapshot.js`), and with a hybrid logical clock, so that setting the computer's clock back does
// not change the order of events.
'use strict';

(() => {
  const outermost = () => {
    let win = window;
    try { while (win !== win.parent && win.parent.document) win = win.parent; } catch { /* another origin */ }
    return win;
  };
  const root = outermost();
  if (root !== root.top) return; // A page embedded in a foreign site is not recorded.

  const TEXT_INPUTS = new Set(('text search email url tel number password date time month week datetime-local color range').split(' '));
  const PICKED = new Set(['date', 'time', 'month', 'week', 'datetime-local', 'color', 'range']);
  const RETRY = 2000; // ms
  const REUSABLE = 250; // ms for which the snapshot of an unchanged page serves again
  const {masking, snapshot, storage} = facsim;
  const IN_MEMORY = 'Recording. The disk is full: please keep the browser open until there is room.';
  const STALLED = 'Not recording: the disk is full. What you do now is not recorded. It goes on when there is room.';
  const newId = () => [...crypto.getRandomValues(new Uint8Array(12))].map(b => b.toString(16).padStart(2, '0')).join('');
  const mark = () => newId().slice(0, 16);

  class Recorder {
    constructor() {
      this.doc = newId();
      this.clock = 0;
      this.state = null;
      this.unstored = new Map();
      this.warning = ''; // shown instead of the study's title
      this.isStalled = false;
      this.pending = null; // a click on a text field or an opened select: perhaps only the start of an action
      this.press = this.key = this.typing = this.changing = null;
      this.implied = false; // whether a click may follow that the browser makes: of a label's control, or of Enter in a form
      this.dirty = true;
      this.page = null;
      this.ready = this.refresh(true).then(() => this.started());
    }

    // --- state and queue

    async refresh(first) {
      const {state, clock, ask} = await storage.read(['state', 'clock', 'ask']);
      this.clock = Math.max(this.clock, clock);
      if (first && ask) this.ask = ask;
      this.setState(state);
    }

    setState(state) {
      this.state = state || null;
      masking.setPrivate(state?.study?.private);
      this.showMark();
    }

    // What the person wants.
    get isWanted() { return Boolean(this.state?.consented && !this.state.paused && !this.state.stopped); }

    get isRecording() { return this.isWanted && !this.isStalled; }

    showMark() {
      facsim.overlay.show(this.isWanted, this.state?.study?.title);
      if (this.isWanted && this.warning) facsim.overlay.warn(this.warning);
    }

    warn(text) {
      if (text === this.warning) return;
      this.warning = text;
      this.showMark();
    }

    started() {
      if (!this.isRecording) return;
      const kind = performance.getEntriesByType('navigation')[0]?.type || 'navigate';
      this.put({kind: 'navigate', how: kind});
      chrome.runtime.sendMessage({what: 'document', doc: this.doc}).catch(() => {});
      if (this.ask) facsim.overlay.ask(this.ask);
    }

    put(event) {
      if (this.state && !this.isRecording) return null;
      // A hybrid logical clock: the time of day, but never before an earlier event, even if it is set back.
      this.clock = Math.max(this.clock + 1, Date.now());
      const whole = {id: newId(), clock: this.clock, time: Date.now(), mono: performance.now(), doc: this.doc,
        url: this.address(), title: this.title(), ...event};
      // Without delay where possible: a page that is being closed has no time for promises.
      if (this.state) this.enqueue(whole);
      else this.ready.then(() => { if (this.isRecording) this.enqueue(whole); });
      return whole.id;
    }

    // Storage belongs to the browser's process: what is stored survives the page, the service worker and, unless
    // the disk is full, a kill.
    async enqueue(event) {
      this.unstored.set(event.id, event);
      try {
        const isOnDisk = await storage.put(event);
        this.unstored.delete(event.id);
        if (!isOnDisk && !this.isStalled) this.warn(IN_MEMORY);
      } catch {
        if (chrome.runtime?.id) this.stall(); // else the extension was removed or replaced
      }
    }

    // There is room neither on the disk nor in memory. The session ends here, and nothing more is recorded until all
    // that waits in this page is stored.
    stall() {
      if (this.isStalled) return;
      this.isStalled = true;
      this.warn(STALLED);
      this.putControl('pause');
      const retry = async () => {
        let isOnDisk = true;
        try {
          for (const event of this.unstored.values()) {
            isOnDisk = await storage.put(event);
            this.unstored.delete(event.id);
          }
        } catch { setTimeout(retry, RETRY); return; }
        this.isStalled = false;
        this.warn(isOnDisk ? '' : IN_MEMORY);
        if (!this.isWanted) return;
        this.putControl('resume');
        this.started();
      };
      setTimeout(retry, RETRY);
    }

    putControl(kind) {
      this.clock = Math.max(this.clock + 1, Date.now());
      this.enqueue({id: newId(), clock: this.clock, time: Date.now(), kind});
    }

    // While a secret is typed, the page may show its first letters in the address or the title.
    address() {
      const {href, origin, pathname} = root.location;
      return this.typing?.secret ? `${origin}${pathname}${href.length > origin.length + pathname.length ? `?${masking.MASK}` : ''}`
        : masking.address(href);
    }

    title() { return this.typing?.secret ? masking.MASK : masking.clean(root.document.title).slice(0, 300); }

    scroll() {
      const view = root.visualViewport, body = root.document.scrollingElement || root.document.documentElement;
      return {x: Math.round(root.scrollX), y: Math.round(root.scrollY), width: root.innerWidth, height: root.innerHeight,
        page_height: body?.scrollHeight ?? 0, zoom: view?.scale ?? 1};
    }

    // --- snapshots

    take(target) {
      const now = performance.now();
      const page = this.page;
      if (page && !this.dirty && !page.special && page.target === target && now - page.taken < REUSABLE) return page;
      const taken = snapshot.take(root.document, target, mark(), facsim.overlay.host);
      taken.target = target;
      Object.assign(taken, {scroll: this.scroll(), url: this.address(), title: this.title()});
      this.dirty = false;
      this.page = taken;
      return taken;
    }

    action(kind, shot, more) {
      const id = this.put({kind: 'action', action: kind, html: shot.html, mark: shot.mark, masked: shot.masked,
        scroll: shot.scroll, url: shot.url, title: shot.title, cost: Math.round(shot.cost * 10) / 10, ...more});
      facsim.overlay.recorded();
      if (id && this.isRecording && Math.random() < (this.state.study?.rationale_share || 0)) {
        const ask = {id, label: more.label || '', kind, time: Date.now()};
        chrome.storage.local.set({ask}).catch(() => {});
        setTimeout(() => facsim.overlay.ask(ask), 400);
      }
      return id;
    }

    // --- targets

    innermost(event) {
      let target = event.composedPath()[0];
      if (target?.nodeType !== 1) target = target?.parentElement ?? event.target;
      for (;;) {
        const inner = snapshot.shadowOf(target);
        if (!inner || inner.mode !== 'closed') return target;
        const found = 'clientX' in event && (event.clientX || event.clientY)
          ? inner.elementFromPoint(event.clientX, event.clientY) : inner.activeElement;
        if (!found || found === target || found.getRootNode() !== inner) return target;
        target = found;
      }
    }

    around(e, selector) {
      for (let node = e; node;) {
        const found = node.closest?.(selector);
        if (found) return found;
        node = node.getRootNode().host;
      }
      return null;
    }

    // The element that a click acts on: for a label its control, unless that is hidden and the label drawn instead.
    acted(target) {
      const label = this.around(target, 'label');
      const control = label?.control;
      if (control && !control.contains(target)) {
        const inner = this.around(target, snapshot.CONTROLS.replace(',label', ''));
        if (!inner || !label.contains(inner)) return control.checkVisibility({visibilityProperty: true}) ? control : target;
      }
      return target;
    }

    // Whether a click does anything, as far as one can tell: between the controls of a box that takes focus or
    // listens, it does nothing unless there is a pointer.
    isActionable(target) {
      if (this.around(target, snapshot.BY_TAG_OR_ROLE) || getComputedStyle(target).cursor === 'pointer') return true;
      const listening = this.around(target, snapshot.LISTENING);
      return Boolean(listening) && !listening.querySelector(snapshot.CONTROLS);
    }

    field(e) {
      if (!e) return null;
      if (e.isContentEditable) {
        let host = e;
        while (host.parentElement?.isContentEditable) host = host.parentElement;
        return host;
      }
      return e.localName === 'textarea' || (e.localName === 'input' && TEXT_INPUTS.has(e.type)) ? e : null;
    }

    isSecret(field) { return masking.isPrivate(field) || (!field.isContentEditable && masking.isSecretField(field)); }

    fieldText(field) { return field.isContentEditable ? field.innerText.trim() : field.value; }

    label(e) {
      const named = this.around(e, snapshot.CONTROLS) || e;
      if (masking.isPrivate(named)) return '';
      const text = named.getAttribute('aria-label') || named.labels?.[0]?.textContent || (named.isContentEditable ? '' : named.innerText)
        || named.getAttribute('placeholder') || named.getAttribute('alt') || named.querySelector?.('img[alt]')?.alt || '';
      return masking.clean(text.replace(/\s+/g, ' ').trim()).slice(0, 80);
    }

    // --- clicks

    onPointerDown(event) {
      this.implied = false;
      if (event.button > 1) return;
      const target = this.innermost(event);
      const field = this.field(target);
      if (this.typing && this.typing.field !== field) this.finishTyping(false);
      this.finishChange();
      this.press = {target, shot: this.isActionable(target) ? this.take(this.acted(target)) : null, button: event.button};
    }

    onPointerUp(event) {
      const press = this.press;
      // The page may act when the button goes down, and remove what was pressed: then there is no click.
      if (press) setTimeout(() => {
        if (this.press === press && press.shot && !press.target.isConnected) this.click(press.target, press.shot, {});
        if (this.press === press) this.press = null;
      }, event.pointerType === 'mouse' ? 0 : 600);
    }

    onClick(event) {
      const press = this.press, key = this.key;
      this.press = this.key = null;
      let target = this.innermost(event), shot = null;
      if (press && (event.detail > 0 || event.pointerType)) {
        // When the button goes up on another element, the click is on what holds both: a drag, unless the page
        // has replaced what was pressed.
        const isSame = target === press.target || press.target.contains(target) || !press.target.isConnected;
        if (!isSame && !(target.contains(press.target) && this.around(target, snapshot.CONTROLS))) return;
        target = press.target;
        shot = press.shot;
      } else if (key) shot = key.shot, target = key.target;
      else if (this.implied) return;
      if (!shot) {
        if (!this.isActionable(target)) { this.put({kind: 'idle_click', scroll: this.scroll()}); return; }
        shot = this.take(this.acted(target));
      }
      // A label's control is clicked in the same task.
      this.implied = true;
      setTimeout(() => { this.implied = false; }, 0);
      const more = {};
      if (event.button === 1 || event.ctrlKey || event.metaKey) more.new_tab = true;
      this.click(target, shot, more);
    }

    click(target, shot, more) {
      this.flushPending();
      const acted = shot.target;
      const event = {shot, more: {label: this.label(acted), ...more}};
      const field = this.field(acted);
      if (field || acted.localName === 'select') {
        this.pending = {field: field || acted, ...event};
        return;
      }
      this.action('click', shot, event.more);
    }

    flushPending(except = null) {
      const pending = this.pending;
      this.pending = null;
      if (pending && pending.field !== except) this.action('click', pending.shot, pending.more);
    }

    // --- typing

    onKeyDown(event) {
      this.implied = false;
      if (event.isComposing) return;
      const target = this.innermost(event);
      const field = this.field(target);
      const isSelect = target.localName === 'select';
      if (field && event.key === 'Enter') {
        if (field.localName === 'input') {
          this.implied = true;
          this.startTyping(field);
          this.finishTyping(true);
        } else if (this.typing?.field === field && !event.shiftKey) {
          const typed = this.typing, text = this.fieldText(field);
          // In a chat Enter sends, and the page empties the field; elsewhere it begins a line.
          setTimeout(() => {
            if (this.typing === typed && (event.defaultPrevented || !this.fieldText(field))) { typed.text = text; this.finishTyping(true); }
          }, 0);
        }
      } else if (!field && (event.key === 'Enter' || event.key === ' ') && this.isActionable(target)) {
        this.settle();
        this.key = {target, shot: this.take(this.acted(target))};
      } else if (isSelect && !event.ctrlKey && (event.key.length === 1 || event.key.startsWith('Arrow') || /^(?:Home|End|Page)/.test(event.key))) {
        if (this.changing?.field !== target) { this.settle(); this.changing = {field: target, shot: this.take(target), option: -1}; }
      }
    }

    startTyping(field) {
      if (this.typing?.field === field) return;
      this.finishTyping(false);
      this.finishChange();
      this.flushPending(field);
      this.typing = {field, shot: this.take(field), before: this.fieldText(field), label: this.label(field), text: null,
        secret: this.isSecret(field)};
    }

    onInput(event) {
      this.dirty = true;
      const target = this.innermost(event);
      if (target.localName === 'select') return this.onSelect(target);
      const field = this.field(target);
      if (!field) return;
      this.startTyping(field);
      this.typing.edited = true;
      this.typing.text = this.fieldText(field);
      // At once: the page may show it elsewhere with the same event.
      if (this.typing.secret) masking.remember(this.typing.text);
      if (field.localName === 'input' && PICKED.has(field.type)) this.typing.picked = true;
    }

    finishTyping(submitted) {
      const typed = this.typing;
      this.typing = null;
      if (!typed) return;
      const text = typed.text ?? this.fieldText(typed.field);
      if (!submitted && (!typed.edited || text === typed.before)) return;
      if (submitted && !text) return;
      const secret = typed.secret || this.isSecret(typed.field);
      if (secret) masking.remember(text);
      // A text that is masked in part is unknown as a whole.
      const known = !secret && masking.clean(text) === text;
      this.action('type', typed.shot, {text: known ? text : masking.MASK, submitted, label: typed.label});
    }

    onSelect(select) {
      const press = this.pending?.field === select ? this.pending : null;
      if (this.changing?.field !== select) {
        const shot = press ? press.shot : this.press?.target === select && this.press.shot ? this.press.shot : this.take(select);
        this.changing = {field: select, shot};
      }
      this.pending = press ? null : this.pending;
      this.changing.option = select.selectedIndex;
      clearTimeout(this.changing.timer);
      this.changing.timer = setTimeout(() => this.finishChange(), 700);
    }

    finishChange() {
      const change = this.changing;
      this.changing = null;
      if (!change || change.option < 0) return;
      clearTimeout(change.timer);
      const option = change.field.options[change.option];
      this.flushPending(change.field);
      this.action('click', change.shot, {option: change.option, label: masking.clean(option?.text || '').slice(0, 80)});
    }

    // Everything begun is finished, in order.
    settle() {
      this.finishTyping(false);
      this.finishChange();
      this.flushPending();
    }

    onBlur(event) {
      if (this.typing && this.field(event.composedPath()[0]) === this.typing.field) this.finishTyping(false);
    }

    // --- leaving

    onPageHide(event) {
      const press = this.press;
      this.press = null;
      this.settle();
      if (press?.shot) this.click(press.target, press.shot, {});
      this.settle();
      if (!this.isRecording) return;
      const page = this.page;
      const shot = page && !this.dirty && !page.special ? page : this.take(null);
      this.put({kind: 'leave', html: shot.html, masked: shot.masked, scroll: shot.scroll, url: shot.url, title: shot.title, cached: event.persisted});
      for (const event of this.unstored.values()) storage.hold(event);
    }

    onPageShow(event) {
      if (!event.persisted) return;
      this.dirty = true;
      this.refresh(false).then(() => {
        this.put({kind: 'navigate', how: 'back_forward'});
        chrome.runtime.sendMessage({what: 'document', doc: this.doc}).catch(() => {});
      });
    }

    onVisibility() {
      const visible = root.document.visibilityState === 'visible';
      if (!visible) this.settle();
      this.refresh(false).then(() => this.put({kind: 'tab', visible}));
    }

    onHistory(event) {
      this.dirty = true;
      if (event.navigationType) this.put({kind: 'navigate', how: event.navigationType === 'traverse' ? 'back_forward' : event.navigationType, same_document: true});
    }

    listen(win) {
      const on = (type, handle, guarded = true) => win.addEventListener(type, event => {
        if (!event.isTrusted || facsim.overlay.owns(event)) return;
        if (guarded && this.state && !this.isRecording) return;
        try { handle.call(this, event); } catch (error) { this.failed(type, error); }
      }, {capture: true, passive: true});
      on('pointerdown', this.onPointerDown);
      on('pointerup', this.onPointerUp);
      on('click', this.onClick);
      on('auxclick', event => { if (event.button === 1 && this.around(event.target, 'a[href]')) this.onClick(event); });
      on('keydown', this.onKeyDown);
      on('beforeinput', event => {
        const field = this.field(this.innermost(event));
        if (field) this.startTyping(field);
      });
      on('input', this.onInput);
      on('change', event => { this.dirty = true; if (this.typing?.picked) this.finishTyping(false); });
      on('focusout', this.onBlur);
      if (win === root) {
        on('pagehide', this.onPageHide, false);
        on('pageshow', this.onPageShow, false);
        win.document.addEventListener('visibilitychange', () => this.onVisibility());
        win.navigation?.addEventListener('currententrychange', event => this.onHistory(event));
      }
      masking.watch(win.document);
      new MutationObserver(() => { this.dirty = true; })
        .observe(win.document, {subtree: true, childList: true, attributes: true, characterData: true});
    }

    // A fault of the recorder must neither break the page nor go unnoticed.
    failed(where, error) {
      this.put({kind: 'failure', where, message: String(error?.message || error).slice(0, 200)});
    }
  }

  if (window !== root) { // The outermost window's recorder sees to its frames.
    root.facsim?.recorder?.listen(window);
    return;
  }
  facsim.recorder = new Recorder();
  storage.onRoom = () => { if (!facsim.recorder.isStalled) facsim.recorder.warn(''); };
  facsim.recorder.listen(window);
  chrome.runtime.onMessage.addListener(message => {
    if (message.what === 'state') facsim.recorder.setState(message.state);
    if (message.what === 'answered') facsim.overlay.close();
  });
})();
