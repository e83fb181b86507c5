/** The browser's own player, which may not read what it promised to. */

const START_MS = 4000; // for it to begin; after that it is done without

/** Resolves when it plays from `seconds` on; an Error where it does not come to that. */
export function started(video: HTMLVideoElement, seconds: number, rate: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = new AbortController();
    const { signal } = over;
    const end = (settle: () => void) => {
      over.abort();
      clearTimeout(timer);
      settle();
    };
    const timer = setTimeout(() => end(() => reject(new Error("it does not begin"))), START_MS);
    video.addEventListener("error", () => end(() => reject(new Error("it cannot be played"))), { signal });
    video.addEventListener(
      "playing",
      () => end(video.videoWidth ? resolve : () => reject(new Error("no picture"))),
      { signal },
    );
    video.playbackRate = rate;
    video.currentTime = seconds;
    video.play().catch((error: unknown) => end(() => reject(error as Error)));
  });
}
