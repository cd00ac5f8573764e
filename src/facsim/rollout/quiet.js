// Resolves when the document has not changed for `quiet` milliseconds (true), or after `limit` (false).
([quiet, limit]) => new Promise(resolve => {
  const started = performance.now();
  let timer = 0;
  // A page without its style sheets shows what it hides.
  const isStyled = () => [...document.querySelectorAll('link[rel~=stylesheet]')].every(link => link.sheet || link.disabled);
  const isReady = () => document.readyState === 'complete' || (document.readyState === 'interactive' && isStyled());
  const finish = isQuiet => { observer.disconnect(); resolve(isQuiet); };
  const wait = () => {
    clearTimeout(timer);
    if (performance.now() - started > limit) finish(false);
    else timer = setTimeout(() => isReady() ? finish(true) : wait(), quiet);
  };
  const observer = new MutationObserver(wait);
  observer.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
  wait();
})
