// The shop works without this file. It only offers what others searched for while somebody types.
"use strict";
(() => {
  const box = document.getElementById("q");
  if (!box || !window.fetch) return;
  const list = document.createElement("datalist");
  list.id = "suggestions";
  box.after(list);
  let waiting = 0;
  let asked = "";
  box.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const typed = box.value.trim();
      if (typed.length < 2 || typed === asked) return;
      asked = typed;
      const answer = await fetch("/suggest?q=" + encodeURIComponent(typed)).catch(() => null);
      if (!answer || !answer.ok || asked !== typed) return;
      box.setAttribute("list", list.id);
      list.replaceChildren(...(await answer.json()).map((text) => new Option(text)));
    }, 120);
  });
})();
