/** Tests of jobs need no set-up; a cache of vitest's is all that would be left here. */
export default { cacheDir: '../../node_modules/.vite' };
