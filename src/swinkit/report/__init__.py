"""Pages for people: what `check`, `train`, `evaluate`, `compare` found. HTML, no numbers of its own."""
