"""The documentation: `pages` are written by hand, the rest is generated when the site is built."""
