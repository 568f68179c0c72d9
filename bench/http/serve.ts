/** A server to be measured, and shots at it. */
import { Program, type ServerName } from './program.ts';

export const TOKEN = 'a-token-of-more-than-thirty-two-characters';
export const BODY = '{"a":1,"b":2}';

export interface Shots {
  readonly perSecond: number;
  readonly p99: number;
  /** Answers that were no 2xx, and requests without one. */
  readonly others: number;
}

export interface ShotOptions {
  readonly connections: number;
  readonly seconds: number;
  /** Default: POST /jobs/add with BODY. */
  readonly get?: string;
}

export class Server implements AsyncDisposable {
  readonly program: Program;
  readonly url: string;

  private constructor(program: Program, url: string) {
    this.program = program;
    this.url = url;
  }

  /** `faktory`: its URL, where the server uses one. */
  static async start(name: ServerName, faktory = '', poolSize = 20): Promise<Server> {
    const program = new Program(name);
    try {
      return new Server(
        program,
        await program.ask<string>('start', { url: faktory, token: TOKEN, poolSize }),
      );
    } catch (error) {
      await program[Symbol.asyncDispose]();
      throw error;
    }
  }

  async shoot({ connections, seconds, get }: ShotOptions): Promise<Shots> {
    await using shooter = new Program('shooter');
    const what =
      get === undefined
        ? { url: `${this.url}/jobs/add`, method: 'POST', body: BODY }
        : { url: this.url + get, method: 'GET' };
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` };
    return await shooter.ask<Shots>('shoot', { ...what, headers, connections, seconds });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }
}
