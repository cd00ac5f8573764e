"use strict";
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");

  for (const button of document.querySelectorAll("button[data-theme-toggle]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const now = root.dataset.theme || (dark.matches ? "dark" : "light");
      root.dataset.theme = now === "dark" ? "light" : "dark";
    });
  }

  const added = (tag, className, text) => {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = text;
    if (tag === "button") element.type = "button";
    return element;
  };

  // Trivial baselines fold into one line per table.
  for (const body of document.querySelectorAll("tbody[data-folded]")) {
    const columns = [...body.rows[0].cells].reduce((sum, cell) => sum + cell.colSpan, 0);
    const line = document.createElement("tbody");
    line.className = "fold";
    const cell = line.insertRow().insertCell();
    cell.colSpan = columns;
    const button = added("button", "fold", body.dataset.folded);
    const fold = (folded) => {
      body.hidden = folded;
      button.setAttribute("aria-expanded", String(!folded));
    };
    button.addEventListener("click", () => fold(!body.hidden));
    cell.append(button);
    body.before(line);
    fold(true);
  }

  // Tables sort by any column, by full values and not by their formatted text.
  const key = (row, index) => {
    const cell = row.cells[index];
    if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
    return cell.textContent.trim().toLowerCase();
  };
  const order = (a, b) => {
    const numbers = typeof a === "number", others = typeof b === "number";
    if (numbers && others) return a - b;
    if (numbers !== others) return numbers ? 1 : -1;
    return a.localeCompare(b, "en", { numeric: true });
  };
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    heads.forEach((head, index) => {
      if (head.dataset.fixed !== undefined) return;
      const button = added("button", "sort", "");
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") !== "descending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        for (const line of table.querySelectorAll("tbody.fold")) line.remove();
        const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
        rows.sort((a, b) => (down ? -1 : 1) * order(key(a, index), key(b, index)));
        table.tBodies[0].append(...rows);
        for (const body of [...table.tBodies].slice(1)) body.remove();
      });
    });
  }

  // Copy buttons on tables (as tab-separated text) and on commands.
  const copy = async (text, button) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = added("textarea", "unseen", "");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    const label = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = label), 1500);
  };
  const cellText = (cell) => {
    const shown = cell.cloneNode(true);
    for (const part of shown.querySelectorAll(".unseen, .tag, title")) part.remove();
    for (const part of shown.querySelectorAll("br, .range, small")) part.before(" ");
    return shown.textContent.replace(/\s+/g, " ").trim();
  };
  const tableText = (table) =>
    [...table.rows]
      .filter((row) => !row.closest("tbody.fold"))
      .map((row) => [...row.cells].map(cellText).join("\t"))
      .join("\n");
  for (const box of document.querySelectorAll(".scroll")) {
    const table = box.querySelector("table:not(.bars)");
    if (!table) continue;
    const button = added("button", "copy", "Copy table");
    button.addEventListener("click", () => copy(tableText(table), button));
    box.before(button);
  }
  for (const command of document.querySelectorAll("pre.command")) {
    const button = added("button", "copy", "Copy");
    button.addEventListener("click", () => copy(command.textContent, button));
    command.before(button);
  }

  // Downloads are in the file itself.
  const data = () => JSON.parse(document.getElementById("facsim-data").textContent);
  const download = (name, type, text) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const pretty = (value) => `${JSON.stringify(value, null, 1)}\n`;
  for (const button of document.querySelectorAll("[data-download]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      if (button.dataset.download === "csv") download("report.csv", "text/csv", data().csv);
      else download("report.json", "application/json", pretty(data().report));
    });
  }
  for (const button of document.querySelectorAll("[data-config]")) {
    button.hidden = false;
    button.addEventListener("click", () =>
      download("config.json", "application/json", pretty(data().configs[button.dataset.config])));
  }

  // The viewer may listen on another port than the default.
  const viewer = document.querySelector("[data-viewer]");
  const replays = [...document.querySelectorAll("a[data-replay]")];
  if (viewer && replays.length) {
    viewer.value = new URL(replays[0].href).origin;
    viewer.closest("label").hidden = false;
    viewer.addEventListener("input", () => {
      if (!/^https?:\/\/(localhost|127\.0\.0\.1)(:\d{1,5})?\/?$/.test(viewer.value)) return;
      const { origin } = new URL(viewer.value);
      for (const link of replays) link.href = origin + link.pathname + link.search;
    });
  }

  // Links into a folded section open it.
  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let at = target.querySelector(":scope > details.section") ?? target; at; at = at.parentElement) {
      if (at.tagName === "DETAILS") at.open = true;
    }
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
  for (const button of document.querySelectorAll("[data-unfold]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const sections = [...document.querySelectorAll("details.section")];
      const open = !sections.every((section) => section.open);
      for (const section of sections) section.open = open;
      button.textContent = open ? "Close all" : "Open all";
    });
  }

  // Tooltips of charts without the delay of the browser's own.
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);
  document.addEventListener("pointerover", (event) => {
    const mark = event.target.closest("svg rect, svg circle");
    const title = mark && mark.querySelector("title");
    if (title) {
      mark.dataset.tip = title.textContent;
      title.remove();
    }
    tip.hidden = !(mark && mark.dataset.tip);
    if (!tip.hidden) tip.textContent = mark.dataset.tip;
  });
  document.addEventListener("pointermove", (event) => {
    if (tip.hidden) return;
    const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const y = event.clientY + 18 + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 8 : event.clientY + 18;
    tip.style.left = `${Math.max(8, x)}px`;
    tip.style.top = `${y}px`;
  });

  // The current section in the contents.
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  if ("IntersectionObserver" in window) {
    const watcher = new IntersectionObserver((seen) => {
      for (const { target, isIntersecting } of seen) {
        if (!isIntersecting) continue;
        for (const link of links.values()) link.removeAttribute("aria-current");
        links.get(target.id)?.setAttribute("aria-current", "true");
      }
    }, { rootMargin: "-10% 0px -80% 0px" });
    for (const id of links.keys()) {
      const section = document.getElementById(id);
      if (section) watcher.observe(section);
    }
  }

  // On paper every section is open; tables below charts print only if the reader has opened them.
  addEventListener("beforeprint", () => {
    for (const section of document.querySelectorAll("details.section")) section.open = true;
  });
})();
