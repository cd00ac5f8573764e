// Delivery of the queue of events in the extension's storage. Used by the service worker and by the extension's
// own pages.
import './storage.js';

export const {storage} = globalThis.facsim;
export const keys = () => storage.keys();
const BATCH = 8_000_000; // characters of a request, unless one event alone is longer
const PATIENCE = 30_000; // ms for an answer
const DISK_FULL = 'The browser cannot write to its disk; it may be full. What is recorded is in the browser’s memory until the collector has it: keep the browser open.';

export const newId = () => [...crypto.getRandomValues(new Uint8Array(12))].map(b => b.toString(16).padStart(2, '0')).join('');

export async function config() {
  return (await fetch(chrome.runtime.getURL('config.json'))).json();
}

// One event at a time gets the next value of the hybrid logical clock (recorder.js).
let recording = Promise.resolve();
export function record(event, always = false) {
  recording = recording.catch(() => {}).then(async () => {
    const {state, clock} = await storage.read(['state', 'clock']);
    if (!always && (!state?.consented || state.paused || state.stopped)) return;
    await storage.put({id: newId(), clock: Math.max(clock + 1, Date.now()), time: Date.now(), ...event});
  });
  return recording;
}

export async function post(path, body, token) {
  const {port} = await config();
  const answer = await fetch(`http://127.0.0.1:${port}/${path}`, {
    method: 'POST', body: JSON.stringify(body), cache: 'no-store', credentials: 'omit', redirect: 'error',
    headers: {'Content-Type': 'application/json', Authorization: `Bearer ${token}`},
    signal: AbortSignal.timeout(PATIENCE),
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(said.error || `the collector answered ${answer.status}`), {status: answer.status});
  return said;
}

// Sends what waits, in order. An event leaves the queue only after the collector has it on its disk.
export async function send() {
  const {state, token = (await config()).token} = await storage.read(['state', 'token']);
  if (!token) return;
  let problem = '';
  try {
    for (let waiting = await keys(); waiting.length; waiting = await keys()) {
      const batch = [];
      let size = 0;
      for (const key of waiting) {
        const event = await storage.event(key);
        if (!event) continue;
        const length = (event.html?.length || 0) + 1000;
        if (batch.length && size + length > BATCH) break;
        batch.push([key, event]);
        size += length;
      }
      if (!batch.length) break;
      const {refused = {}} = await post('events', {installation: state.installation, events: batch.map(([, event]) => event)}, token);
      // What the collector refuses for good is set aside with its reason, so that it cannot block the rest.
      const aside = Object.fromEntries(batch.filter(([, event]) => event.id in refused)
        .map(([, event]) => [`refused/${event.id}`, {reason: refused[event.id], kind: event.kind, time: event.time}]));
      if (Object.keys(aside).length) await storage.write(aside);
      await storage.drop(batch.map(([key]) => key));
    }
    await post('hello', {waiting: 0}, token);
  } catch (error) {
    problem = error.status ? error.message : 'The collector does not answer. What is recorded waits in this browser until it is back.';
  }
  if (!await storage.settle()) problem = `${DISK_FULL} ${problem}`.trim();
  await chrome.storage.session.set({problem});
}

export async function broadcast(state) {
  for (const tab of await chrome.tabs.query({})) chrome.tabs.sendMessage(tab.id, {what: 'state', state}).catch(() => {});
}
