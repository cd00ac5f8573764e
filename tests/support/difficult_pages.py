"""Pages with everything that is hard to record: shadow roots, frames, dialogs, listeners, suggestions."""

from __future__ import annotations

HOME = """<!doctype html><html><head><title>Home</title><style>
  .menu { display: none } .open .menu { display: block } .tile { cursor: pointer } #agree { display: none }
</style></head><body>
<main tabindex="-1">
  <a href="/second">Second page</a> <a href="/slow">Slow page</a>
  <form action="/second"><label for="q">Search</label><input id="q" name="q"><button>Find</button></form>
  <label>Colour <select id="colour"><option>red<option>green<option>blue</select></label>
  <label><input type="checkbox" id="gift"> Gift wrap</label>
  <input type="checkbox" id="agree"><label for="agree">I agree</label>
  <textarea aria-label="Comment"></textarea>
  <div contenteditable="true" aria-label="Message" role="textbox"></div>
  <div class="tile" id="tile"><span>Open the tile</span></div>
  <p id="plain">Only text</p>
  <div tabindex="0"><p id="between">Between controls</p><button>In the region</button></div>
  <div class="tile" tabindex="0"><h2 id="card">Red shoe</h2><button>Save it</button></div>
  <button id="more">More</button><div class="menu"><a href="/second">Hidden offer<svg width="9" height="9"><path d="M0 0h9"/></svg></a>
    <select aria-label="Hidden size"><option>S<option>L</select></div>
  <input id="city" aria-label="City" autocomplete="off"><ul id="cities"></ul>
  <x-card></x-card><x-closed></x-closed>
  <iframe src="/frame" title="Frame"></iframe>
  <input type="date" aria-label="Day">
  <button id="gone">Disappears</button>
  <dialog id="dialog"><p>Sure?</p><button id="yes">Yes</button></dialog><button id="ask">Ask</button>
</main>
<script>
  tile.addEventListener('click', () => { document.title = 'tile'; });
  more.addEventListener('click', () => more.parentElement.classList.toggle('open'));
  city.addEventListener('input', () => {
    cities.innerHTML = city.value ? '<li role="option">Berlin<li role="option">Bern' : '';
    for (const one of cities.children) one.addEventListener('mousedown', event => {
      event.preventDefault(); city.value = one.textContent; cities.innerHTML = '';
    });
  });
  for (const [name, mode] of [['x-card', 'open'], ['x-closed', 'closed']])
    customElements.define(name, class extends HTMLElement {
      connectedCallback() {
        const root = this.attachShadow({mode});
        root.innerHTML = `<button>Inside ${mode}</button><input aria-label="Field ${mode}">`;
      }
    });
  gone.addEventListener('mousedown', () => gone.remove());
  ask.addEventListener('click', () => dialog.showModal());
  yes.addEventListener('click', () => dialog.close());
</script></body></html>"""
CARDS = """<!doctype html><title>Cards</title><style>li { cursor: pointer }</style><ul>
  <li tabindex="0"><div role="heading" aria-level="2">Red mug</div><button>Save it</button></li>
  <li tabindex="0"><h2 tabindex="-1">Blue mug</h2><button>Save it</button></li>
  <li tabindex="0"><h2><a href="/green">Green mug</a></h2><button>Save it</button></li>
  <li><h2>Grey mug</h2><button>Save it</button></li>
</ul>"""
PAGES = {
    "/": HOME,
    "/cards": CARDS,
    "/second": '<!doctype html><title>Second</title><h1>Second</h1><a href="/">Home</a><a href="/" target="_blank">New window</a>',
    "/slow": '<!doctype html><title>Slow</title><h1>Slow</h1><a href="/">Back home</a>',
    "/frame": '<!doctype html><title>Frame</title><button>In the frame</button><input aria-label="Frame field">',
}
