"""The command line's verbs, one file each: `add(subparsers)` declares options, `run(options)` does the work."""
