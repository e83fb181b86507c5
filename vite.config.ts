import { defineConfig } from "vite";

export default defineConfig({
  base: "/static/dist/",
  publicDir: false,
  build: {
    outDir: "static/dist",
    manifest: "manifest.json",
    assetsInlineLimit: 0, // the CSP allows no data: scripts or fonts
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: [
        "static/src/main.ts",
        "static/src/workbench.ts",
        "static/src/review.ts",
        "static/src/map.ts",
        "static/src/training.ts",
        "static/src/video.ts",
      ],
    },
  },
});
