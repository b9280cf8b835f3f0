"""Words on pictures: fonts with fallback, shaping, line breaking, fitting and inking. No box ever stands for a glyph."""
