// @ts-check
/**
 * Keeps items in a folder, for Node: a line of JSON each, in a file of this process's own, which is emptied once all of
 * it was sent. What a killed process has left is taken over by the next one. Several processes may share a folder.
 *
 * A file's name says whose it is, by host and process id. Neither tells for sure that its process is dead: a container
 * that is started again may have both as before, and so may two that share the folder. So whoever takes a file over
 * first gives it a name of its own, and whoever writes to one looks afterwards whether it bears its name still, else
 * writes the item again to a new file. Whatever the guess was, nothing is lost; what is sent twice counts once.
 */

import { randomBytes } from "node:crypto";
import {
  closeSync, existsSync, fstatSync, fsyncSync, ftruncateSync, futimesSync, mkdirSync, openSync, readdirSync, readSync,
  renameSync, statSync, unlinkSync, utimesSync, writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

const SUFFIX = ".events.jsonl";
const FULL = 8_000_000; // bytes of a file, after which the next one is begun
const READ = 1_000_000; // bytes that are read at a time
const SIGN_OF_LIFE = 10_000; // milliseconds
const SILENCE = 60_000; // … without one, after which a process on another machine counts as dead
const LOOK_AGAIN = 30_000;
const BEGAN = Date.now() - process.uptime() * 1000;
/** Files that stores of this process write to. @type {Set<string>} */
const ours = new Set();

/**
 * @typedef {object} Segment a file of items, sent up to `from`
 * @property {string} path
 * @property {number} from
 */

/**
 * @template Item
 * @param {string} folder made when it is not there
 * @param {object} [options]
 * @param {boolean} [options.sync] wait for the disk itself at each item, so that it outlives a loss of power too
 * @returns {import("./queue.js").Store<Item>}
 */
export function fileStore(folder, { sync = false } = {}) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  /** Of dead processes, and of our own those that are full: oldest first. @type {Segment[]} */
  let left = [];
  let { path, fd } = begin();
  let size = 0;
  let from = 0;
  let looked = 0;
  const alive = setInterval(() => {
    futimesSync(fd, new Date(), new Date()); // it may be gone by name
    for (const segment of left) touch(segment.path);
  }, SIGN_OF_LIFE);
  alive.unref();

  /** @param {string} since when the file was begun: they are sent in that order */
  function ownName(since = String(Date.now()).padStart(15, "0")) {
    const path = join(folder, `${since}-${randomBytes(4).toString("hex")}@${hostname()}@${process.pid}${SUFFIX}`);
    ours.add(path);
    return path;
  }

  function begin() {
    const path = ownName();
    return { path, fd: openSync(path, "ax", 0o600) };
  }

  /** The present file is left as it is, and another begun. */
  function turnOver() {
    const before = { path, fd, from };
    ({ path, fd } = begin()); // first, since it may fail: a closed file's number may soon be another file's
    closeSync(before.fd);
    left.push({ path: before.path, from: before.from });
    size = from = 0;
  }

  /** @param {Buffer} line */
  function write(line) {
    let written = 0;
    try {
      written = writeSync(fd, line);
      if (sync) fsyncSync(fd);
    } catch (problem) {
      ftruncateSync(fd, size);
      throw problem;
    }
    if (written < line.length) {
      ftruncateSync(fd, size); // half a line would spoil the next one
      throw new Error(`${path}: the disk is full`);
    }
    size += line.length;
  }

  function takeOver() {
    looked = Date.now();
    const known = new Set(left.map((segment) => segment.path));
    const names = readdirSync(folder).filter((name) => name.endsWith(SUFFIX));
    for (const name of names) {
      const found = join(folder, name);
      if (ours.has(found) || known.has(found) || !isLeft(found, name)) continue;
      const path = ownName(name.split("-", 1)[0]);
      try {
        renameSync(found, path);
      } catch {
        ours.delete(path); // another process was faster
        continue;
      }
      touch(path);
      left.push({ path, from: 0 });
    }
    left.sort((one, other) => (one.path < other.path ? -1 : 1));
  }

  /** @param {Segment | null} segment null: the present file */
  function drop(segment) {
    if (!segment) {
      ftruncateSync(fd, 0);
      size = from = 0;
      return;
    }
    left = left.filter((each) => each !== segment);
    ours.delete(segment.path);
    try {
      unlinkSync(segment.path);
    } catch {
      // another process was faster
    }
  }

  return {
    add: (item) => {
      if (size >= FULL) turnOver();
      const line = Buffer.from(`${JSON.stringify(item)}\n`);
      if (line.length > READ) throw new RangeError(`an item of ${line.length} bytes is none that the service takes`);
      write(line);
      // This process stood still, say, and another took its file over: perhaps before the line was there.
      while (!existsSync(path)) {
        turnOver();
        write(line);
      }
    },
    first: (most) => {
      if (Date.now() - looked > LOOK_AGAIN) takeOver();
      for (const segment of [...left]) {
        const found = lines(segment.path, segment.from, most);
        if (found.length) return found.map(({ item, end }) => ({ item, done: { segment, end } }));
        drop(segment);
      }
      return from === size ? [] : lines(path, from, most).map(({ item, end }) => ({ item, done: { path, end } }));
    },
    remove: (done) => {
      for (const each of /** @type {{ segment?: Segment, path?: string, end: number }[]} */ (done)) {
        const segment = each.segment ?? left.find((one) => one.path === each.path); // turned over meanwhile
        if (segment) segment.from = Math.max(segment.from, each.end);
        else if (each.path === path) from = Math.max(from, each.end);
      }
      if (size && from === size) drop(null);
    },
    close: () => {
      clearInterval(alive);
      closeSync(fd);
      ours.delete(path);
      if (from === size) drop({ path, from });
    },
  };
}

/**
 * Nobody writes to it any more, as far as can be told.
 *
 * @param {string} path
 * @param {string} name
 */
function isLeft(path, name) {
  const [, host, pid] = name.slice(0, -SUFFIX.length).split("@");
  if (host === hostname() && Number(pid) !== process.pid && !isAlive(Number(pid))) return true;
  try {
    const lived = statSync(path).mtimeMs;
    // Of our own id: a process before this one had it, or this one's other threads, or another container's has it.
    if (host === hostname() && Number(pid) === process.pid && lived < BEGAN) return true;
    return Date.now() - lived > SILENCE;
  } catch {
    return false;
  }
}

/** @param {string} path */
function touch(path) {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // another process has it
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (problem) {
    return /** @type {NodeJS.ErrnoException} */ (problem).code === "EPERM";
  }
}

/**
 * Whole lines from there on. The last one of a process that was killed while it wrote may be half a line: nobody was
 * told that it is kept.
 *
 * @param {string} path
 * @param {number} from
 * @param {number} most
 */
function lines(path, from, most) {
  /** @type {{ item: any, end: number }[]} */
  const found = [];
  let fd;
  try {
    fd = openSync(path, "r");
  } catch {
    return found; // another process was faster
  }
  try {
    const buffer = Buffer.alloc(Math.min(READ, Math.max(0, fstatSync(fd).size - from)));
    const text = buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, from));
    for (let start = 0; found.length < most; ) {
      const newline = text.indexOf(10, start);
      if (newline < 0) break;
      try {
        found.push({ item: JSON.parse(text.toString("utf8", start, newline)), end: from + newline + 1 });
      } catch {
        // not a line that we wrote whole
      }
      start = newline + 1;
    }
  } finally {
    closeSync(fd);
  }
  return found;
}
