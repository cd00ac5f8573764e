import {config, keys, record, send} from './queue.js';

const $ = id => document.getElementById(id);
const study = await config();
$('title').textContent = study.title;

async function show() {
  const {state, problem} = await chrome.storage.local.get(['state', 'problem']);
  const active = Boolean(state?.consented && !state.stopped);
  $('status').textContent = !active ? 'Nothing is being recorded.'
    : state.paused ? 'Paused. Nothing is being recorded.' : `Recording on: ${study.sites.join(', ')}`;
  const waiting = (await keys()).length;
  $('waiting').textContent = waiting ? `${waiting} events wait in this browser for the collector.` : '';
  $('problem').textContent = waiting && problem || '';
  $('controls').hidden = !state?.consented;
  $('pause').hidden = $('stop').hidden = !active;
  $('start').hidden = active;
  $('pause').textContent = state?.paused ? 'Resume' : 'Pause';
}

async function change(update) {
  const {state} = await chrome.storage.local.get('state');
  await chrome.storage.local.set({state: {...state, ...update}});
  await show();
}

// Also drops events of the future: after the clock was set back, they are the most recent ones.
async function dropQueued(since) {
  for (const key of await keys()) {
    const event = (await chrome.storage.local.get(key))[key];
    if (!event || ['consent', 'forget', 'delete_all', 'pause', 'resume', 'stop'].includes(event.kind)) continue;
    if (event.time >= since || event.time > Date.now() + 60_000) await chrome.storage.local.remove(key);
  }
}

$('start').addEventListener('click', () => chrome.tabs.create({url: 'consent.html'}));
$('pause').addEventListener('click', async () => {
  const {state} = await chrome.storage.local.get('state');
  await record({kind: state.paused ? 'resume' : 'pause'}, true);
  await change({paused: !state.paused});
});
$('stop').addEventListener('click', async () => {
  await record({kind: 'stop'}, true);
  await change({stopped: true});
});
$('forget').addEventListener('click', async () => {
  const minutes = Number($('minutes').value);
  const since = Date.now() - minutes * 60_000;
  await record({kind: 'forget', since, minutes}, true);
  await dropQueued(since);
  await chrome.storage.local.remove('ask');
  await send();
  const left = (await keys()).length;
  $('said').textContent = left ? 'Forgotten in this browser; the collector will forget it when it is back.' : 'Forgotten.';
  await show();
});
$('delete').addEventListener('click', async () => {
  if (!confirm('Delete everything that was recorded, here and at the collector, and stop?')) return;
  const {state} = await chrome.storage.local.get('state');
  await chrome.storage.local.set({state: {...state, stopped: true}});
  await dropQueued(0);
  await record({kind: 'delete_all'}, true);
  await chrome.storage.local.remove('ask');
  await send();
  const left = (await keys()).length;
  $('said').textContent = left ? 'Deleted in this browser; the collector will delete it when it is back.' : 'Everything is deleted.';
  if (!left) await chrome.storage.local.set({state: null});
  await show();
});
await show();
setInterval(show, 1000);
