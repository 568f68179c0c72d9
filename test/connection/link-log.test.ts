import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LinkLog } from '../../src/connection/link-log.ts';
import { MillraceError } from '../../src/errors.ts';

const away = new MillraceError('FAKTORY_UNREACHABLE', 'tcp://faktory:7419 (ECONNREFUSED)');
const stalled = new MillraceError('CONNECTION_STALLED', 'tcp://faktory:7419 has answered nothing');

/** A log, and the lines that came of it. */
function logged(): { log: LinkLog; lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (fields: object, text: string) => {
    lines.push([level, ...Object.values(fields), text].join(' '));
  };
  const log = new LinkLog({ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') });
  return { log, lines };
}

const AWAY = 'warn FAKTORY_UNREACHABLE tcp://faktory:7419 (ECONNREFUSED); trying again';
const STALLED = 'warn CONNECTION_STALLED tcp://faktory:7419 has answered nothing; trying again';
const UP = 'info connected to tcp://faktory:7419 again';

describe('LinkLog', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('says nothing of a link that comes up without a fault', () => {
    const { log, lines } = logged();
    log.up('tcp://faktory:7419');
    expect(lines).toEqual([]);
  });

  it('tells a fault once, however many lanes meet it, and again each minute', () => {
    const { log, lines } = logged();
    for (let i = 0; i < 10; i += 1) log.fault(away);
    expect(lines).toEqual([AWAY]);
    vi.advanceTimersByTime(59_999);
    log.fault(away);
    expect(lines).toEqual([AWAY]);
    vi.advanceTimersByTime(1);
    log.fault(away);
    log.fault(away);
    expect(lines).toEqual([AWAY, AWAY]);
  });

  it('tells each new reason, and that the link is back, once', () => {
    const { log, lines } = logged();
    log.fault(stalled);
    log.fault(away);
    log.up('tcp://faktory:7419');
    log.up('tcp://faktory:7419');
    log.fault(away);
    expect(lines).toEqual([STALLED, AWAY, UP, AWAY]);
  });

  it('tells a fault of our own as an error, with where it was met, once a minute, and does not blame the link', () => {
    const { log, lines } = logged();
    const bug = new MillraceError('INTERNAL', 'a fault of millrace itself', { cause: new Error('oops') });
    for (let i = 0; i < 10; i += 1) log.fault(bug);
    log.up('tcp://faktory:7419');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^error INTERNAL Error: oops\n +at .*a fault of millrace itself$/s);
    vi.advanceTimersByTime(60_000);
    log.fault(new MillraceError('INTERNAL', 'another', { cause: 'no error' }));
    expect(lines[1]).toMatch(/^error INTERNAL +another$/);
  });
});
