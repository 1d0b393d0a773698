"""One file a dialect: a lookup table, and a parse that turns a platform's words into ours."""
