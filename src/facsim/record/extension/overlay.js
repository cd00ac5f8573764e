// The visible mark of a recording, and the question "why did you do that?". Both are in a closed shadow root;
// the question is a page of the extension in a frame, so that the site cannot read the answer.
'use strict';

facsim.overlay = (() => {
  if (window !== window.top) return {show() {}, ask() {}, close() {}, warn() {}, recorded() {}, owns: () => false, host: null};
  const host = document.createElement('facsim-recording');
  const root = host.attachShadow({mode: 'closed'});
  root.innerHTML = `<style>
    /* Important: the styles of the page must not hide the mark. */
    :host { all: initial !important; }
    .mark { position: fixed; left: 12px; bottom: 12px; z-index: 2147483647; display: flex; gap: 8px; align-items: center;
      max-width: 60vw; padding: 6px 12px; border-radius: 16px; background: #1d1d1f; color: #fff; opacity: .88;
      font: 13px/1.3 system-ui, sans-serif; pointer-events: none; }
    .dot { width: 10px; height: 10px; border-radius: 50%; background: #ff3b30; flex: none; }
    .dot.beat { box-shadow: 0 0 0 4px #ff3b3066; }
    .warning { background: #8a1c12; opacity: 1; }
    iframe { position: fixed; right: 16px; bottom: 16px; z-index: 2147483647; width: 340px; height: 240px; border: 0;
      border-radius: 10px; box-shadow: 0 6px 30px #0006; background: #fff; color-scheme: light; }
    [hidden] { display: none; }
  </style><div class="mark" role="status" hidden><span class="dot"></span><span class="words"></span></div>`;
  const mark = root.querySelector('.mark'), words = root.querySelector('.words'), dot = root.querySelector('.dot');
  let title = '', frame = null, beat = 0;

  const attach = () => { if (!host.isConnected) (document.documentElement || document).append(host); };
  const say = (text, warning) => { words.textContent = text; mark.classList.toggle('warning', warning); };

  return {
    host,
    // The page must not take the mark away while it is being recorded.
    show(recording, study) {
      title = study || '';
      say(`Recording${title ? ` for “${title}”` : ''}`, false);
      mark.hidden = !recording;
      if (!recording) { this.close(); if (!host.isConnected) return; }
      if (document.documentElement) attach();
      else new MutationObserver((_, observer) => {
        if (document.documentElement) { observer.disconnect(); attach(); }
      }).observe(document, {childList: true});
    },
    recorded() {
      if (!mark.hidden) attach();
      dot.classList.add('beat');
      clearTimeout(beat);
      beat = setTimeout(() => dot.classList.remove('beat'), 300);
    },
    warn(text) { mark.hidden = false; attach(); say(text, true); },
    ask(question) {
      if (frame || Date.now() - question.time > 120000) return;
      attach();
      frame = document.createElement('iframe');
      frame.title = 'Why did you do that?';
      frame.src = chrome.runtime.getURL(`question.html#${question.id}`);
      root.append(frame);
    },
    close() { frame?.remove(); frame = null; },
    owns: event => event.composedPath().includes(host) || event.target === host,
  };
})();
