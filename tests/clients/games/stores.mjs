/** Files of events whose names do not tell whether their process lives: nothing in them is lost, whoever takes them. */

import assert from "node:assert/strict";
import fs from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileStore } from "gamification-client/file-store";

const [, , folder] = process.argv;
const SUFFIX = ".events.jsonl";
const names = () => fs.readdirSync(folder);
const kept = () =>
  names().flatMap((name) => fs.readFileSync(join(folder, name), "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line).n));

// A container that was started again: the process before this one had its host's name and its id.
const before = `000000000000001-aaaaaaaa@${hostname()}@${process.pid}${SUFFIX}`;
leave(before, { n: 1 }, 3600);
// Another container with the same, which lives.
const others = `000000000000002-bbbbbbbb@${hostname()}@${process.pid}${SUFFIX}`;
leave(others, { n: 2 }, 0);
const store = fileStore(folder);
const first = await store.first(10);
assert.deepEqual(first.map(({ item }) => item.n), [1]);
assert.ok(!names().includes(before), "it has a name of this process's own by now");
assert.ok(names().includes(others), "whoever lives keeps what is theirs");
await store.remove(first.map(({ done }) => done));

// This process stood still, and another took its file: before an item is written, and in the middle of that.
await store.add({ n: 3 });
take();
await store.add({ n: 4 });
const { writeSync } = fs;
await interrupted(() => store.add({ n: 5 }));
assert.deepEqual((await store.first(10)).map(({ item }) => item.n), [5]);
await store.close();
assert.deepEqual(new Set(kept()), new Set([2, 3, 4, 5]));

function leave(name, item, secondsAgo) {
  fs.writeFileSync(join(folder, name), `${JSON.stringify(item)}\n`);
  const at = new Date(Date.now() - secondsAgo * 1000);
  fs.utimesSync(join(folder, name), at, at);
}

/** As another process does it, which has read what is in it by then and will not look again. */
function take() {
  const mine = names().filter((name) => name.endsWith(`@${process.pid}${SUFFIX}`) && name !== others).at(-1);
  fs.renameSync(join(folder, mine), join(folder, mine.replace(`@${process.pid}`, "@0")));
}

/** The file is taken just before the line is written to it. */
async function interrupted(act) {
  const { syncBuiltinESMExports } = await import("node:module");
  fs.writeSync = (...said) => {
    fs.writeSync = writeSync;
    syncBuiltinESMExports();
    take();
    return writeSync(...said);
  };
  syncBuiltinESMExports();
  await act();
}
