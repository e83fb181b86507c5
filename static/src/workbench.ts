/** Entry of its page. */
export {};
