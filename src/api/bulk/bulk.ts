/**
 * One POST /jobs/bulk: takes items from its body as long as there is room, pushes each, and tells what became of them
 * in their order.
 */
import { finished } from 'node:stream';
import { Problem, problemOf, sendProblem } from '../problem.ts';
import { submissionOf } from '../submit.ts';
import { Answer } from './answer.ts';
import { Inlet } from './inlet.ts';
import { envelopeOf, isNoJson, tooLong } from './item.ts';
import { afterBody } from './last-bytes.ts';
import { OwnLoad } from './load.ts';
import { type Form, Opening } from './opening.ts';
import type { BulkOptions } from './options.ts';
import { Outcomes, Place } from './outcomes.ts';
import { CLIENT_PATIENCE, Patience } from './patience.ts';
import type { Share } from './share.ts';
import type { Found, Splitter } from './splitter.ts';
import { type State, stateAfter } from './state.ts';
import { emptyBody, isAway, STOPS, type Stop, summaryOf } from './stop.ts';

const LOOK_MS = 1_000;
/** After so much work on its items the others of the process have their turn. */
const TURN_MS = 10;
/** Text is handed on when it has come to that. */
const FLUSH_LENGTH = 64 * 1024;

export class Bulk {
  readonly #options: BulkOptions;
  readonly #opening: Opening;
  readonly #outcomes: Outcomes;
  readonly #inlet: Inlet;
  readonly #load: OwnLoad;
  readonly #watch: NodeJS.Timeout;
  readonly #patience = new Patience();
  #state: State = 'reading';
  /** Known from the first byte that is not blank. */
  #opened: { form: Form; splitter: Splitter; answer: Answer } | undefined;
  #turning: NodeJS.Immediate | undefined;
  /** Whether the head of the answer is on its way: then its status is 200. */
  #isAnswering = false;
  /** The line or index of the next item. */
  #next: number | undefined;
  #stop: Stop | undefined;

  /** Begins at once. */
  constructor(options: BulkOptions) {
    const { context, reply, body, form } = options;
    this.#options = options;
    this.#opening = new Opening(context.bodyLimit, form);
    this.#outcomes = new Outcomes(context.metrics);
    this.#load = new OwnLoad(context.bulks.load, context.client.stats().maxInFlight);
    context.bulks.add(this);
    context.pushing.enter();
    this.#watch = setInterval(() => this.#look(), LOOK_MS);
    finished(reply.raw, () => this.#onClosed());
    this.#inlet = new Inlet(body, this.#onChunk, this.#onEnd);
  }

  /** Takes nothing more, and tells where it stopped. */
  shutDown(): void {
    this.#stopReading(new Problem('CLOSED'));
  }

  #setState(next: State): void {
    this.#state = stateAfter(this.#state, next);
  }

