import {config, keys, record, send, storage} from './queue.js';

const $ = id => document.getElementById(id);
const study = await config();
const FULL = 'Nothing of it will be sent. The disk of this browser is full: its bytes are deleted as soon as there is room.';
$('title').textContent = study.title;

async function show() {
  const {state, problem} = await storage.read(['state', 'problem']);
  const active = Boolean(state?.consented && !state.stopped);
  $('status').textContent = !active ? 'Nothing is being recorded.'
    : state.paused ? 'Paused. Nothing is being recorded.' : `Recording on: ${study.sites.join(', ')}`;
  const waiting = (await keys()).length;
  $('waiting').textContent = waiting ? `${waiting} events wait in this browser for the collector.` : '';
  $('problem').textContent = active && problem || '';
  $('controls').hidden = !state?.consented;
  $('pause').hidden = $('stop').hidden = !active;
  $('start').hidden = active;
  $('pause').textContent = state?.paused ? 'Resume' : 'Pause';
}

async function change(update) {
  const {state} = await storage.read(['state']);
  await storage.write({state: {...state, ...update}});
  await show();
}

// Also drops events of the future: after the clock was set back, they are the most recent ones.
async function dropQueued(since) {
  for (const key of await keys()) {
    const event = await storage.event(key);
    if (!event || ['consent', 'forget', 'delete_all', 'pause', 'resume', 'stop'].includes(event.kind)) continue;
    if (event.time >= since || event.time > Date.now() + 60_000) await storage.drop([key]);
  }
}

$('start').addEventListener('click', () => chrome.tabs.create({url: 'consent.html'}));
$('pause').addEventListener('click', async () => {
  const {state: {paused}} = await storage.read(['state']);
  // First what the person wants: it counts even if nothing can be stored.
  if (!paused) await change({paused: true});
  await record({kind: paused ? 'resume' : 'pause'}, true);
  if (paused) await change({paused: false});
});
$('stop').addEventListener('click', async () => {
  await change({stopped: true});
  await record({kind: 'stop'}, true);
});
$('forget').addEventListener('click', async () => {
  const minutes = Number($('minutes').value);
  const since = Date.now() - minutes * 60_000;
  await record({kind: 'forget', since, minutes}, true);
  await dropQueued(since);
  await chrome.storage.local.remove('ask').catch(() => {});
  await send();
  const left = (await keys()).length;
  $('said').textContent = left ? 'Forgotten in this browser; the collector will forget it when it is back.'
    : await storage.settle() ? 'Forgotten.' : FULL;
  await show();
});
$('delete').addEventListener('click', async () => {
  if (!confirm('Delete everything that was recorded, here and at the collector, and stop?')) return;
  const {state} = await storage.read(['state']);
  await storage.write({state: {...state, stopped: true}});
  await dropQueued(0);
  await record({kind: 'delete_all'}, true);
  await chrome.storage.local.remove('ask').catch(() => {});
  await send();
  const left = (await keys()).length;
  $('said').textContent = left ? 'Deleted in this browser; the collector will delete it when it is back.'
    : await storage.settle() ? 'Everything is deleted.' : FULL;
  if (!left) await storage.write({state: null});
  await show();
});
await show();
setInterval(show, 1000);
