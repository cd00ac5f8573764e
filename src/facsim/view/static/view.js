// The viewer works without this. With it steps change in place, keys work, and the theme can be chosen.

const $ = (selector, within = document) => within.querySelector(selector);

// ---- theme ------------------------------------------------------------------------------------------------

function isDark() {
  const root = document.documentElement.classList;
  return root.contains("theme-dark") || (root.contains("theme-auto") && matchMedia("(prefers-color-scheme: dark)").matches);
}

function nameTheme(button) {
  $("span", button).textContent = isDark() ? "Light" : "Dark";
  button.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
}

function chooseTheme(button) {
  const theme = isDark() ? "light" : "dark";
  document.cookie = `facsim_theme=${theme}; path=/; max-age=31536000; samesite=strict`;
  document.documentElement.className = `theme-${theme}`;
  nameTheme(button);
  const frame = $("[data-frame]");
  if (frame) frame.src = frame.src; // it is drawn by the server, in the theme of the cookie
}

// ---- the replay -------------------------------------------------------------------------------------------

let going = null; // the newest step asked for; an older answer that comes late is passed over

async function go(href, push = true) {
  const mine = (going = {});
  let fresh;
  try {
    const answer = await fetch(href);
    if (!answer.ok) throw new Error();
    fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    location.assign(href);
    return;
  }
  if (mine !== going) return;
  const focused = placeOf(document.activeElement);
  const scrolled = $("[data-moments]")?.scrollLeft ?? 0;
  const [old, main] = [$("main"), $("main", fresh)];
  const [frame, next] = [$("[data-frame]", old), $("[data-frame]", main)];
  if (frame && next) {
    // The frame stays, so that nothing flickers, and goes on without a second entry in the history.
    const target = next.getAttribute("src");
    for (const part of [".crumbs", ".over", ".chrome", ".side"]) {
      $(part, old).replaceWith($(part, main));
    }
    goFrame(frame, target);
    frame.dataset.src = target;
  } else {
    old.replaceWith(main);
  }
  document.title = fresh.title;
  if (push) history.pushState(null, "", href);
  prepare();
  const moments = $("[data-moments]");
  if (moments) {
    moments.style.scrollBehavior = "auto";
    moments.scrollLeft = scrolled;
    moments.style.scrollBehavior = "";
  }
  showCurrent();
  if (focused) $(focused)?.focus({ preventScroll: true });
}

// ---- a rollout that is running ----------------------------------------------------------------------------

// Parts that change while one watches. Each is replaced only if the server sends it changed, so that what is open,
// focused or scrolled stays.
const PARTS = [".dataset", ".results", ".crumbs", ".over", ".chrome", ".side"];
const drawn = new Map();

async function refresh() {
  const mine = going;
  const { version } = await (await fetch("/version.json")).json();
  if (version === document.body.dataset.version) return;
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (mine !== going) return; // somebody went on to another step meanwhile
  const focused = placeOf(document.activeElement);
  const scrolled = $("[data-moments]")?.scrollLeft ?? 0;
  for (const part of PARTS) {
    const [old, next] = [$(part), $(part, fresh)];
    if (!old || !next || drawn.get(part) === next.outerHTML) continue;
    drawn.set(part, next.outerHTML);
    old.replaceWith(next);
  }
  const [frame, next] = [$("[data-frame]"), $("[data-frame]", fresh)];
  if (frame && next) {
    const target = next.getAttribute("src");
    if ((frame.dataset.src ?? frame.getAttribute("src")) !== target) goFrame(frame, target);
    frame.dataset.src = target;
  }
  document.title = fresh.title;
  document.body.dataset.version = fresh.body.dataset.version ?? "";
  prepare();
  if ($("[data-moments]")) $("[data-moments]").scrollLeft = scrolled;
  showCurrent();
  if (focused) $(focused)?.focus({ preventScroll: true });
}

async function watch() {
  while (document.body.dataset.version) {
    await new Promise((done) => setTimeout(done, 1000));
    if (document.hidden) continue;
    try {
      await refresh();
    } catch {
      // the viewer may have been stopped; it may come back
    }
  }
}

function goFrame(frame, target) {
  frame.contentWindow.location.replace(new URL(target, location.href));
  frame.dataset.at = target.split("#")[0];
}

function placeOf(element) {
  const kinds = ["data-previous", "data-next", "data-names", "data-before", "data-after"];
  const kind = kinds.find((name) => element?.hasAttribute(name));
  if (kind) return `[${kind}]`;
  return element?.hasAttribute("data-step") ? '[data-step][aria-current="step"]' : null;
}

function showCurrent() {
  const [moments, current] = [$("[data-moments]"), $('[data-step][aria-current="step"]')];
  if (!moments || !current) return;
  const [box, here] = [moments.getBoundingClientRect(), current.getBoundingClientRect()];
  if (here.left < box.left + 40 || here.right > box.right - 40) {
    moments.scrollLeft += here.left - box.left - box.width / 2;
  }
}

function showOnPage(anchor) {
  const frame = $("[data-frame]");
  const base = frame.dataset.at ?? frame.getAttribute("src").split("#")[0];
  goFrame(frame, `${base}#${anchor}`);
}

async function copyLink(button) {
  await navigator.clipboard.writeText(new URL(button.dataset.copy, location.href));
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy link"), 1500);
}

// ---- keys -------------------------------------------------------------------------------------------------

const KEYS = {
  ArrowLeft: "[data-previous]",
  ArrowRight: "[data-next]",
  Home: "[data-moments] li:first-child a",
  End: "[data-moments] li:last-child a",
  "[": "[data-before]",
  "]": "[data-after]",
  n: "[data-names]",
  u: "[data-up]",
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest("input, select, textarea, pre")) return;
  if (event.key === "/" && $("[data-search]")) {
    event.preventDefault();
    $("[data-search]").select();
    return;
  }
  const rows = [...document.querySelectorAll("[data-row]")];
  if (rows.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    const at = rows.indexOf(document.activeElement);
    const next = at < 0 ? rows[0] : rows[at + (event.key === "ArrowDown" ? 1 : -1)];
    if (next) {
      event.preventDefault();
      next.focus();
    }
    return;
  }
  const link = KEYS[event.key] && $(KEYS[event.key]);
  if (link) {
    event.preventDefault();
    link.click();
  }
}

function onClick(event) {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest("a");
  if (link?.dataset.goto) {
    event.preventDefault();
    showOnPage(link.dataset.goto);
  } else if (link?.matches("[data-step], [data-previous], [data-next], [data-names], [data-before], [data-after]")) {
    event.preventDefault();
    go(link.href);
  }
}

function prepare() {
  const copy = $("[data-copy]");
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", () => copyLink(copy));
  }
}

document.addEventListener("keydown", onKey);
document.addEventListener("click", onClick);
addEventListener("popstate", () => go(location.href, false));
const theme = $("[data-theme]");
theme.hidden = false;
nameTheme(theme);
theme.addEventListener("click", () => chooseTheme(theme));
$("[data-filters]")?.addEventListener("change", (event) => {
  if (event.target.matches("select")) event.currentTarget.requestSubmit();
});
prepare();
showCurrent();
watch();
