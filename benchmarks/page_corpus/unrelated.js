// Changes that concern no other element, one at a time, in the open page; each returns a function that undoes it.
// Called with [[name, locator], …] and the kind; tags the named nodes first so that they are found again.
([named, kind]) => {
  const noise = () => Math.random().toString(36).slice(2, 8);
  window.__facsimNodes = named.map(([name, locator]) => [name, document.querySelector(locator)]);
  if (kind === 'banner') {
    const banner = document.createElement('div');
    banner.innerHTML = '<h2>Spring sale</h2><a href="/spring">Shop the sale</a><button>Close the banner</button>';
    document.body.prepend(banner);
    for (const e of document.querySelectorAll('[class]')) if (!e.closest('svg')) e.classList.add('x' + noise());
  } else {
    // Of every list of at least three alike, one in the middle goes; or all are the other way round.
    for (const parent of [...document.querySelectorAll('ul, ol, tbody, section, div')]) {
      const children = [...parent.children].filter(c => c.localName === parent.lastElementChild.localName);
      if (children.length < 3 || children.length !== parent.children.length || children.some(c => !c.textContent.trim()))
        continue;
      if (parent.matches('section, div') && !children.every(c => c.className && c.className.split(' x')[0] ===
        children[0].className.split(' x')[0])) continue;
      if (kind === 'one_gone') children[1].remove();
      else for (const child of children.reverse()) parent.append(child);
    }
  }
  window.__facsimNodes = window.__facsimNodes.filter(([, node]) => node && node.isConnected);
  return document.documentElement.outerHTML.length;
}