  readonly #onChunk = (chunk: Buffer): void => {
    this.#guard(() => {
      if (this.#opened === undefined) this.#open(chunk);
      else this.#opened.splitter.feed(chunk);
      this.#take();
    });
  };

  readonly #onEnd = (): void => {
    this.#guard(() => {
      this.#opened?.splitter.end();
      if (this.#opened === undefined) this.#settle();
      else this.#take();
    });
  };

  #open(chunk: Buffer): void {
    const opened = this.#opening.read(chunk);
    if (opened === undefined) return;
    const { form, splitter } = opened;
    const onRoom = (): void => {
      if (this.#inlet.isHeld || this.#outcomes.size > 0) this.#turnSoon();
    };
    this.#opened = { form, splitter, answer: new Answer(form, this.#options.onlyFailed, onRoom) };
  }

  /** Takes what is there of the body, as long as there is room. */
  #take(): void {
    const splitter = this.#opened?.splitter;
    if (splitter === undefined) return;
    const { share } = this.#load;
    const mayGoOn = this.#options.context.client.connected && this.#answerHasRoom(share);
    const end = performance.now() + TURN_MS;
    while (mayGoOn && this.#hasRoom(share)) {
      if (performance.now() >= end) {
        this.#turnSoon();
        break;
      }
      const found = splitter.next();
      if (found === 'more') return this.#inlet.goOn();
      if (found === 'end') return this.#settle();
      this.#takeItem(splitter, found);
      if (this.#state !== 'reading') return;
    }
    this.#inlet.hold();
  }

  #hasRoom({ jobs, bytes }: Share): boolean {
    const { size } = this.#outcomes;
    return size === 0 || (size < jobs && this.#outcomes.bytes < bytes && !this.#load.isFull);
  }

  #answerHasRoom({ answerBytes }: Share): boolean {
    return this.#opened!.answer.heldBytes < answerBytes;
  }

  #takeItem(splitter: Splitter, found: Found): void {
    if (found === 'broken')
      return this.#stopReading(new Problem('BODY_INVALID', { message: splitter.fault }));
    const { number, bytes } = splitter;
    this.#next = number + 1;
    try {
      this.#push(splitter, found === 'too long');
    } catch (thrown) {
      const problem = problemOf(thrown);
      const place = new Place(number, bytes, '', '', this.#onKnown);
      this.#hold(place);
      place.fail(problem);
      if (this.#opened!.form === 'array' && isNoJson(problem)) this.#stopReading(problem);
    }
  }

  /** Throws what is wrong with the item. */
  #push(splitter: Splitter, isTooLong: boolean): void {
    const { context } = this.#options;
    const { form } = this.#opened!;
    if (isTooLong) throw tooLong(context.bodyLimit, form);
    const envelope = envelopeOf(splitter.text(), form);
    const { job, queue } = submissionOf(envelope, context);
    const place = new Place(splitter.number, splitter.bytes, envelope.jid, queue, this.#onKnown);
    context.client.pushFor(place, job);
    // Nothing calls it before the next turn of the event loop, and now it was not refused.
    this.#hold(place);
  }

  #hold(place: Place): void {
    this.#outcomes.push(place);
    this.#load.add(place.bytes);
  }

  readonly #onKnown = ({ bytes }: Place): void => {
    this.#load.remove(bytes);
    this.#turnSoon();
  };

  readonly #turnSoon = (): void => {
    this.#turning ??= setImmediate(() => {
      this.#turning = undefined;
      this.#guard(() => this.#turn());
    });
  };

  /** Tells what is known, once for all that became known meanwhile, and takes what there is room for then. */
  #turn(): void {
    this.#tell();
    if (this.#state === 'reading' && this.#inlet.isHeld) this.#take();
    if (this.#outcomes.size > 0) return;
    if (this.#state === 'settling') this.#finish();
    if (this.#state === 'gone') this.#release();
  }

  #tell(): void {
    const answer = this.#opened?.answer;
    const { share } = this.#load;
    while (answer !== undefined && (this.#state === 'gone' || this.#answerHasRoom(share))) {
      const place = this.#outcomes.shift();
      if (place === undefined) break;
      if (this.#state !== 'gone') answer.tell(place);
      if (answer.gathered >= FLUSH_LENGTH) this.#flush(answer);
      if (place.problem !== undefined) this.#note(place.problem);
    }
    if (answer !== undefined && this.#outcomes.told > 0) this.#flush(answer);
    this.#load.noteUnread(this.#state === 'gone' ? 0 : (answer?.heldBytes ?? 0));
    this.#outcomes.report();
  }

  #note(problem: Problem): void {
    const { context, reply } = this.#options;
    context.report(problem, reply.request.id);
    if (isAway(problem, context.client.connected)) this.#stopReading(STOPS.away());
  }

  #flush(answer: Answer): void {
    if (this.#state === 'gone') return;
    const { reply } = this.#options;
    if (!this.#isAnswering) {
      this.#isAnswering = true;
      void reply.code(200).type(answer.type).send(answer.stream);
    }
    answer.flush();
  }

  /** The body is over. */
  #settle(): void {
    this.#setState('settling');
    this.#turnSoon();
  }

  /** Takes no more: the rest of the body is thrown away. */
  #stopReading(problem: Problem): void {
    if (this.#state !== 'reading') return;
    this.#stop = { at: this.#next, problem };
    this.#inlet.discard();
    this.#settle();
  }

  #finish(): void {
    this.#setState('answered');
    const { reply } = this.#options;
    const opened = this.#opened;
    const { stored, failed, told } = this.#outcomes;
    if (told === 0 && this.#stop !== undefined) return void sendProblem(reply, this.#stop.problem);
    // An empty array is an array.
    if (opened === undefined || (told === 0 && opened.form === 'lines'))
      return void sendProblem(reply, emptyBody());
    this.#flush(opened.answer);
    opened.answer.close(summaryOf(stored, failed, this.#stop, opened.form));
    afterBody(this.#inlet.body, () => opened.answer.end());
  }

  /** The client has all of the answer, or is gone. */
  #onClosed(): void {
    clearInterval(this.#watch);
    if (this.#state === 'answered') return this.#release();
    this.#inlet.discard();
    this.#setState('gone');
    this.#turnSoon();
  }

  #release(): void {
    const { context } = this.#options;
    this.#load.end();
    context.bulks.delete(this);
    context.pushing.leave();
  }

  /** Once a second. */
  #look(): void {
    const isReading = this.#state === 'reading';
    const isConnected = this.#options.context.client.connected;
    const received = this.#inlet.isHeld ? undefined : this.#inlet.receivedBytes;
    const vain = this.#patience.look({ isReading, isConnected, received, read: this.#readBytes() });
    if (vain === 'mute' && !isReading) this.#cut();
    else if (vain !== undefined) this.#stopReading(STOPS[vain]());
    this.#turnSoon();
  }

  /** Bytes of the answer that the client has read, while it holds everything up that it does not read more. */
  #readBytes(): number | undefined {
    const answer = this.#opened?.answer;
    if (answer === undefined) return undefined;
    if (this.#state === 'reading' && (!this.#inlet.isHeld || this.#answerHasRoom(this.#load.share)))
      return undefined;
    const held = answer.heldBytes + this.#options.reply.raw.writableLength;
    return held === 0 ? undefined : answer.writtenBytes - held;
  }

  #cut(): void {
    clearInterval(this.#watch);
    const { context, reply } = this.#options;
    const { stored, failed } = this.#outcomes;
    context.logger.warn(
      { requestId: reply.request.id, stored, failed },
      `a bulk was cut: its client read nothing of the answer for ${CLIENT_PATIENCE} s`,
    );
    reply.raw.destroy();
  }

  /** What is thrown here would end the process: nobody awaits it. */
  #guard(step: () => void): void {
    try {
      step();
    } catch (cause) {
      const { context, reply } = this.#options;
      context.report(new Problem('INTERNAL', { cause }), reply.request.id);
      reply.raw.destroy();
    }
  }
}
