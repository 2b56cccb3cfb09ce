"""The command line: parse, call a verb, print. No thinking happens here."""
