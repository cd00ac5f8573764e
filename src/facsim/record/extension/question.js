// Shown in a frame of the recorded page. It answers only the question that the recorder has asked.
import {record} from './queue.js';

const $ = id => document.getElementById(id);
const {ask} = await chrome.storage.local.get('ask');
const tab = await chrome.tabs.getCurrent();
const isAsked = ask && location.hash === `#${ask.id}`;

async function close() {
  if (isAsked) await chrome.storage.local.remove('ask').catch(() => {});
  if (tab) await chrome.tabs.sendMessage(tab.id, {what: 'answered'}).catch(() => {});
}

if (!isAsked) {
  document.body.replaceChildren();
  await close();
} else {
  $('what').textContent = `${ask.kind === 'type' ? 'You typed into' : 'You clicked'} ${ask.label ? `“${ask.label}”` : 'something on the page'}.`;
  $('form').addEventListener('submit', async event => {
    event.preventDefault();
    const text = $('answer').value.trim();
    if (event.isTrusted && text) await record({kind: 'rationale', action: ask.id, text});
    await close();
  });
  $('skip').addEventListener('click', close);
}
