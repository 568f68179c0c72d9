/**
 * One connection: its handshake, then its commands one after another, however they were pipelined. What is answered
 * in one turn leaves in one write.
 */
import type { Socket } from 'node:net';
import type { Hi } from '../protocol/handshake.ts';
import { LineReader } from '../protocol/lines.ts';
import { bulkReply, errorReply, NULL_REPLY, OK_REPLY } from '../protocol/replies.ts';
import type { Caller, Faktory } from './commands/command.ts';
import { runCommand } from './commands/table.ts';
import type { Deadlines } from './deadlines.ts';
import type { Faults } from './faults.ts';
import { greetingReply, judgeHello, newGreeting } from './handshake.ts';
import type { StoredJob } from './store/stored-job.ts';
import type { Worker } from './workers.ts';

/** What a session shares with the others. */
export interface SessionHost {
  readonly faktory: Faktory;
  readonly password: string | undefined;
  readonly maxConnections: number;
  /** Connections that have not said HELLO yet. */
  readonly greetings: Deadlines<Session>;
  /** Asked before each command: a reply of its own to give instead of running it, or undefined. */
  readonly intercept: Intercept | undefined;
  /** Whether commands are still run; when not, the next one ends its connection. */
  readonly accepting: boolean;
  onClosed(session: Session): void;
}

/** A place for faults: gets each command's line; what it returns is sent as the reply, and the command is not run. */
export type Intercept = (line: string, wid: string | undefined) => string | undefined;

/**
 * greeting: HI is sent, HELLO is to come. ready: commands run as they come. waiting: a FETCH waits for a job, later
 * commands for it. choked: the peer does not read, so that nothing is run until it does. closed: the end.
 */
type State = 'greeting' | 'ready' | 'waiting' | 'choked' | 'closed';

/** Replies are written out early past so many characters. */
const WRITE_CHARS = 64 * 1024;
/** A peer that leaves more bytes than this unread is choked. */
const UNREAD_BYTES = 1024 * 1024;
/** With more than this not run, no more is read from the socket. */
const PENDING_BYTES = 1024 * 1024;

export class Session implements Caller {
  readonly #host: SessionHost;
  readonly #socket: Socket;
  readonly #hi: Hi;
  readonly #lines = new LineReader();
  #state: State = 'greeting';
  #out = '';
  #listening = true;
  #worker: Worker | undefined;

