/** Of all processes of a machine alike, in ms: what one stamps, another may compare with. */
export const clock = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000;
