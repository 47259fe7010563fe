/** Preloaded by a server whose clock a test sets back: by SIGUSR2, an hour. */
const now = Date.now;
let back = 0;
Date.now = () => now() - back;
process.on("SIGUSR2", () => (back += 3_600_000));