  constructor(host: SessionHost, socket: Socket) {
    this.#host = host;
    this.#socket = socket;
    this.#hi = newGreeting(host.password);
    socket.on('data', (bytes: Buffer) => this.#received(bytes));
    socket.on('drain', () => this.#drained());
    socket.on('end', () => this.#peerLeft());
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#peerLeft();
      if (this.#state !== 'waiting') this.close();
    });
    host.greetings.add(this, host.faktory.clock.now());
    this.#out = greetingReply(this.#hi);
    this.#flush();
  }

  get worker(): Worker | undefined {
    return this.#worker;
  }

  get listening(): boolean {
    return this.#listening;
  }

  onJob(job: StoredJob): void {
    const reply = bulkReply(job.text, job.bytes);
    if (this.#faults.losesReply('FETCH', reply)) this.end();
    else this.#answerWaiting(reply);
  }

  onNothing(): void {
    this.#answerWaiting(NULL_REPLY);
  }

  end(): void {
    if (this.#state === 'closed') return;
    this.#flush();
    this.#leave();
    this.#socket.destroySoon();
  }

  /** Closes at once; what was not written yet is lost. Harmless when it is closed. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#leave();
    this.#socket.destroy();
  }

  /** What the peer sends stays unread, until `thaw`. */
  freeze(): void {
    this.#socket.pause();
  }

  thaw(): void {
    this.#run();
  }

  get #faults(): Faults {
    return this.#host.faktory.faults;
  }

  #leave(): void {
    const { faktory, greetings } = this.#host;
    if (this.#state === 'greeting') greetings.delete(this);
    else faktory.counters.connections -= 1;
    if (this.#state === 'waiting') faktory.store.waiters.drop(this);
    if (this.#worker !== undefined) faktory.workers.leave(this.#worker, this);
    this.#state = 'closed';
    this.#listening = false;
    this.#host.onClosed(this);
  }

  #received(bytes: Buffer): void {
    if (this.#state === 'closed') return;
    if (!this.#lines.push(bytes)) {
      this.close();
      return;
    }
    this.#run();
  }

  /**
   * Its waiter is dropped, so that no job goes to nobody; commands that have come are still run. (Where FETCHes are to
   * strand jobs, it lives on, waiting, until none of them is left.)
   */
  #peerLeft(): void {
    if (this.#state === 'closed') return;
    this.#listening = false;
    if (this.#state === 'waiting' && this.#faults.quirks.strandsClosed !== true) {
      this.#host.faktory.store.waiters.drop(this);
      this.#out += NULL_REPLY;
      this.#state = 'ready';
    }
    if (this.#state === 'choked' && this.#socket.destroyed) this.#state = 'ready';
    this.#run();
  }

  /** The command is answered now, but others run in a turn of their own: the pusher's command comes first. */
  #answerWaiting(reply: string): void {
    if (this.#state !== 'waiting') return;
    this.#out += reply;
    this.#state = 'ready';
    queueMicrotask(() => this.#run());
  }

  #drained(): void {
    if (this.#state !== 'choked') return;
    this.#state = 'ready';
    this.#run();
  }

  /** Runs lines until there is none, or something has to be waited for. */
  #run(): void {
    if (this.#faults.frozen) return;
    while (this.#state === 'ready' || this.#state === 'greeting') {
      const line = this.#lines.next();
      if (line === undefined) break;
      if (this.#state === 'greeting') this.#hello(line);
      else this.#command(line);
      if (this.#out.length > WRITE_CHARS) this.#flush();
    }
    this.#flush();
    this.#throttle();
    if (!this.#listening && (this.#state === 'ready' || this.#state === 'greeting')) this.end();
  }

  #command(line: string): void {
    const { intercept, accepting, faktory } = this.#host;
    if (!accepting) {
      this.#out += errorReply('shutdown in progress');
      this.end();
      return;
    }
    const reply = intercept?.(line, this.#worker?.wid) ?? runCommand(faktory, line, this);
    if (reply === undefined) this.#state = 'waiting';
    else if (this.#faults.losesReply(line, reply)) this.end();
    else this.#out += reply;
  }

  #hello(line: string): void {
    const { faktory, greetings, password, maxConnections } = this.#host;
    const verdict = judgeHello(line, this.#hi, password);
    switch (verdict.kind) {
      case 'malformed':
        this.end();
        return;
      case 'wrong password':
        this.#out += errorReply('Invalid password');
        this.end();
        return;
      case 'welcome':
        greetings.delete(this);
        this.#state = 'ready';
        this.#out += OK_REPLY;
        faktory.counters.connections += 1;
        if (faktory.counters.connections > maxConnections) {
          this.#out += errorReply(`too many connections: ${faktory.counters.connections}`);
          this.end();
          return;
        }
        if (verdict.wid !== '') this.#worker = faktory.workers.join(verdict.wid, this);
        return;
      default:
        verdict satisfies never;
    }
  }

  #flush(): void {
    const out = this.#out;
    this.#out = '';
    if (out === '' || this.#socket.destroyed) return;
    this.#socket.write(out);
    if (this.#state === 'ready' && this.#socket.writableLength > UNREAD_BYTES) this.#state = 'choked';
  }

  /** Stops reading while much is left to run. */
  #throttle(): void {
    const full =
      (this.#state === 'waiting' || this.#state === 'choked') && this.#lines.pending > PENDING_BYTES;
    if (full) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }
}
