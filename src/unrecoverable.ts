/**
 * Thrown by a handler whose job can never succeed (its user is gone, its payload makes no sense): the job goes to Dead
 * at once, whatever retries it has left (one with retry 0 is dropped, as it asked). `throw new Unrecoverable('no such user', { cause })`.
 */
export class Unrecoverable extends Error {
  override readonly name = 'Unrecoverable';
}
