import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { FaktoryExited, type RunningFaktory, untilItAnswers } from './faktory-process.ts';
import { faktoryUrl } from './faktory-url.ts';
import { freePort } from './free-port.ts';
import { type RunningProcess, startNode } from './process.ts';

export interface EmbeddedFaktoryOptions {
  password?: string;
  /** Default: a free one. */
  port?: number;
}

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Starts `millrace faktory` (the built one: `npm run build` first) as a process of its own on loopback. */
export async function startEmbeddedFaktory(options: EmbeddedFaktoryOptions = {}): Promise<RunningFaktory> {
  const attempts = options.port === undefined ? 3 : 1;
  for (let attempt = 1; ; attempt++) {
    const faktory = new EmbeddedFaktoryProcess(options.port ?? (await freePort()), options.password);
    try {
      await faktory.restart();
      return faktory;
    } catch (error) {
      await faktory.stop();
      if (attempt >= attempts || !(error instanceof FaktoryExited)) throw error;
    }
  }
}

class EmbeddedFaktoryProcess implements RunningFaktory {
  readonly kind = 'embedded';
  readonly version = 'embedded';
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly password: string | undefined;
  #child: RunningProcess | undefined;

  constructor(port: number, password: string | undefined) {
    this.port = port;
    this.password = password;
  }

  get url(): string {
    return faktoryUrl(this, this.password);
  }

  get pid(): number {
    if (!this.#child) throw new Error('the embedded Faktory was not started');
    return this.#child.pid;
  }

  get output(): string {
    return this.#child?.output ?? '';
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#child?.kill(signal);
    if (signal === 'SIGKILL') await this.#child?.exit;
  }

  async stop(): Promise<void> {
    await this.#child?.stop();
  }

  /** It keeps nothing: what it held is gone. */
  async restart(): Promise<void> {
    await this.stop();
    // Away from the repository, whose .env it would read.
    this.#child = startNode(MAIN, ['faktory', '--port', String(this.port)], {
      cwd: tmpdir(),
      env: { FAKTORY_PASSWORD: this.password },
    });
    await untilItAnswers(this.#child, this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
