// One small game, killed at the call of the system that it is told; prints what it was told is kept.
//
//   node killed.mjs SERVICE KEY FOLDER NUMBER CALL     CALL 0: to its end; exits with 3 when it came there before
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const [, , service, key, folder, number, call] = process.argv;
let left = Number(call) || Infinity;
let isHalf = false;
const { writeSync } = fs;

function die() {
  process.kill(process.pid, "SIGKILL");
  while (true); // until it arrives
}

// Killed before a call and after it; and in the middle of a line that is being written.
for (const name of ["openSync", "writeSync", "readSync", "ftruncateSync", "unlinkSync", "closeSync", "fstatSync", "readdirSync",
  "existsSync", "renameSync", "utimesSync"]) {
  const real = fs[name];
  fs[name] = (...said) => {
    if (--left === 0) die();
    if (name === "writeSync" && left === 1 && !isHalf) {
      isHalf = true;
      real(said[0], said[1].subarray(0, said[1].length >> 1));
      die();
    }
    const answer = real(...said);
    if (--left === 0) die();
    return answer;
  };
}
syncBuiltinESMExports();
const realFetch = globalThis.fetch;
globalThis.fetch = async (...said) => {
  if (--left === 0) die();
  const answer = await realFetch(...said);
  await answer.clone().text(); // the service has counted
  if (--left === 0) die();
  return answer;
};

const { GameServer } = await import("gamification-client");
const { fileStore } = await import("gamification-client/file-store");
const game = new GameServer({ service, key, store: fileStore(folder) });
for (let n = 0; n < 3; n += 1) {
  await game.track("killed", "enemy.killed", { game: Number(number), n });
  writeSync(1, `${number} ${n}\n`);
  if (n === 1) await game.flush();
}
await game.close();
process.exit(Number(call) ? 3 : 0);
