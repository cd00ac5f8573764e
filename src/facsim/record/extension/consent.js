import {config, newId, post, record} from './queue.js';

const $ = id => document.getElementById(id);
const study = await config();
const {state: earlier} = await chrome.storage.local.get('state');

$('title').textContent = study.title;
$('purpose').textContent = study.purpose;
$('researcher').textContent = study.researcher;
$('contact').textContent = study.contact;
$('retention').textContent = study.retention;
$('share-line').hidden = !study.rationale_share;
$('intent-question').textContent = study.intent_question;
$('participant').value = study.participant || `p-${newId().slice(0, 8)}`;
$('code-label').hidden = Boolean(study.token);
for (const site of study.sites) $('sites').append(Object.assign(document.createElement('li'), {textContent: site}));
const answers = study.persona_questions.map(question => {
  const label = document.createElement('label'), field = document.createElement('input');
  field.maxLength = 300;
  label.append(question, field);
  $('questions').append(label);
  return {question, field};
});
if (earlier?.consented && !earlier.stopped) { $('form').hidden = true; $('done').hidden = false; }

$('form').addEventListener('submit', async event => {
  event.preventDefault();
  const fail = text => { $('problem').textContent = text; };
  fail('');
  const token = study.token || $('code').value.trim();
  const participant = $('participant').value.trim();
  if (!$('agree').checked) return fail('Please tick the box if you agree. If you do not, just close this tab: nothing is recorded.');
  if (!participant) return fail('Please enter a participant name or number; it need not be your real name.');
  if (!token) return fail('Please enter the connection code.');
  const installation = earlier?.installation || newId();
  try {
    await post('hello', {installation}, token);
  } catch (error) {
    return fail(error.status === 401 ? 'The connection code is wrong.'
      : error.status ? error.message : 'The program of the study does not answer. Is `facsim record` running on this computer?');
  }
  const persona = answers.filter(({field}) => field.value.trim()).map(({question, field}) => ({question, answer: field.value.trim()}));
  const state = {consented: true, paused: false, stopped: false, installation, participant,
    study: {title: study.title, rationale_share: study.rationale_share, private: study.private}};
  try {
    await chrome.storage.local.set({token, state});
  } catch {
    return fail('The browser cannot write to its disk; it may be full. Nothing is being recorded.');
  }
  await record({kind: 'consent', participant, persona, intent: $('intent').value.trim(), sites: study.sites,
    text: document.querySelector('main').innerText.slice(0, 20000)});
  $('form').hidden = true;
  $('done').hidden = false;
  if (study.start) await chrome.tabs.create({url: study.start});
});
