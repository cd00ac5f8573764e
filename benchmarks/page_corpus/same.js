// Which names the nodes tagged before have now: [[old, new or null], …].
named => {
  const now = new Map();
  for (const [name, locator] of named) {
    const node = document.querySelector(locator);
    if (node) now.set(node, name);
  }
  return window.__facsimNodes.map(([name, node]) => [name, now.get(node) ?? null]);
}
