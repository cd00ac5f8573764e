// What is masked, in the page, before anything leaves it: passwords, card numbers, one-time codes, and what
// the page or the study marks as private.
'use strict';
var facsim = globalThis.facsim || {};
globalThis.facsim = facsim;

facsim.masking = (() => {
  const MASK = '***';
  const SECRET_AUTOCOMPLETE = /\bcc-[a-z-]+|one-time-code|(?:current|new)-password/i;
  // Labels and names of fields for secrets, in the languages of the common web shops.
  const SECRET_FIELD = new RegExp([
    'pass[ _-]?(?:word|wd|code|phrase)', '\\bpwd\\b', '\\bpin\\b', 'kennwort', 'passwort', 'contrase', 'senha',
    'mot[ _-]?de[ _-]?passe', 'wachtwoord', 'card[ _-]?(?:num|no\\b|nr)', 'cc[ _-]?(?:num|no\\b)', 'cardnumber',
    'karten[ _-]?nummer', 'num[eé]ro[ _-]?de[ _-]?(?:la[ _-]?)?(?:carte|tarjeta)', 'n[uú]mero[ _-]?(?:do|del?)[ _-]?cart',
    'kaartnummer', '\\bcv[vc]2?\\b', '\\bcsc\\b', 'security[ _-]?code', 'sicherheitscode', 'pr[uü]f(?:nummer|ziffer)',
    'c[oó]d(?:e|igo)[ _-]?(?:de[ _-]?)?(?:s[eé]curit|segur|v[eé]rif)', '\\botp\\b', 'one[ _-]?time', '\\b[2m]fa\\b',
    'totp', '(?:verification|auth(?:entication)?|sms|confirmation)[ _-]?code', 'best[aä]tigungscode', '\\btan\\b',
    '\\bssn\\b', 'social[ _-]?security',
  ].join('|'), 'i');
  const SECRET_PARAMETER = new RegExp([
    'pass', 'pwd', 'token', 'secret', 'signature', '^sig$', 'session', '^sid$', 'auth', 'api[_-]?key', '^key$',
    'card', 'cvv', 'cvc', 'otp', '^code$', '^pin$', 'jwt', 'credential',
  ].join('|'), 'i');
  // The marks of widely used session recorders count too: the site's owner has already said what is private.
  const PRIVATE_MARKS = '[data-private],[data-facsim-private],.ph-no-capture,.rr-block,.rr-mask,.rr-ignore,' +
    '.fs-exclude,.fs-mask,[data-hj-suppress],[data-sl="mask"],[data-sl="exclude"],[data-recording-sensitive],' +
    '[data-dd-privacy="mask"],[data-dd-privacy="hidden"],[data-dd-privacy="mask-user-input"],' +
    '[data-clarity-mask="true"],[data-sentry-mask],[data-sentry-block]';
  const DIGITS = /\d(?:[ .-]?\d){11,18}/g;
  const HAS_DIGITS = /\d{2}/;
  const SHORTEST_SECRET = 4;

  let privateSelectors = PRIVATE_MARKS.split(','), privateSelector = PRIVATE_MARKS;
  // A field that once was a password stays one when the page offers to show it.
  const oncePassword = new WeakSet();
  const secretFields = new WeakMap();
  const secrets = new Set();
  let byLength = [];

  function isSecretField(e) {
    if (e.localName === 'input' && e.type === 'password') oncePassword.add(e);
    if (oncePassword.has(e)) return true;
    const autocomplete = e.getAttribute('autocomplete') || '';
    if (SECRET_AUTOCOMPLETE.test(autocomplete)) return true;
    const described = `${e.id}|${e.getAttribute('name')}|${e.getAttribute('aria-label')}|${e.getAttribute('placeholder')}`;
    const known = secretFields.get(e);
    if (known && known.described === described) return known.secret;
    const labels = e.labels ? [...e.labels].map(label => label.textContent).join('|').slice(0, 300) : '';
    const by = e.getAttribute('aria-labelledby');
    const other = by ? by.split(/\s+/).map(id => e.ownerDocument.getElementById(id)?.textContent || '').join('|') : '';
    const secret = SECRET_FIELD.test(`${described}|${labels}|${other.slice(0, 300)}`);
    secretFields.set(e, {described, secret});
    return secret;
  }

  // Whether an element, or one around it, also outside its shadow root or frame, is marked as private.
  function isPrivate(e) {
    for (let node = e; node;) {
      if (node.closest(privateSelector)) return true;
      const root = node.getRootNode();
      node = root.host || (root.defaultView && root.defaultView !== root.defaultView.parent
        ? root.defaultView.frameElement : null);
    }
    return false;
  }

  function luhn(digits) {
    let sum = 0;
    for (let i = 0; i < digits.length; i++) {
      let digit = digits.charCodeAt(digits.length - 1 - i) - 48;
      if (i % 2) { digit *= 2; if (digit > 9) digit -= 9; }
      sum += digit;
    }
    return sum % 10 === 0;
  }

  function isCard(text) {
    const digits = text.replace(/\D/g, '');
    return digits.length >= 12 && digits.length <= 19 && /^[2-6]/.test(digits) && luhn(digits);
  }

  function remember(value) {
    const text = String(value || '').trim();
    if (text.length < SHORTEST_SECRET || text === MASK || secrets.has(text)) return;
    secrets.add(text);
    const encoded = encodeURIComponent(text);
    if (encoded !== text) secrets.add(encoded).add(encoded.replace(/%20/g, '+'));
    byLength = [...secrets].sort((a, b) => b.length - a.length);
  }

  // A text without card numbers, and without what was entered into secret fields of this document.
  function clean(text) {
    if (!text) return text;
    for (const secret of byLength) if (text.includes(secret)) text = text.replaceAll(secret, MASK);
    return text.length >= 12 && HAS_DIGITS.test(text)
      ? text.replace(DIGITS, digits => isCard(digits) ? MASK : digits) : text;
  }

  // The value of a field as it may leave the page.
  function value(e, text, inPrivate) {
    if (!text) return text;
    if (isSecretField(e)) { remember(text); return MASK; }
    return inPrivate || isPrivate(e) ? MASK : clean(text);
  }

  function address(text) {
    if (!text) return text;
    if (/^(?:data|blob|javascript):/i.test(text)) return text.slice(0, text.indexOf(':') + 1);
    const at = text.search(/[?#]/);
    let masked = text;
    if (at >= 0) {
      masked = text.slice(0, at) + text.slice(at).replace(/([?&#;])([^=&#;]*)=([^&#;]*)/g,
        (whole, start, name, given) => given && SECRET_PARAMETER.test(name.includes('%') ? safeDecode(name) : name) ? `${start}${name}=${MASK}` : whole);
    }
    return clean(masked.replace(/^([a-z]+:\/\/)[^/@?#]*@/i, '$1'));
  }

  function safeDecode(text) {
    try { return decodeURIComponent(text); } catch { return text; }
  }

  return {
    MASK, isSecretField, isPrivate, remember, clean, value, address,
    // Study selectors are tried one by one, so that a wrong one does not disable the others.
    setPrivate(selectors) {
      const usable = (selectors || []).filter(selector => {
        try { document.querySelector(selector); return true; } catch { return false; }
      });
      privateSelectors = [...PRIVATE_MARKS.split(','), ...usable];
      privateSelector = privateSelectors.join(',');
    },
    // All private elements of a document or shadow root. One selector at a time: for each, Chromium passes over all
    // elements that lack its attribute or class, which is eight times faster than one list of them.
    privateElements(root) { return privateSelectors.flatMap(selector => [...root.querySelectorAll(selector)]); },
    // Watches every field that is a password now or becomes one, before anything shows its value.
    watch(doc) {
      const look = root => { for (const e of root.querySelectorAll('input[type=password i]')) oncePassword.add(e); };
      look(doc);
      new MutationObserver(records => {
        for (const record of records) {
          if (record.type === 'attributes') {
            if (record.oldValue && record.oldValue.toLowerCase() === 'password') oncePassword.add(record.target);
          } else for (const node of record.addedNodes) {
            if (node.nodeType === 1) {
              if (node.matches('input[type=password i]')) oncePassword.add(node);
              if (node.firstElementChild) look(node);
            }
          }
        }
      }).observe(doc, {subtree: true, childList: true, attributes: true, attributeFilter: ['type'], attributeOldValue: true});
    },
  };
})();
