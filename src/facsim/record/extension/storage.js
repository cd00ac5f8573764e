// Where the queue and the person's choices are: on the browser's disk, and in its memory (10 MB, until the browser
// ends) while the disk is full. Memory also takes what a page stores as its last act, since such a page cannot wait
// for an error of the disk. Used by the recorder, the service worker and the extension's pages.
'use strict';
var facsim = globalThis.facsim || {};
globalThis.facsim = facsim;

facsim.storage = (() => {
  const disk = chrome.storage.local, memory = chrome.storage.session;
  // Room in memory for a small event when nothing else fits, so that a gap in the recording is noted. The last of it
  // is for what the person chooses.
  const RESERVE = 'x'.repeat(20_000), LAST_RESERVE = 'x'.repeat(8_000);
  const SMALL = 10_000; // characters
  const DROPPED = 'dropped/'; // delivered or forgotten, but still on the full disk
  // More than LevelDB gathers before it begins another log. What it writes to a log after a torn record is lost when
  // the browser is started again, so the first writes after a full disk go to a new one.
  const LOG = 6_000_000; // characters
  const isEvent = key => key.startsWith('q/');
  const keyOf = event => `q/${String(event.clock).padStart(15, '0')}/${event.id}`;
  const namesOf = async area => area.getKeys ? area.getKeys() : Object.keys(await area.get(null));
  // Pages have access to the memory as soon as the service worker has started.
  const inMemory = names => memory.get(names).catch(() => ({}));

  // The person's choices must not be lost while what is in memory moves to the disk. Pages of sites, which may have
  // no locks, only add events.
  const alone = work => navigator.locks.request('facsim-storage', work);

  let isFull = false;
  function noteFull() {
    if (isFull) return;
    isFull = true;
    memory.onChanged.addListener(watch);
  }
  function watch({full}) {
    if (!full || full.newValue) return;
    isFull = false;
    memory.onChanged.removeListener(watch);
    storage.onRoom();
  }

  const storage = {
    isEvent,
    onRoom() {}, // called when a full disk has room again

    // What is in memory is newer than what is on the disk.
    async read(names) {
      const [onDisk, held] = await Promise.all([disk.get(names), inMemory([...names, 'full'])]);
      if (held.full) noteFull();
      return {...onDisk, ...held, clock: Math.max(onDisk.clock || 0, held.clock || 0)};
    },

    write(values) {
      return alone(async () => {
        if (!isFull) try {
          await disk.set(values);
          await memory.remove(Object.keys(values));
          return;
        } catch { noteFull(); }
        try { await memory.set({...values, full: true}); } catch {
          await memory.set({...values, full: true, reserve: ''});
        }
      });
    },

    // Stores an event; returns whether it is on the disk. Throws if there is room for it nowhere.
    async put(event) {
      const values = {[keyOf(event)]: event, clock: event.clock};
      if (!isFull) try { await disk.set(values); return true; } catch { noteFull(); }
      values.full = true;
      try { await memory.set(values); } catch (error) {
        if ((event.html?.length || 0) + (event.text?.length || 0) > SMALL) throw error;
        await memory.set({...values, reserve: LAST_RESERVE});
      }
      return false;
    },

    // Without waiting, from a page that is going away.
    hold(event) { memory.set({[keyOf(event)]: event}).catch(() => {}); },

    // The keys of the queue, in order.
    async keys() {
      const held = await namesOf(memory), found = new Set([...await namesOf(disk), ...held].filter(isEvent));
      for (const key of held) if (key.startsWith(DROPPED)) found.delete(key.slice(DROPPED.length));
      return [...found].sort();
    },

    async event(key) { return (await memory.get(key))[key] ?? (await disk.get(key))[key]; },

    // Takes events out of the queue. From a full disk their bytes go as soon as there is room.
    async drop(keys) {
      await memory.remove(keys);
      try { await disk.remove(keys); } catch {
        noteFull();
        await memory.set({...Object.fromEntries(keys.map(key => [DROPPED + key, true])), full: true});
      }
    },

    // Moves to the disk what memory holds, if the disk has room again; returns whether it has.
    settle() { return alone(() => this.move()); },

    async move() {
      const names = await namesOf(memory);
      const moving = names.filter(name => isEvent(name) || name === 'state');
      const dropped = names.filter(name => name.startsWith(DROPPED));
      const wasFull = names.includes('full');
      try {
        if (wasFull) {
          await disk.set({filler: 'x'.repeat(LOG)});
          await disk.set({filler: ''});
        }
        const onDisk = new Set(moving.length ? await namesOf(disk) : []);
        const held = await memory.get(moving.filter(name => !isEvent(name) || !onDisk.has(name)));
        if (wasFull || Object.keys(held).length) await disk.set({...held, clock: (await this.read(['clock'])).clock});
        if (dropped.length) await disk.remove(dropped.map(name => name.slice(DROPPED.length)));
      } catch {
        noteFull();
        if (!wasFull) await memory.set({full: true});
        return false;
      }
      await memory.remove([...moving, ...dropped, 'clock', 'full']);
      if (wasFull || !names.includes('reserve')) await memory.set({reserve: RESERVE});
      return true;
    },
  };
  return storage;
})();
