import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "jsdom",
    include: ["tests/frontend/**/*.test.ts"],
    restoreMocks: true,
    testTimeout: 30_000, // on a slow machine with other things to do
  },
});
