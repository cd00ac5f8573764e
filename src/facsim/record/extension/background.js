// Delivers the queue to the collector, in order, at least once, and notes what happens to tabs.
// It may be stopped at any time: all its state is in storage, and every event in the queue wakes it.
import {config, send, broadcast, record, storage} from './queue.js';

// Pages store in memory, too, while the disk is full.
chrome.storage.session.setAccessLevel({accessLevel: 'TRUSTED_AND_UNTRUSTED_CONTEXTS'});

let running = null;
let again = false;

function deliver() {
  if (running) { again = true; return running; }
  running = send().then(mark).finally(() => {
    running = null;
    if (again) { again = false; deliver(); }
  });
  return running;
}

async function mark() {
  const {state, problem} = await storage.read(['state', 'problem']);
  const text = !state?.consented || state.stopped ? '' : problem ? '!' : state.paused ? 'II' : 'REC';
  await chrome.action.setBadgeText({text});
  await chrome.action.setBadgeBackgroundColor({color: problem ? '#b36b00' : state?.paused ? '#666666' : '#d70015'});
}

chrome.storage.onChanged.addListener((changes, area) => {
  if (area !== 'local' && area !== 'session') return;
  if (Object.keys(changes).some(key => storage.isEvent(key) && changes[key].newValue !== undefined)) deliver();
  if (changes.state) { mark(); storage.read(['state']).then(({state}) => broadcast(state)); }
});

chrome.runtime.onInstalled.addListener(async ({reason}) => {
  const {state} = await storage.read(['state']);
  if (reason === 'install' && !state?.consented) {
    const tabs = await chrome.tabs.query({});
    // A lab's browser, which knows the connection code, starts with one empty tab.
    if ((await config()).token && tabs.length === 1) chrome.tabs.update(tabs[0].id, {url: 'consent.html'});
    else chrome.tabs.create({url: 'consent.html'});
  }
  chrome.alarms.create('deliver', {periodInMinutes: 0.5});
  deliver();
});
chrome.runtime.onStartup.addListener(() => { chrome.alarms.create('deliver', {periodInMinutes: 0.5}); deliver(); });
chrome.alarms.onAlarm.addListener(deliver);

// Which tab a document is in; only pages of the study's sites report, as the recorder runs nowhere else.
chrome.runtime.onMessage.addListener((message, sender) => {
  if (message?.what !== 'document' || sender.id !== chrome.runtime.id || !sender.tab) return;
  const tab = sender.tab.id;
  chrome.storage.session.get('tabs').then(async ({tabs = {}}) => {
    const isNew = !(tab in tabs);
    tabs[tab] = message.doc;
    await chrome.storage.session.set({tabs});
    await record({kind: 'document', doc: message.doc, tab, opener: isNew ? sender.tab.openerTabId ?? null : null});
  });
});

async function left(tab, kind) {
  const {tabs = {}} = await chrome.storage.session.get('tabs');
  if (!(tab in tabs)) return;
  const doc = tabs[tab];
  delete tabs[tab];
  await chrome.storage.session.set({tabs});
  await record({kind, doc, tab});
}

chrome.tabs.onRemoved.addListener(tab => left(tab, 'tab_closed'));
chrome.tabs.onUpdated.addListener((tab, change, info) => {
  // Without permission for a site its address is not told: that is how other sites look from here.
  if (change.status === 'complete' && !info.url) left(tab, 'left_sites');
});
mark();
