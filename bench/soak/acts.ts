/** How each fault is made. An act resolves when the fault is over: from then on recovery counts. */
import { rmSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Fault } from './faults.ts';
import type { Scene } from './scene.ts';

const EXIT_LIMIT_MS = 40_000;

type Act = (scene: Scene, choice: number) => Promise<void>;

export const ACTS: Record<Fault, Act> = {
  'relay-cut': ({ relay }) => relay.cut(),
  'relay-reset': ({ relay }) => relay.cut({ reset: true }),
  'relay-freeze': async ({ relay }) => {
    await relay.freeze();
    await pause(2_000);
    await relay.thaw();
  },
  'relay-hole': async ({ relay }) => {
    await relay.blackhole(true);
    await pause(2_000);
    await relay.blackhole(false);
  },
  'worker-kill': async (scene, choice) => {
    const place = placeOf(scene, choice);
    scene.workers[place]!.kill('SIGKILL');
    await scene.startWorker(place);
  },
  // The new one comes while the old one hands back, as a rolling update has it.
  'worker-stop': async (scene, choice) => {
    const place = placeOf(scene, choice);
    const old = scene.workers[place]!;
    old.kill('SIGTERM');
    await Promise.all([scene.startWorker(place), old.waitForExit({ timeoutMs: EXIT_LIMIT_MS })]);
  },
  'faktory-pause': async ({ faktory }) => {
    await faktory.kill('SIGSTOP');
    await pause(3_000);
    await faktory.kill('SIGCONT');
  },
  'faktory-stop': async (scene) => {
    scene.noteFaktoryOutput();
    await scene.faktory.restart();
  },
  'faktory-kill': async (scene) => {
    scene.noteFaktoryOutput();
    await scene.faktory.kill('SIGKILL');
    await scene.faktory.restart();
  },
  'api-stop': async (scene) => {
    const old = scene.api;
    old.kill('SIGTERM');
    await old.waitForExit({ timeoutMs: EXIT_LIMIT_MS });
    await scene.startApi();
  },
  'handlers-throw': async ({ throwingFile }) => {
    writeFileSync(throwingFile, '');
    await pause(1_000);
    rmSync(throwingFile);
  },
};

function placeOf({ workers }: Scene, choice: number): number {
  return Math.floor(choice * workers.length);
}
