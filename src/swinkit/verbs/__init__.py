"""The Python interface, one function per verb. Importing a verb imports nothing heavy; calling it does."""
