"""What each word of the command line does: one file per word, with `main(options, environment)`."""
